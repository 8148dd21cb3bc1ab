"""Computes what a bet must pay, in exact fractions, to check backend and contracts.

It shares no code with them. It reads a bet in the words that the bettor signed, and splits a
quarter line into two half stakes on the lines beside it, as a betting shop explains it, instead of
counting margins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class FinalScore:
    """Goals at half time and at the end."""

    home_half: int
    away_half: int
    home: int
    away: int


@dataclass(frozen=True, slots=True)
class Pick:
    """One leg in words; `line` in goals, `odds` as they are quoted (1.85)."""

    market: str
    period: str
    line: Fraction
    outcome: str
    odds: Fraction


def payout_micro(stake_micro: int, legs: Iterable[tuple[Pick, FinalScore]]) -> int:
    """What a bet pays: the stake times the factor of each leg, rounded down at the end."""
    worth = Fraction(stake_micro)
    for pick, score in legs:
        worth *= leg_factor(pick, score)
    return int(worth)


def leg_factor(pick: Pick, score: FinalScore) -> Fraction:
    """The factor of a leg: its odds, 1 when refunded, 0 when lost, or the mean of two of these."""
    if (pick.line * 2).denominator == 1:
        return _factor(pick, pick.line, score)
    quarter = Fraction(1, 4)
    halves = (_factor(pick, pick.line - quarter, score), _factor(pick, pick.line + quarter, score))
    return sum(halves, Fraction(0)) / 2


def _factor(pick: Pick, line: Fraction, score: FinalScore) -> Fraction:
    home, away = _goals(pick.period, score)
    match pick.market:
        case "Match result":
            return _if(pick.outcome == _side(home - away), pick)
        case "European handicap":
            return _if(pick.outcome == _side(home + line - away), pick)
        case "Double chance":
            return _if(_side(Fraction(home - away)).lower() in pick.outcome.lower().split(), pick)
        case "Draw no bet":
            return _or_refund(Fraction(home - away), pick.outcome == "Home", pick)
        case "Asian handicap":
            return _or_refund(home + line - away, pick.outcome == "Home", pick)
        case "Total goals":
            return _or_refund(home + away - line, pick.outcome == "Over", pick)
        case "Home total goals":
            return _or_refund(home - line, pick.outcome == "Over", pick)
        case "Away total goals":
            return _or_refund(away - line, pick.outcome == "Over", pick)
        case "Both teams to score":
            return _if((min(home, away) > 0) == (pick.outcome == "Yes"), pick)
        case "Odd or even goals":
            return _if(("Even", "Odd")[(home + away) % 2] == pick.outcome, pick)
        case "Correct score":
            return _if(pick.outcome == _score(int(line), home, away), pick)
        case "Winning margin":
            return _if(pick.outcome == _margin(int(line), home - away), pick)
    raise ValueError(f"no rule for the market {pick.market!r}")


def _goals(period: str, score: FinalScore) -> tuple[int, int]:
    match period:
        case "Full time":
            return score.home, score.away
        case "First half":
            return score.home_half, score.away_half
        case "Second half":
            return score.home - score.home_half, score.away - score.away_half
    raise ValueError(f"no rule for the period {period!r}")


def _side(lead: Fraction | int) -> str:
    return "Home" if lead > 0 else "Away" if lead < 0 else "Draw"


def _score(maximum: int, home: int, away: int) -> str:
    if home <= maximum and away <= maximum:
        return f"{home}:{away}"
    side = _side(home - away)
    return f"Any other {'draw' if side == 'Draw' else side.lower() + ' win'}"


def _margin(maximum: int, lead: int) -> str:
    if lead == 0:
        return "Draw"
    by = f"{maximum} or more" if abs(lead) >= maximum else str(abs(lead))
    return f"{_side(lead)} by {by}"


def _if(won: bool, pick: Pick) -> Fraction:
    return pick.odds if won else Fraction(0)


def _or_refund(lead: Fraction | int, for_lead: bool, pick: Pick) -> Fraction:
    if lead == 0:
        return Fraction(1)
    return _if((lead > 0) == for_lead, pick)
