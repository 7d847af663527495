"""Tests of search/bridge."""
