"""The demo's independent payout and the platform's own agree on every market at every score."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from protocol.market_id import KIND_NAMES, PERIOD_NAMES, Kind, MarketId, Period, line_fits
from protocol.outcomes import Score, fraction
from scripts.demo.payout_check import FinalScore, Pick, payout_micro
from tests.support.leg_fraction import payout_down

ODDS_E4 = 18_700
STAKE_MICRO = 12_345_679


def markets() -> list[MarketId]:
    return [
        MarketId(bytes(16), 0, kind, period, line_q)
        for kind in Kind
        for period in Period
        for line_q in range(-10, 18)
        if line_fits(kind, line_q)
    ]


def scores() -> list[Score]:
    goals = range(5)
    return [
        Score(home_half, away_half, home_half + home, away_half + away)
        for home_half, away_half, home, away in itertools.product(goals, goals, goals, goals)
    ]


# No score decides a proposition.
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PROPOSITION])
def test_check_agrees_with_payout(kind: Kind) -> None:
    compared = 0
    for market, score in itertools.product((m for m in markets() if m.kind is kind), scores()):
        final = FinalScore(score.home_half, score.away_half, score.home_full, score.away_full)
        for outcome, word in enumerate(market.outcomes):
            pick = Pick(
                KIND_NAMES[kind],
                PERIOD_NAMES[market.period],
                Fraction(market.line_q, 4),
                word,
                Fraction(ODDS_E4, 10_000),
            )
            paid = payout_down(STAKE_MICRO, [(ODDS_E4, fraction(market, outcome, score))])
            assert payout_micro(STAKE_MICRO, [(pick, final)]) == paid, (market, score, word)
            compared += 1
    assert compared >= 3 * 625 * 2
