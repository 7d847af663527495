"""A walk through the assignment that this project comes from, as a notebook."""
