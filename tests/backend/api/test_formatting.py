"""Tests how times and amounts are shown to people."""

from __future__ import annotations

import pytest

from backend.formatting import tokens, utc
from protocol.limits import MAX_MICRO, MAX_TIME_S


@pytest.mark.parametrize(
    ("micro", "shown"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (100_000, "0.10"),
        (2_500_000, "2.50"),
        (500_000_000, "500.00"),
        (1_234_567, "1.234567"),
        (-4_000_000, "-4.00"),
        (MAX_MICRO, "72057594037.927935"),
    ],
)
def test_amount_is_shown_exactly_in_tokens(micro: int, shown: str) -> None:
    assert tokens(micro) == shown


@pytest.mark.parametrize(
    ("at_s", "shown"),
    [
        (0, "1970-01-01 00:00:00 UTC"),
        (1_748_095_200, "2025-05-24 14:00:00 UTC"),
        (253_402_300_799, "9999-12-31 23:59:59 UTC"),
        (253_402_300_800, "after the year 9999"),
        (MAX_TIME_S, "after the year 9999"),
    ],
)
def test_time_is_shown_in_utc(at_s: int, shown: str) -> None:
    assert utc(at_s) == shown
