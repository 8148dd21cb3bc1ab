"""Computes in plain Python what the single bets of a market lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from protocol.market_id import WIDE_KINDS, Kind, MarketId
from protocol.records import BetRecord

Exposure = tuple[int, int, int, int]


def added(exposure: Exposure, record: BetRecord, sign: int) -> Exposure:
    """A market's payouts and stakes with one bet more or less. What has no place of its own among
    three outcomes stands at the first."""
    outcome = record.legs[0].outcome
    payouts = list(exposure[:3])
    payouts[outcome if outcome < 3 else 0] += sign * record.payout_max_micro
    a, b, c = payouts
    return a, b, c, exposure[3] + sign * record.stake_micro


def is_gross(market: MarketId) -> bool:
    """Whether every bet counts alone: in play, with many outcomes, and where a result may pay any
    part of any outcome."""
    return market.in_play or market.kind in WIDE_KINDS or market.kind is Kind.PROPOSITION


def locks(market: MarketId, exposure: Exposure) -> int:
    """The most that a market can owe beyond its stakes; two outcomes of a double chance win
    together."""
    payouts, stakes = exposure[:3], exposure[3]
    worst: Callable[[Sequence[int]], int] = max
    if is_gross(market):
        worst = sum
    elif market.kind is Kind.DOUBLE_CHANCE:
        owed = max(sum(payouts) - one for one in payouts)
        return max(0, owed - stakes)
    return max(0, worst(payouts) - stakes)
