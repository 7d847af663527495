"""A tabular benchmark: trials of the space, recorded once, on which searches are simulated."""
