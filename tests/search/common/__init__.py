"""Tests of search/common."""
