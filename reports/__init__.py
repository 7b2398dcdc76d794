"""Answers for people, from what is published."""
