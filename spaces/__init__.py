"""What can be trained: the fixed baselines, the Model 3 search space, and the brief's rules."""
