"""Questions about single rows: where a number comes from, and how a person is forgotten."""
