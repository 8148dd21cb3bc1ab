"""Decides whether the match-day control may exist."""

from __future__ import annotations

from backend.services import Services


def is_allowed(services: Services) -> bool:
    """Whether this control may exist: on a local chain, where the operator asked for it."""
    return services.settings.local_control and services.deployment.is_local
