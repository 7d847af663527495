"""Tests of results/leaderboard."""
