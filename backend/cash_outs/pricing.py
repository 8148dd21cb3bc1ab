"""Prices a bet that is open from what its legs are worth now; pure, in exact integers.

A leg is worth what a bet of 1 on it is expected to return: its own odds times the chance to win,
and the chance to get the stake back. The legs of a bet are on different fixtures, so their values
are multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.exposure import Exposure, locked_micro
from protocol.limits import ODDS_ONE_E4
from protocol.payout import full_payout_down


@dataclass(frozen=True, slots=True)
class LegValue:
    """A leg at its own odds x 10^4: it is expected to win `win` of `parts`, and to get `refund` of
    them back. Of a decided leg these are what it has earned."""

    odds_e4: int
    win: int
    refund: int
    parts: int


def price_down(stake_micro: int, legs: Sequence[LegValue]) -> int:
    """What the part of a bet that staked `stake_micro` is worth, rounded down, and never more than
    it can pay."""
    value, one = stake_micro, 1
    for leg in legs:
        value *= leg.odds_e4 * leg.win + ODDS_ONE_E4 * leg.refund
        one *= ODDS_ONE_E4 * leg.parts
    return min(value // one, full_payout_down(stake_micro, [leg.odds_e4 for leg in legs]))


@dataclass(frozen=True, slots=True)
class SinglePart:
    """The part of a single bet that ends: its market and outcome, the whole stake and the part's,
    and the odds."""

    market: bytes
    outcome: int
    stake_micro: int
    part_micro: int
    odds_e4: int


def locked_change(part: SinglePart, exposure: Exposure) -> int:
    """By how much the market locks more (or, below 0, less) without the part: what it covered of
    others is then covered by the house. `exposure` is the market's now."""
    rest_micro = part.stake_micro - part.part_micro
    payout_micro = full_payout_down(part.stake_micro, [part.odds_e4])
    change = [0, 0, 0, part.part_micro]
    change[part.outcome] = payout_micro - full_payout_down(rest_micro, [part.odds_e4])
    return locked_micro(part.market, exposure.less(change)) - locked_micro(part.market, exposure)
