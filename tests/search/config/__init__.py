"""Tests of search/config."""
