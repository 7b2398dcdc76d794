"""Nights that are killed at random moments, and readers who must not notice."""
