"""Tests of search/cli."""
