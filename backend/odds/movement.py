"""Moves odds by liability; pure, keeps no state of its own.

The payouts of a fixture's accepted bets are summed for each score, over all its markets; scores
that would pay more become more likely by exp(payout / depth). This is Hanson's market
scoring rule ("Combinatorial Information Market Design", Information Systems Frontiers 5, 2003) on
the cells of the outcome space: a bet on one market moves every market related to it, and the
moved prices stay as consistent with each other as the model's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from backend.odds.sport import Floats, OutcomeSpace
from protocol.limits import ODDS_ONE_E4
from protocol.market_id import MarketId

MAX_LOG_MOVE = 0.7

Space = TypeVar("Space", bound=OutcomeSpace)


@dataclass(frozen=True, slots=True)
class Liability:
    """The accepted bets on one outcome: their stakes, and their payouts if it wins.

    A leg of an accumulator counts with the whole stake at its own odds: given that the leg wins,
    the other legs multiply stake and odds by about 1 in expectation.
    """

    stake_micro: int = 0
    payout_micro: int = 0

    def plus(self, stake_micro: int, odds_e4: int) -> Liability:
        """This liability with one more bet."""
        return Liability(
            self.stake_micro + stake_micro,
            self.payout_micro + stake_micro * odds_e4 // ODDS_ONE_E4,
        )


def payout_by_cell(
    space: OutcomeSpace, liabilities: Mapping[tuple[MarketId, int], Liability]
) -> Floats:
    """The payout of all bets in each cell, in micro-units."""
    total = np.zeros_like(space.probability)
    for (market, outcome), liability in liabilities.items():
        win, refund = space.fractions(market, outcome)
        total += liability.payout_micro * win + liability.stake_micro * refund
    return total


def moved(space: Space, payout_micro: Floats, depth_micro: int) -> Space:
    """The space with probability shifted towards the cells with the highest payouts.

    `depth_micro` is the payout that makes a score e times as likely against the rest; a cell
    moves by at most a factor of exp(MAX_LOG_MOVE) before all are scaled to sum to 1.
    """
    expected = float(space.probability @ payout_micro)
    log_move = np.clip((payout_micro - expected) / depth_micro, -MAX_LOG_MOVE, MAX_LOG_MOVE)
    weight = space.probability * np.exp(log_move)
    return space.with_probability(weight / weight.sum())
