"""What a score makes of each outcome: the contract's rules against the backend's.

Outcomes.byScore equals backend.settlement.payout.fraction
└── for every kind, period, whole, half and quarter line, outcome, and all scores whose halves have
    up to 5 goals a side at full time
Markets.outcomes
└── counts the outcomes that the market id's names have
"""

from functools import cache
from itertools import product

import pytest
from brownie import network

from backend.settlement.payout import Score, fraction
from indexer.market_id import LINED_KINDS, TOTAL_KINDS, Kind, MarketId, Period, fixture_id
from tests.contracts.world import NAME

# Goals of one side in one half. Both halves together reach 0:0 to 6:6.
MOST = 3
TOTAL_LINES = (1, 2, 3, 4, 5, 7, 9, 10, 12, 13, 19)
HANDICAPS = (-9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 10)


def lines(kind):
    if kind in TOTAL_KINDS:
        return TOTAL_LINES
    if kind is Kind.ASIAN_HANDICAP:
        return HANDICAPS
    if kind is Kind.EUROPEAN_HANDICAP:
        return tuple(line for line in HANDICAPS if line % 4 == 0)
    return (0,)


@cache
def scores(most):
    goals = range(most + 1)
    return [
        Score(home, away, home + later_home, away + later_away)
        for home, away, later_home, later_away in product(goals, repeat=4)
    ]


def grid(most):
    """The rules are the same code on both chains; Ganache takes a hundred times as long for it."""
    return 1 if "ganache" in network.show_active() else most


def number(kind, line_q, period):
    market = MarketId(fixture_id(NAME), 2**31, kind, period, line_q)
    return market, int.from_bytes(market.pack(), "big")


def expected(market, most):
    found = bytearray()
    for score in scores(most):
        for outcome in range(len(market.outcomes)):
            earned = fraction(market, outcome, score)
            found.append(earned.win | earned.refund << 4)
    return bytes(found)


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
def test_outcomes_equal_backend_at_every_score(world, kind):
    for period in Period:
        for line_q in lines(kind):
            market, packed = number(kind, line_q, period)
            most = grid(MOST if period is Period.FULL_TIME else 2)
            assert world.harness.outcomes(packed) == len(market.outcomes)
            held = bytes(world.harness.fractions(packed, most))
            assert held == expected(market, most), (kind, period, line_q)


@pytest.mark.parametrize("period", list(Period), ids=lambda period: period.name.lower())
def test_outcomes_equal_backend_up_to_five_goals_in_a_half(world, period):
    """One line of each rule, on all scores up to 5:5 in either half."""
    for kind, line_q in ((Kind.MATCH_RESULT, 0), (Kind.TOTAL_GOALS, 11), (Kind.ASIAN_HANDICAP, -3)):
        market, packed = number(kind, line_q, period)
        most = grid(5)
        assert bytes(world.harness.fractions(packed, most)) == expected(market, most)


def test_lines_cover_every_kind_that_has_one():
    assert {kind for kind in Kind if len(lines(kind)) > 1} == LINED_KINDS
