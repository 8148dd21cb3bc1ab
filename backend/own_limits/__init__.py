"""Keeps the limits that owners set themselves, and holds acceptance to them."""
