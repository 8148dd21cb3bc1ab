"""Computes what a result would pay; pure. The contract has the last word, and the same rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.limits import ODDS_ONE_E4
from protocol.market_id import MarketId
from protocol.outcomes import Score, decides, fraction
from protocol.payout import VOID, Fraction
from protocol.typed_data import Result


@dataclass(frozen=True, slots=True)
class OpenBet:
    """An unsettled bet with a leg on the fixture: that leg, and the number of all its legs."""

    market: MarketId
    outcome: int
    odds_e4: int
    stake_micro: int
    legs: int


@dataclass(frozen=True, slots=True)
class Pays:
    """What a result does to the unsettled bets of its fixture. Single bets are paid by it alone;
    of accumulators it decides a leg, and ends those that lose it."""

    singles: int = 0
    stakes_micro: int = 0
    payouts_micro: int = 0
    void_singles: int = 0
    accumulators: int = 0
    lost_accumulators: int = 0


def pays(bets: Iterable[OpenBet], result: Result) -> Pays:
    """What `result` pays on the given bets."""
    singles = stakes = payouts = voids = accumulators = lost = 0
    for bet in bets:
        earned = earns(bet.market, bet.outcome, result)
        if bet.legs > 1:
            accumulators += 1
            lost += earned.win == earned.refund == 0
            continue
        singles += 1
        stakes += bet.stake_micro
        payouts += _payout_down(bet, earned)
        voids += earned.refund == earned.parts
    return Pays(singles, stakes, payouts, voids, accumulators, lost)


def earns(market: MarketId, outcome: int, result: Result) -> Fraction:
    """What an outcome of a pre-match market earns by `result`; VOID where it decides nothing."""
    score = Score(result.home_half, result.away_half, result.home_full, result.away_full)
    if not decides(market, result.status, score, result.settled_at_s):
        return VOID
    return fraction(market, outcome, score)


def _payout_down(bet: OpenBet, earned: Fraction) -> int:
    weight = bet.odds_e4 * earned.win + ODDS_ONE_E4 * earned.refund
    return bet.stake_micro * weight // (ODDS_ONE_E4 * earned.parts)
