"""Formats times and amounts for people; programs get the numbers."""

from __future__ import annotations

from datetime import UTC, datetime

from protocol.scale import MICRO_DECIMALS

# The last second that a datetime can hold. The contracts go further: an exclusion may end later.
_LAST_S = 253_402_300_799


def utc(at_s: int) -> str:
    """A unix time in UTC: "2025-05-24 14:00:00 UTC"."""
    if at_s > _LAST_S:
        return "after the year 9999"
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


def tokens(micro: int) -> str:
    """An amount in tokens, exactly, with at least two decimals: "500.00", "0.000001"."""
    sign = "-" if micro < 0 else ""
    whole, part = divmod(abs(micro), 10**MICRO_DECIMALS)
    return f"{sign}{whole}.{f'{part:06}'.rstrip('0'):0<2}"
