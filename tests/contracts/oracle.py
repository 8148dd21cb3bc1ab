"""Computes what bets earn, in rational numbers, from the rules and from what the wallet showed.

Written apart from the contract and from the backend: outcomes are read by their names, a quarter
line is two half bets, and whether a goal could change a market is tried out goal by goal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from protocol.market_id import Kind, MarketId, Period, outcome_names

HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
# Goals of a side up to which continuations are tried: well above every score and line in the tests.
MOST_GOALS = 31
PLAYED, VOID_STATUS, BEFORE_HALF_TIME, ABANDONED, FRACTION = range(1, 6)


class Earned(NamedTuple):
    """The part of the stake that is paid at the odds, and the part that comes back."""

    win: Fraction
    refund: Fraction


WON = Earned(Fraction(1), Fraction(0))
LOST = Earned(Fraction(0), Fraction(0))
BACK = Earned(Fraction(0), Fraction(1))


class Score(NamedTuple):
    """Goals at half time and in all."""

    home_half: int
    away_half: int
    home_full: int
    away_full: int


def payout(stake: int, legs: Iterable[tuple[int, Earned]]) -> int:
    """What the bet pays, rounded down once; a leg is (odds x 10^4, what it earned)."""
    exact = Fraction(stake)
    for odds_e4, earned in legs:
        exact *= Fraction(odds_e4, 10_000) * earned.win + earned.refund
    return int(exact)


def market_earns(market: MarketId, status: int, score: Score) -> tuple[Earned, ...]:
    """What each outcome earns by a result."""
    count = len(market.outcomes)
    if status in (VOID_STATUS, FRACTION):
        return (BACK,) * count
    home, away = goals(market.period, score)
    at_score = earns(market.kind, market.line_q, home, away)
    over = status == PLAYED or (status == ABANDONED and market.period is Period.FIRST_HALF)
    if over or is_settled_for_good(market.kind, market.line_q, home, away):
        return at_score
    return (BACK,) * count


def proposition_earns(win: int, refund: int, parts: int) -> tuple[Earned, Earned]:
    """What Yes and No of a proposition earn."""
    back = Fraction(refund, parts)
    yes = Fraction(win, parts)
    return Earned(yes, back), Earned(1 - yes - back, back)


def goals(period: Period, score: Score) -> tuple[int, int]:
    if period is Period.FIRST_HALF:
        return score.home_half, score.away_half
    if period is Period.SECOND_HALF:
        return score.home_full - score.home_half, score.away_full - score.away_half
    return score.home_full, score.away_full


@cache
def earns(kind: Kind, line_q: int, home: int, away: int) -> tuple[Earned, ...]:
    """What each outcome of a market earns at the goals of its period."""
    line = Fraction(line_q, 4)
    return tuple(_of_outcome(kind, line, name, home, away) for name in outcome_names(kind, line_q))


@cache
def is_settled_for_good(kind: Kind, line_q: int, home: int, away: int) -> bool:
    """Whether no further goals, of whichever side, change what any outcome earns."""
    now = earns(kind, line_q, home, away)
    for more in ((home + 1, away), (home, away + 1)):
        if max(more) <= MOST_GOALS and (
            earns(kind, line_q, *more) != now or not is_settled_for_good(kind, line_q, *more)
        ):
            return False
    return True


def _of_outcome(kind: Kind, line: Fraction, name: str, home: int, away: int) -> Earned:
    match kind:
        case Kind.MATCH_RESULT:
            return _won(name == _winner(home, away))
        case Kind.DOUBLE_CHANCE:
            return _won(_winner(home, away).lower() in name.lower().split(" or "))
        case Kind.DRAW_NO_BET:
            return _against(home, away) if name == "Home" else _against(away, home)
        case Kind.ASIAN_HANDICAP:
            if name == "Home":
                return _split(line, lambda given: _against(home + given, away))
            return _split(line, lambda given: _against(away, home + given))
        case Kind.EUROPEAN_HANDICAP:
            return _won(name == _winner(home + line, away))
        case Kind.TOTAL_GOALS | Kind.HOME_TOTAL_GOALS | Kind.AWAY_TOTAL_GOALS:
            counted = {
                Kind.TOTAL_GOALS: home + away,
                Kind.HOME_TOTAL_GOALS: home,
                Kind.AWAY_TOTAL_GOALS: away,
            }[kind]
            if name == "Over":
                return _split(line, lambda given: _against(counted, given))
            return _split(line, lambda given: _against(given, counted))
        case Kind.BOTH_TEAMS_TO_SCORE:
            return _won((name == "Yes") == (home >= 1 and away >= 1))
        case Kind.ODD_EVEN_GOALS:
            return _won((name == "Odd") == ((home + away) % 2 == 1))
        case Kind.CORRECT_SCORE:
            return _won(name == _score_name(int(line), home, away))
        case Kind.WINNING_MARGIN:
            return _won(name == _margin_name(int(line), home, away))
        case Kind.PROPOSITION:
            return BACK


def _split(line: Fraction, bet: Callable[[Fraction], Earned]) -> Earned:
    """A quarter line is half the stake on each of the lines beside it."""
    if (line * 2).denominator == 1:
        return bet(line)
    below, above = bet(line - QUARTER), bet(line + QUARTER)
    return Earned(HALF * below.win + HALF * above.win, HALF * below.refund + HALF * above.refund)


def _against(mine: int | Fraction, theirs: int | Fraction) -> Earned:
    """More wins, as many is void, fewer lose."""
    if mine == theirs:
        return BACK
    return _won(mine > theirs)


def _winner(home: int | Fraction, away: int | Fraction) -> str:
    if home == away:
        return "Draw"
    return "Home" if home > away else "Away"


def _score_name(most: int, home: int, away: int) -> str:
    if home <= most and away <= most:
        return f"{home}:{away}"
    winner = _winner(home, away)
    return "Any other draw" if winner == "Draw" else f"Any other {winner.lower()} win"


def _margin_name(most: int, home: int, away: int) -> str:
    if home == away:
        return "Draw"
    margin = abs(home - away)
    shown = str(margin) if margin < most else f"{most} or more"
    return f"{_winner(home, away)} by {shown}"


def _won(won: bool) -> Earned:
    return WON if won else LOST
