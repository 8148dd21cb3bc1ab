"""Reads the facts file: fixtures and their scores."""
