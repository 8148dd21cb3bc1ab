"""Decides what each outcome of a market earns at a score.

The contract holds the same rules (contracts/libraries/Outcomes.sol); a test compares the two
over every kind of market and score.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from protocol.market_id import TOTAL_KINDS, Kind, MarketId, Period
from protocol.payout import HALF_LOSS, HALF_WIN, LOSS, VOID, WIN, Fraction


class ResultStatus(IntEnum):
    """What became of a fixture. After abandonment the goals are those scored until then; a
    FRACTION says of a proposition that it is won in `home_half` and refunded in `away_half` of
    `home_full` parts."""

    PLAYED = 1
    VOID = 2
    ABANDONED_BEFORE_HALF_TIME = 3
    ABANDONED = 4
    FRACTION = 5


@dataclass(frozen=True, slots=True)
class Score:
    """Goals at half time and at full time (the full-time goals include the first half's)."""

    home_half: int
    away_half: int
    home_full: int
    away_full: int

    def goals(self, period: Period) -> tuple[int, int]:
        """Home and away goals that count in a period."""
        if period is Period.FIRST_HALF:
            return self.home_half, self.away_half
        if period is Period.SECOND_HALF:
            return self.home_full - self.home_half, self.away_full - self.away_half
        return self.home_full, self.away_full


def decides(market: MarketId, status: int, score: Score, settled_at_s: int) -> bool:
    """Whether a result decides a pre-match market by its score; if not, the market is void. Of an
    abandoned match, what no further goal could change is decided. A result that counts only bets up
    to a time before the market's start decides nothing."""
    if settled_at_s < market.starts_at_s or market.kind is Kind.PROPOSITION:
        return False
    if status in (ResultStatus.VOID, ResultStatus.FRACTION):
        return False
    if status == ResultStatus.PLAYED:
        return True
    if status == ResultStatus.ABANDONED and market.period is Period.FIRST_HALF:
        return True
    home, away = score.goals(market.period)
    if market.kind is Kind.BOTH_TEAMS_TO_SCORE:
        return home > 0 and away > 0
    margin_q = 4 * goals_counted(market.kind, home, away) - market.line_q
    return market.kind in TOTAL_KINDS and margin_q > 1


DOUBLE_CHANCE = ((0, 1), (0, 2), (1, 2))
"""Outcomes of double chance as pairs of outcomes of the match result."""

_BY_MARGIN = {2: WIN, 1: HALF_WIN, 0: VOID, -1: HALF_LOSS, -2: LOSS}


def fraction(market: MarketId, outcome: int, score: Score) -> Fraction:
    """What `outcome` of `market` earns at `score`.

    Margins are counted in quarter goals, so that a quarter line is half on each neighbouring
    half-goal line: ahead by a quarter is a half-win, behind by a quarter a half-loss.
    """
    home, away = score.goals(market.period)
    limit = market.line_q // 4
    match market.kind:
        case Kind.CORRECT_SCORE:
            return _won(_score_outcome(limit, home, away) == outcome)
        case Kind.WINNING_MARGIN:
            return _won(_margin_outcome(limit, home - away) == outcome)
        case Kind.PROPOSITION:
            raise ValueError("no score decides a proposition")
        case Kind.MATCH_RESULT | Kind.EUROPEAN_HANDICAP:
            return _won(_result(4 * (home - away) + market.line_q) == outcome)
        case Kind.DOUBLE_CHANCE:
            return _won(_result(home - away) in DOUBLE_CHANCE[outcome])
        case Kind.BOTH_TEAMS_TO_SCORE:
            return _won((home > 0 and away > 0) == (outcome == 0))
        case Kind.ODD_EVEN_GOALS:
            return _won((home + away) % 2 != outcome)
        case Kind.DRAW_NO_BET | Kind.ASIAN_HANDICAP:
            margin = 4 * (home - away) + market.line_q
        case Kind.TOTAL_GOALS | Kind.HOME_TOTAL_GOALS | Kind.AWAY_TOTAL_GOALS:
            margin = 4 * goals_counted(market.kind, home, away) - market.line_q
    margin = margin if outcome == 0 else -margin
    return _BY_MARGIN[max(-2, min(2, margin))]


def _result(margin: int) -> int:
    return 0 if margin > 0 else 1 if margin == 0 else 2


def goals_counted(kind: Kind, home: int, away: int) -> int:
    """The goals that a market on totals counts, of home and away goals."""
    return {Kind.HOME_TOTAL_GOALS: home, Kind.AWAY_TOTAL_GOALS: away}.get(kind, home + away)


def _score_outcome(limit: int, home: int, away: int) -> int:
    if max(home, away) <= limit:
        return home * (limit + 1) + away
    return (limit + 1) ** 2 + _result(home - away)


def _margin_outcome(limit: int, margin: int) -> int:
    if margin > 0:
        return min(margin, limit) - 1
    return limit + min(-margin, limit)


def _won(won: bool) -> Fraction:
    return WIN if won else LOSS
