"""Tests of results/drift."""
