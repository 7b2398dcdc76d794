"""Dagster: what runs, in which order, and what readers get at the end."""
