"""Computes what the bankroll must hold for the open single bets of a market."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from protocol.market_id import FLAGS_AT, GROSS_KINDS, KIND_AT, Kind

COUNTED_OUTCOMES = 3
"""Outcomes of a market that have a sum of their own; wider markets add all payouts up."""


class Exposure(NamedTuple):
    """Payouts owed on outcomes 0, 1 and 2 to open single bets, and the stakes taken on them."""

    payout_0_micro: int = 0
    payout_1_micro: int = 0
    payout_2_micro: int = 0
    stakes_micro: int = 0

    def less(self, change: Sequence[int]) -> Exposure:
        """The difference, part by part."""
        return Exposure._make(now - moved for now, moved in zip(self, change, strict=True))


def is_gross(market: bytes) -> bool:
    """Whether every payout of a market counts, not only those of the worst outcome."""
    return bool(market[FLAGS_AT]) or market[KIND_AT] in GROSS_KINDS


def locked_micro(market: bytes, exposure: Exposure) -> int:
    """What the bankroll must hold for a market on top of its stakes: `Markets.locked`.

    Before the match the worst outcome counts (of a double chance the worst two, which win
    together). In-play bets can be void one by one, a proposition can pay any part of each outcome,
    and a market of many outcomes has no sum for each of them, so every payout counts.
    """
    *payouts, stakes = exposure
    if is_gross(market):
        owed = sum(payouts)
    elif market[KIND_AT] == Kind.DOUBLE_CHANCE:
        owed = sum(payouts) - min(payouts)
    else:
        owed = max(payouts)
    return max(0, owed - stakes)
