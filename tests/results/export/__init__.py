"""Tests of results/export."""
