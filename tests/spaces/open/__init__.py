"""Tests of spaces/open."""
