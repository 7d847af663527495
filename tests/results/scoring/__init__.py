"""Tests of results/scoring."""
