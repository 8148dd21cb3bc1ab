"""Chooses the markets that are opened on a fixture; pure."""

from __future__ import annotations

from backend.odds.lines import balanced_handicap_q
from backend.odds.sport import OutcomeSpace
from protocol.market_id import Kind, MarketId

TOTALS_Q = (6, 10, 14)
KINDS_WITHOUT_LINE = (
    Kind.MATCH_RESULT,
    Kind.BOTH_TEAMS_TO_SCORE,
    Kind.DOUBLE_CHANCE,
    Kind.DRAW_NO_BET,
)


def markets_of(fixture: bytes, starts_at_s: int, space: OutcomeSpace) -> list[MarketId]:
    """The markets of a fixture, each on the whole match: match result, both teams to score, double
    chance, draw no bet, totals of 1.5, 2.5 and 3.5 goals, and the Asian handicap on the quarter
    line that is closest to even."""
    lines_q = [(kind, 0) for kind in KINDS_WITHOUT_LINE]
    lines_q += [(Kind.TOTAL_GOALS, line_q) for line_q in TOTALS_Q]
    lines_q.append((Kind.ASIAN_HANDICAP, balanced_handicap_q(space)))
    return [MarketId(fixture, starts_at_s, kind, line_q=line_q) for kind, line_q in lines_q]
