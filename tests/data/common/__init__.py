"""Tests of data/common."""
