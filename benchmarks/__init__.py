"""Claims about speed and memory, each measured as a ratio within one run."""
