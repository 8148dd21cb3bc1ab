"""Keeps how the odds of each market have moved."""
