"""Computes what a bet pays when it wins, in exact integers, rounded down once.

A bet pays stake x product over its legs of (odds x win + refund) / parts; the contract and the
settlement query compute that, and the tests compare both with `tests/support/leg_fraction.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.limits import ODDS_ONE_E4


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
