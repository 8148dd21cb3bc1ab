"""Applies the house's margin to fair probabilities; pure.

Each method turns probabilities that sum to 1 into implied probabilities (1 / decimal odds) that
sum to 1 + margin, and keeps their order. They differ in how the margin is shared: `multiplicative`
in proportion, `additive` equally, `power`, `shin` and `odds_ratio` more on longshots than on
favourites, as markets do (the favourite-longshot bias). Shin: "Measuring the Incidence of Insider
Trading in a Market for State-Contingent Claims", Economic Journal 103 (1993); odds ratio: Cheung
(2015).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from scipy.optimize import brentq

from backend.odds.sport import Floats

MAX_MARGIN = 0.5
_MIN_MARGIN = 1e-6
_TOLERANCE = 1e-12


class MarginMethod(StrEnum):
    """How the margin is spread over the outcomes."""

    MULTIPLICATIVE = "multiplicative"
    ADDITIVE = "additive"
    POWER = "power"
    SHIN = "shin"
    ODDS_RATIO = "odds_ratio"


def implied_probabilities(fair: Floats, margin: float, method: MarginMethod) -> Floats:
    """Implied probabilities that sum to 1 + margin.

    `fair` has at least two probabilities, each above 0, that sum to 1; raises ValueError for
    anything else and for a margin outside 0 to MAX_MARGIN.
    """
    if len(fair) < 2 or np.any(fair <= 0) or abs(fair.sum() - 1) > 1e-6:
        raise ValueError("fair probabilities must be two or more, above 0, and sum to 1")
    if not 0 <= margin <= MAX_MARGIN:
        raise ValueError(f"the margin must be between 0 and {MAX_MARGIN}, not at {margin}")
    if margin < _MIN_MARGIN:
        return fair.copy()
    return _METHODS[method](fair, 1 + margin)


def _multiplicative(fair: Floats, book: float) -> Floats:
    return fair * book


def _additive(fair: Floats, book: float) -> Floats:
    return fair + (book - 1) / len(fair)


def _power(fair: Floats, book: float) -> Floats:
    def implied(exponent: float) -> Floats:
        return np.asarray(fair**exponent, dtype=np.float64)

    return implied(_solve(lambda k: float(implied(k).sum()) - book, 0.0, 1.0))


def _shin(fair: Floats, book: float) -> Floats:
    """With a share z of insiders, implied_i = sqrt(z p_i + (1 - z) p_i^2) x the sum of these."""

    def implied(insiders: float) -> Floats:
        roots = np.sqrt(insiders * fair + (1 - insiders) * fair**2)
        return np.asarray(roots * roots.sum(), dtype=np.float64)

    if float(implied(1.0).sum()) <= book:
        return _multiplicative(fair, book)
    return implied(_solve(lambda z: float(implied(z).sum()) - book, 0.0, 1.0))


def _odds_ratio(fair: Floats, book: float) -> Floats:
    """The odds of every outcome, p / (1 - p), grow by the same factor."""

    def implied(ratio: float) -> Floats:
        return np.asarray(ratio * fair / (1 - fair + ratio * fair), dtype=np.float64)

    upper = 2.0
    while float(implied(upper).sum()) < book:
        upper *= 2
    return implied(_solve(lambda c: float(implied(c).sum()) - book, 1.0, upper))


def _solve(excess: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(excess, low, high, xtol=_TOLERANCE))


_METHODS: dict[MarginMethod, Callable[[Floats, float], Floats]] = {
    MarginMethod.MULTIPLICATIVE: _multiplicative,
    MarginMethod.ADDITIVE: _additive,
    MarginMethod.POWER: _power,
    MarginMethod.SHIN: _shin,
    MarginMethod.ODDS_RATIO: _odds_ratio,
}
