"""Declares the error that the local network and the demo end with."""


class DevnetError(Exception):
    """What is missing or wrong and what to do, in one sentence."""
