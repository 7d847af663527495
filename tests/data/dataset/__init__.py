"""Tests of data/dataset."""
