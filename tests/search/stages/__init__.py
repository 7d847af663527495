"""Tests of search/stages."""
