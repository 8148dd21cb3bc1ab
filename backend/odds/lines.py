"""Chooses a market's line: the one at which both sides are closest to even; pure."""

from __future__ import annotations

from collections.abc import Iterable

from backend.odds.pricing import fair_probabilities
from backend.odds.sport import OutcomeSpace
from protocol.market_id import FIXTURE_BYTES, Kind, MarketId, Period

# Quarter lines only (x.25 and x.75): no bet on them is refunded in full. In quarter goals.
HANDICAPS_Q = range(-15, 16, 2)
TOTALS_Q = range(2, 27, 4)


def balanced_handicap_q(space: OutcomeSpace, lines_q: Iterable[int] = HANDICAPS_Q) -> int:
    """The Asian handicap of the home side, in quarter goals, that is closest to even."""
    return _balanced(space, Kind.ASIAN_HANDICAP, lines_q)


def balanced_total_q(space: OutcomeSpace, lines_q: Iterable[int] = TOTALS_Q) -> int:
    """The line of total goals, in quarter goals, that is closest to even."""
    return _balanced(space, Kind.TOTAL_GOALS, lines_q)


def _balanced(space: OutcomeSpace, kind: Kind, lines_q: Iterable[int]) -> int:
    def distance(line_q: int) -> float:
        market = MarketId(bytes(FIXTURE_BYTES), 0, kind, Period.FULL_TIME, line_q)
        return abs(float(fair_probabilities(space, market)[0]) - 0.5)

    return min(lines_q, key=distance)
