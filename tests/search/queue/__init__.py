"""Tests of search/queue."""
