"""Computes what the open bets of a decided market are paid, as in `SettlingByResults._owedBy`.

It does not decide when a market is decided: the first settlement of one of its bets says so.
"""

from __future__ import annotations

from typing import NamedTuple

from indexer.errors import Contradiction
from protocol.exposure import Exposure
from protocol.limits import VOID_AFTER_S
from protocol.market_id import MarketId, MarketInvalid
from protocol.outcomes import Score, decides, fraction
from protocol.payout import HALF_LOSS, HALF_WIN, VOID, WIN, Fraction


class DecidingResult(NamedTuple):
    """What a fixture's result says about its markets; times in unix seconds."""

    status: int
    score: Score
    settled_at_s: int
    published_at_s: int


def owed_micro(market: bytes, exposure: Exposure, result: DecidingResult | None) -> int:
    """What the open single bets of a decided market are paid, rounded up. All of them share one
    fate, so it is not for markets in play, propositions and markets that are locked gross. Without
    a result the market is void. Raises Contradiction when it cannot have been decided."""
    try:
        first, *others = _fractions(MarketId.unpack(market), result)
    except (MarketInvalid, ValueError) as error:
        raise Contradiction(f"market 0x{market.hex()} cannot be decided: {error}") from error
    *payouts, stakes = exposure
    if first == VOID:
        return stakes
    # Ahead by a quarter goal: half of each bet on outcome 0 wins, half of its stake is paid back,
    # and so is half of each stake on outcome 1; behind by one, the reverse.
    if first in (HALF_WIN, HALF_LOSS):
        return (payouts[0 if first == HALF_WIN else 1] + stakes + 1) // 2
    won = (earned == WIN for earned in (first, *others))
    return sum(payout for payout, wins in zip(payouts, won, strict=False) if wins)


def _fractions(market: MarketId, result: DecidingResult | None) -> list[Fraction]:
    """What each outcome earns."""
    outcomes = range(len(market.outcomes))
    if result is None or not _counts(market, result):
        return [VOID for _ in outcomes]
    return [fraction(market, outcome, result.score) for outcome in outcomes]


def _counts(market: MarketId, result: DecidingResult) -> bool:
    """Whether the result decides the market by its score, and came in time."""
    if result.published_at_s > market.starts_at_s + VOID_AFTER_S:
        return False
    return decides(market, result.status, result.score, result.settled_at_s)
