"""Computes the score grid of a football fixture by halves; pure, independent of odds and margin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np

from backend.odds.goal_rates import GoalRates, low_score_factor
from backend.odds.sport import Floats
from protocol.market_id import FIXTURE_BYTES, Kind, MarketId, Period
from protocol.outcomes import Score, fraction
from protocol.payout import HALVES

GOALS_PER_HALF = 10

# Goals of every cell: home and away in the first half, home and away in the second.
_HOME_1, _AWAY_1, _HOME_2, _AWAY_2 = (
    axis.ravel() for axis in np.indices((GOALS_PER_HALF,) * 4, dtype=np.intp)
)
_GOALS = {
    Period.FULL_TIME: (_HOME_1 + _HOME_2, _AWAY_1 + _AWAY_2),
    Period.FIRST_HALF: (_HOME_1, _AWAY_1),
    Period.SECOND_HALF: (_HOME_2, _AWAY_2),
}
_MAX_GOALS = 2 * (GOALS_PER_HALF - 1)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreGrid:
    """Probability of every pair of half-time and full-time scores, up to 9 goals per team and
    half; an OutcomeSpace."""

    probability: Floats

    def fractions(self, market: MarketId, outcome: int) -> tuple[Floats, Floats]:
        """Win and refund fractions by cell, by the rules that settle the bet."""
        return _fractions(market.kind, market.period, market.line_q, outcome)

    def with_probability(self, probability: Floats) -> Self:
        """The same cells with other probabilities."""
        return replace(self, probability=probability)


def score_grid(rates: GoalRates) -> ScoreGrid:
    """The grid of a fixture: independent Poisson goals in both halves, split by the first half's
    share, with Dixon and Coles' correction of the low full-time scores."""
    first, second = rates.first_half_share, 1 - rates.first_half_share
    grid = np.einsum(
        "i,j,k,l->ijkl",
        _poisson(rates.home * first),
        _poisson(rates.away * first),
        _poisson(rates.home * second),
        _poisson(rates.away * second),
    ).ravel()
    home, away = _GOALS[Period.FULL_TIME]
    for home_goals in (0, 1):
        for away_goals in (0, 1):
            cells = (home == home_goals) & (away == away_goals)
            grid[cells] *= low_score_factor(home_goals, away_goals, rates)
    return ScoreGrid(grid / grid.sum())


def _poisson(mean: float) -> Floats:
    steps: Floats = np.concatenate(([np.exp(-mean)], mean / np.arange(1, GOALS_PER_HALF)))
    return steps.cumprod()


@lru_cache(maxsize=1024)
def _fractions(kind: Kind, period: Period, line_q: int, outcome: int) -> tuple[Floats, Floats]:
    """Fractions by cell, from a table over the goals of the market's period."""
    market = MarketId(bytes(FIXTURE_BYTES), 0, kind, period, line_q)
    win = np.empty((_MAX_GOALS + 1, _MAX_GOALS + 1))
    refund = np.empty_like(win)
    for home in range(_MAX_GOALS + 1):
        for away in range(_MAX_GOALS + 1):
            half = (0, 0) if period is Period.SECOND_HALF else (home, away)
            earned = fraction(market, outcome, Score(*half, home, away))
            win[home, away] = earned.win / HALVES
            refund[home, away] = earned.refund / HALVES
    by_cell = win[_GOALS[period]], refund[_GOALS[period]]
    for column in by_cell:
        column.setflags(write=False)
    return by_cell
