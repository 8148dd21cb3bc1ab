"""Chooses the line of a handicap: the one at which both sides are closest to even; pure."""

from __future__ import annotations

from collections.abc import Iterable

from backend.odds.pricing import fair_probabilities
from backend.odds.sport import OutcomeSpace
from protocol.market_id import FIXTURE_BYTES, Kind, MarketId, Period

# Quarter lines only (x.25 and x.75): no bet on them is refunded in full. In quarter goals.
HANDICAPS_Q = range(-15, 16, 2)


def balanced_handicap_q(space: OutcomeSpace, lines_q: Iterable[int] = HANDICAPS_Q) -> int:
    """The Asian handicap of the home side, in quarter goals, that is closest to even."""

    def distance(line_q: int) -> float:
        fixture = bytes(FIXTURE_BYTES)
        market = MarketId(fixture, 0, Kind.ASIAN_HANDICAP, Period.FULL_TIME, line_q)
        return abs(float(fair_probabilities(space, market)[0]) - 0.5)

    return min(lines_q, key=distance)
