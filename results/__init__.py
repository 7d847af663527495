"""What came out: the study, the leaderboard, the exported winner and its predictions."""
