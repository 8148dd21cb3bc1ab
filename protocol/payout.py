"""Computes what a bet pays when it wins, in exact integers, rounded down once.

A bet pays stake x product over its legs of (odds x win + refund) / parts. The contract computes
that; `tests/support/leg_fraction.py` and the contracts' tests compute it again to compare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from protocol.limits import ODDS_ONE_E4

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Ints = TypeVar("Ints", int, "NDArray[np.int64]")
"""An integer, or an array of them."""


@dataclass(frozen=True, slots=True)
class Fraction:
    """What an outcome earns: `win` of its `parts` at the odds, `refund` of them at par."""

    win: int
    refund: int
    parts: int = 2


WIN = Fraction(2, 0)
HALF_WIN = Fraction(1, 1)
VOID = Fraction(0, 2)
HALF_LOSS = Fraction(0, 1)
LOSS = Fraction(0, 0)
HALVES = 2


def odds_product(odds_e4: Iterable[int]) -> tuple[int, int]:
    """The product of decimal odds as a fraction: numerator and denominator."""
    product, one = 1, 1
    for leg_odds_e4 in odds_e4:
        product *= leg_odds_e4
        one *= ODDS_ONE_E4
    return product, one


def full_payout_down(stake_micro: int, odds_e4: Iterable[int]) -> int:
    """Payout in micro-units when every leg wins, rounded down once."""
    product, one = odds_product(odds_e4)
    return stake_micro * product // one


def single_payout_down(stake_micro: Ints, odds_e4: Ints) -> Ints:
    """Payout in micro-units of a single bet that wins, rounded down; also of arrays of stakes and
    odds. No intermediate result is larger than the payout or 2^46."""
    whole, part = divmod(stake_micro, ODDS_ONE_E4)
    return whole * odds_e4 + part * odds_e4 // ODDS_ONE_E4
