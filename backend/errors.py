"""Defines the two types of failure of the backend's work: a retry can help, or it cannot."""

from __future__ import annotations


class RetryableError(Exception):
    """The same work can succeed later; nothing needs to be changed."""


class FatalError(Exception):
    """A retry would fail the same way; a person has to change something."""
