"""Tests of results/study."""
