"""Fixtures and their markets."""
