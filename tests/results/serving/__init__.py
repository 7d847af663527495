"""Tests of results/serving."""
