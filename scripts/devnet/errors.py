"""Owns the one error that the local network refuses with; must not decide when."""


class DevnetError(Exception):
    """One sentence: what is missing or wrong, and what to do."""
