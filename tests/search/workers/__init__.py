"""Tests of search/workers."""
