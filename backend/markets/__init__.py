"""Fixtures and the markets on them."""
