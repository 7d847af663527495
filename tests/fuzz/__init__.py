"""Hostile bytes against the reader, and a second reader by the book that judges it."""
