"""A company and the vendors it uses, served on localhost in the vendors' own wire formats."""
