"""Tests of data/source."""
