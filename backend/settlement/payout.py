"""Owns what a result makes of each outcome and what a bet then pays; pure, exact integers.

The contract holds the same rules (contracts/libraries/Outcomes.sol); a test compares the two
over every kind of market and score. Every outcome is won in `win` and refunded in `refund` of
`parts`; a bet pays stake x product over its legs of (odds x win + refund) / parts, rounded down
once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.slips.typed_data import ResultStatus
from indexer.market_id import TOTAL_KINDS, Kind, MarketId, Period
from indexer.packed import ODDS_ONE_E4


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

_BY_MARGIN = {2: WIN, 1: HALF_WIN, 0: VOID, -1: HALF_LOSS, -2: LOSS}


def fraction(market: MarketId, outcome: int, score: Score) -> Fraction:
    """What `outcome` of `market` earns at `score`.

    Margins are counted in quarter goals, so that a quarter line is half on each neighbouring
    half-goal line: ahead by a quarter is a half-win, behind by a quarter a half-loss.
    """
    home, away = score.goals(market.period)
    most = market.line_q // 4
    match market.kind:
        case Kind.CORRECT_SCORE:
            return _won(_score_outcome(most, home, away) == outcome)
        case Kind.WINNING_MARGIN:
            return _won(_margin_outcome(most, home - away) == outcome)
        case Kind.PROPOSITION:
            raise ValueError("no score decides a proposition")
        case Kind.MATCH_RESULT | Kind.EUROPEAN_HANDICAP:
            return _won(_result(4 * (home - away) + market.line_q) == outcome)
        case Kind.DOUBLE_CHANCE:
            return _won(outcome in _DOUBLE_CHANCE_OF[_result(home - away)])
        case Kind.BOTH_TEAMS_TO_SCORE:
            return _won((home > 0 and away > 0) == (outcome == 0))
        case Kind.ODD_EVEN_GOALS:
            return _won((home + away) % 2 != outcome)
        case Kind.DRAW_NO_BET | Kind.ASIAN_HANDICAP:
            margin = 4 * (home - away) + market.line_q
        case Kind.TOTAL_GOALS | Kind.HOME_TOTAL_GOALS | Kind.AWAY_TOTAL_GOALS:
            margin = 4 * _counted(market.kind, home, away) - market.line_q
    margin = margin if outcome == 0 else -margin
    return _BY_MARGIN[max(-2, min(2, margin))]


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """A fixture's result as the chain holds it; times in unix seconds. After abandonment `score`
    has the goals until then. A proposition with status FRACTION is won in `home_half` and refunded
    in `away_half` of `home_full` parts."""

    status: ResultStatus
    score: Score
    settled_at_s: int
    published_at_s: int
    final_at_s: int


def leg_fraction(
    market: MarketId,
    outcome: int,
    accepted_at_s: int,
    result: PublishedResult | None,
    now_s: int,
    void_after_s: int,
) -> Fraction | None:
    """What a leg earns, or None while it is not decided.

    No result within `void_after_s` of the start voids the market. Before the match all bets of a
    market share one fate, so that what they lock can be netted: they are void together when the
    result counts bets only up to a time before the start. In play each bet is void that was
    accepted after the time up to which bets count.
    """
    void_from_s = market.starts_at_s + void_after_s
    if result is None:
        return VOID if now_s > void_from_s else None
    if result.published_at_s > void_from_s:
        return VOID
    if now_s < result.final_at_s:
        return None
    counts_to_s = accepted_at_s if market.in_play else market.starts_at_s
    if result.settled_at_s < counts_to_s or not is_decided(market, result):
        return VOID
    if market.kind is Kind.PROPOSITION:
        return _proposition(outcome, result.score)
    return fraction(market, outcome, result.score)


def is_decided(market: MarketId, result: PublishedResult) -> bool:
    """Whether the result says anything about the market: of an abandoned match, what no further
    goal could change."""
    if market.kind is Kind.PROPOSITION:
        return result.status is ResultStatus.FRACTION
    if result.status in (ResultStatus.VOID, ResultStatus.FRACTION):
        return False
    if result.status is ResultStatus.PLAYED:
        return True
    if result.status is ResultStatus.ABANDONED and market.period is Period.FIRST_HALF:
        return True
    home, away = result.score.goals(market.period)
    if market.kind is Kind.BOTH_TEAMS_TO_SCORE:
        return home > 0 and away > 0
    return market.kind in TOTAL_KINDS and 4 * _counted(market.kind, home, away) - market.line_q > 1


def payout_down(stake_micro: int, legs: Iterable[tuple[int, Fraction]]) -> int:
    """Payout in micro-units, rounded down once; each leg is (odds_e4, fraction)."""
    numerator, denominator = stake_micro, 1
    for odds_e4, earned in legs:
        numerator *= odds_e4 * earned.win + ODDS_ONE_E4 * earned.refund
        denominator *= ODDS_ONE_E4 * earned.parts
    return numerator // denominator


_DOUBLE_CHANCE_OF = {0: (0, 1), 1: (0, 2), 2: (1, 2)}


def _result(margin: int) -> int:
    return 0 if margin > 0 else 1 if margin == 0 else 2


def _counted(kind: Kind, home: int, away: int) -> int:
    return {Kind.HOME_TOTAL_GOALS: home, Kind.AWAY_TOTAL_GOALS: away}.get(kind, home + away)


def _score_outcome(most: int, home: int, away: int) -> int:
    if max(home, away) <= most:
        return home * (most + 1) + away
    return (most + 1) ** 2 + _result(home - away)


def _margin_outcome(most: int, margin: int) -> int:
    if margin > 0:
        return min(margin, most) - 1
    return most + min(-margin, most)


def _proposition(outcome: int, parts: Score) -> Fraction:
    won, refunded, of = parts.home_half, parts.away_half, parts.home_full
    return Fraction(won if outcome == 0 else of - won - refunded, refunded, of)


def _won(won: bool) -> Fraction:
    return WIN if won else LOSS
