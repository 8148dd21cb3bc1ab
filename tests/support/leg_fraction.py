"""States when a leg is decided, what it then earns and what its bet pays, to compare contract and
SQL with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.limits import ODDS_ONE_E4
from protocol.market_id import TOTAL_KINDS, Kind, MarketId, Period
from protocol.outcomes import ResultStatus, Score, fraction, goals_counted
from protocol.payout import VOID, Fraction


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


def payout_down(stake_micro: int, legs: Iterable[tuple[int, Fraction]]) -> int:
    """Payout in micro-units, rounded down once; each leg is (odds_e4, fraction)."""
    numerator, denominator = stake_micro, 1
    for odds_e4, earned in legs:
        numerator *= odds_e4 * earned.win + ODDS_ONE_E4 * earned.refund
        denominator *= ODDS_ONE_E4 * earned.parts
    return numerator // denominator


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
    return (
        market.kind in TOTAL_KINDS
        and 4 * goals_counted(market.kind, home, away) - market.line_q > 1
    )


def _proposition(outcome: int, parts: Score) -> Fraction:
    won, refunded, of = parts.home_half, parts.away_half, parts.home_full
    return Fraction(won if outcome == 0 else of - won - refunded, refunded, of)
