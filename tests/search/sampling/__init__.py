"""Tests of search/sampling."""
