"""A harness that hurts real searches at random moments and looks for what was lost."""
