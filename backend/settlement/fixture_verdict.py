"""Decides what becomes of the bets on a fixture by what the facts say of it; pure.

docs/rules.md has the same rules in words, and names the test of each.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.feed.facts import MATCH_LENGTH_S, FixtureFacts, ended_in_first_half
from backend.feed.status import FactStatus
from backend.markets.starts import MOVE_LIMIT_S, moved_too_far
from protocol.outcomes import ResultStatus, Score
from protocol.typed_data import Result

_NO_GOALS = Score(0, 0, 0, 0)
_UNDECIDED = frozenset({FactStatus.SCHEDULED, FactStatus.MOVED, FactStatus.LIVE})


@dataclass(frozen=True, slots=True)
class Ruling:
    """The operator's word on a fixture: VOID, or abandoned at `minute` with the score then."""

    status: ResultStatus
    score: Score | None
    made_s: int
    reason: str
    minute: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What decides the bets on a fixture, from which time on, and why. `status` is None while
    nothing does. `settled_at_s` is the time up to which bets count. `ruled`: the operator decided,
    not the facts."""

    reason: str
    status: ResultStatus | None = None
    score: Score = _NO_GOALS
    due_s: int = 0
    settled_at_s: int = 0
    ruled: bool = False

    def result(self, fixture: bytes, now_s: int) -> Result | None:
        """The result to publish at `now_s`, if any."""
        if self.status is None or now_s < self.due_s:
            return None
        score = self.score
        goals = (score.home_half, score.away_half, score.home_full, score.away_full)
        return Result(fixture, self.status, *goals, min(self.settled_at_s, now_s))


def verdict(
    announced_s: int,
    facts: FixtureFacts | None,
    ruling: Ruling | None = None,
    last_accepted_s: int | None = None,
) -> Verdict:
    """What decides the bets on a fixture that was announced for `announced_s`, the start that its
    markets name. `last_accepted_s` is when the last slip on it was accepted."""
    if ruling is not None:
        score = ruling.score or _NO_GOALS
        settled_s = max(announced_s, ruling.made_s)
        # Before the announced start the chain would make every bet void, also what is decided.
        due_s = 0 if ruling.status is ResultStatus.VOID else announced_s
        reason = f"the operator: {ruling.reason}"
        return Verdict(reason, ruling.status, score, due_s, settled_s, ruled=True)
    if facts is None:
        return Verdict("the facts do not have this fixture")
    start_s = facts.starts_at_s
    if facts.status is FactStatus.CANCELLED:
        return _void("cancelled", announced_s)
    if facts.status is FactStatus.POSTPONED:
        return _void("postponed without a new start", announced_s + MOVE_LIMIT_S)
    if moved_too_far(announced_s, start_s):
        return _void("starts more than 72 hours after the announced start", announced_s)
    if facts.status in _UNDECIDED:
        return Verdict(f"not over: {facts.status}")
    over_s = over_at_s(announced_s, start_s)
    if facts.status is FactStatus.AWARDED:
        return _void("awarded: only what was played counts", over_s)
    if last_accepted_s is not None and start_s <= last_accepted_s < announced_s:
        return _void("started before the announced start, and bets were accepted after it", over_s)
    if facts.status is FactStatus.ABANDONED:
        return _abandoned(facts, over_s)
    if facts.score is None:
        return Verdict("the half-time score is unknown: the operator has to decide")
    return Verdict("played", ResultStatus.PLAYED, facts.score, over_s, over_s)


def over_at_s(announced_s: int, start_s: int) -> int:
    """When a match counts as over; never before the announced start, which its markets name."""
    return max(start_s + MATCH_LENGTH_S, announced_s)


def _void(reason: str, due_s: int) -> Verdict:
    return Verdict(reason, ResultStatus.VOID, _NO_GOALS, due_s, due_s)


def _abandoned(facts: FixtureFacts, over_s: int) -> Verdict:
    minute = facts.minute or 0
    if ended_in_first_half(minute):
        goals = facts.goals or (0, 0)
        score = Score(*goals, *goals)
        status = ResultStatus.ABANDONED_BEFORE_HALF_TIME
    elif facts.score is None:
        return Verdict("the half-time score is unknown: the operator has to decide")
    else:
        score, status = facts.score, ResultStatus.ABANDONED
    return Verdict(f"abandoned in minute {minute}", status, score, over_s, over_s)
