"""Prices a market from a fixture's outcome space; pure.

What an outcome returns in each cell comes from the rules that settle it, so prices and settlement
cannot disagree: quarter lines, pushes and halves are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.odds.margin import MarginMethod, implied_probabilities
from backend.odds.pricing_units import BID_ONE_E6
from backend.odds.sport import Floats, OutcomeSpace
from protocol.limits import ODDS_ONE_E4
from protocol.market_id import Kind, MarketId
from protocol.outcomes import DOUBLE_CHANCE

MIN_FAIR_ODDS_E4 = 10_100
MAX_ODDS_E4 = 5_000_000
# Steps of offered odds, by the odds below which they apply: displayed odds are the odds paid.
_STEPS_E4 = ((100_000, 100), (1_000_000, 1_000))
_LARGEST_STEP_E4 = 10_000
_MIN_AT_STAKE = 1e-6


@dataclass(frozen=True, slots=True)
class FairPrice:
    """Expected fractions of an outcome: a bet of 1 at odds o returns o x win + refund."""

    win: float
    refund: float

    @property
    def probability(self) -> float:
        """Probability to win, given no refund; the fair decimal odds are 1 / this."""
        at_stake = 1 - self.refund
        return self.win / at_stake if at_stake > _MIN_AT_STAKE else 0.0


@dataclass(frozen=True, slots=True)
class Margin:
    """The house's margin: 0.05 is an overround of 105 %."""

    share: float
    method: MarginMethod


def fair_price(space: OutcomeSpace, market: MarketId, outcome: int) -> FairPrice:
    """Expected win and refund fractions of one outcome."""
    win, refund = space.fractions(market, outcome)
    return FairPrice(float(space.probability @ win), float(space.probability @ refund))


def fair_probabilities(space: OutcomeSpace, market: MarketId) -> Floats:
    """Fair probability of each outcome. They sum to 1 (double chance, whose outcomes overlap
    in pairs: to 2)."""
    prices = [fair_price(space, market, outcome) for outcome in range(len(market.outcomes))]
    return np.array([price.probability for price in prices])


def market_odds_e4(space: OutcomeSpace, market: MarketId, margin: Margin) -> tuple[int, ...] | None:
    """Decimal odds x 10^4 of each outcome, rounded down to the step. None for a market that should
    not be offered: it is almost decided, or almost certain to be refunded."""
    fair = fair_probabilities(space, market)
    if np.any(fair <= 0) or np.any(fair * MIN_FAIR_ODDS_E4 > ODDS_ONE_E4):
        return None
    if market.kind is Kind.DOUBLE_CHANCE:
        implied = _double_chance(space, market, margin)
    else:
        implied = implied_probabilities(fair, margin.share, margin.method)
    return tuple(_odds_e4(float(one)) for one in implied)


def market_bids_e6(
    space: OutcomeSpace, model: OutcomeSpace, market: MarketId, odds_e4: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """At what the house buys back a bet on each outcome of an offered market: what a bet of 1 is
    expected to win (to be multiplied by its own odds) and to get back, in parts per million.

    The margin that the odds add to an outcome's probability is deducted from it. The probability is
    the lower one of `space`, which accepted bets have moved, and `model`, which they have not: or
    somebody could bet on an outcome until its odds have moved enough, and then sell all at once.
    """
    found = []
    for outcome, offered_e4 in enumerate(odds_e4):
        price, unmoved = fair_price(space, market, outcome), fair_price(model, market, outcome)
        margin = ODDS_ONE_E4 / offered_e4 - price.probability
        probability = max(0.0, min(price.probability, unmoved.probability) - margin)
        win = probability * (1 - price.refund)
        found.append((int(win * BID_ONE_E6), int(price.refund * BID_ONE_E6)))
    return tuple(found)


def _double_chance(space: OutcomeSpace, market: MarketId, margin: Margin) -> Floats:
    """Sums of the match result's implied probabilities, so that two bets on the match result cost
    the same as one on the double chance."""
    result = MarketId(market.fixture, market.starts_at_s, Kind.MATCH_RESULT, market.period)
    fair = fair_probabilities(space, result)
    fair = np.maximum(fair, 1e-9)
    implied = implied_probabilities(fair / fair.sum(), margin.share, margin.method)
    return np.array([implied[one] + implied[other] for one, other in DOUBLE_CHANCE])


def _odds_e4(implied: float) -> int:
    """Rounded down to the step, but not below the minimum that is offered; never above the fair
    odds (which are at least MIN_FAIR_ODDS_E4) and never above the maximum."""
    odds_e4 = round_down_to_step(int(ODDS_ONE_E4 / implied))
    return min(max(odds_e4, MIN_FAIR_ODDS_E4), MAX_ODDS_E4)


def round_down_to_step(odds_e4: int) -> int:
    """Two decimals below 10, one below 100, none above."""
    step_e4 = next((step for below, step in _STEPS_E4 if odds_e4 < below), _LARGEST_STEP_E4)
    return odds_e4 // step_e4 * step_e4
