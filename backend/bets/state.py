"""Says in words whether a bet is open, and how it ended; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def state_of(row: Mapping[str, Any]) -> str:
    """The state of a bet, from a row of `backend.mirror.bets`."""
    if row["payout_micro"] is None:
        return "open"
    if row["replaced"]:
        return "replaced"
    return "cashed-out" if row["cashed_out"] else "settled"
