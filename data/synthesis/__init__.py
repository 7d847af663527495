"""What the synthetic log is made of."""
