"""Stores the operator's decisions on fixtures; each closes the fixture's markets at once."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, delete, update

from backend import channels
from backend.feed.facts import ended_in_first_half
from backend.formatting import utc
from backend.markets.tables import Decision, Fixture, FixtureStatus
from backend.settlement.fixture_verdict import Ruling
from protocol.outcomes import ResultStatus, Score


class RulingInvalid(ValueError):
    """The decision contradicts itself; the message says how."""


def abandonment(minute: int, score: Score, starts_at_s: int, made_s: int, reason: str) -> Ruling:
    """The decision that a match was abandoned at `minute` with the score then. Raises
    RulingInvalid, also when a match that starts at `starts_at_s` cannot have got so far."""
    if score.home_half > score.home_full or score.away_half > score.away_full:
        raise RulingInvalid("the half-time score is more than the score at the end")
    early = ended_in_first_half(minute)
    if early and (score.home_half, score.away_half) != (score.home_full, score.away_full):
        raise RulingInvalid(
            f"in minute {minute} there is no half-time score yet: give the same score twice"
        )
    if made_s < starts_at_s:
        raise RulingInvalid(
            f"the match starts at {utc(starts_at_s)}, and it is {utc(made_s)}: use `void` if it"
            " will not be played; if it began earlier, correct its start in the facts first"
        )
    reached_s = starts_at_s + max(0, minute - 1) * 60
    if made_s < reached_s:
        raise RulingInvalid(
            f"minute {minute} is not before {utc(reached_s)}, and it is {utc(made_s)}: the match"
            f" starts at {utc(starts_at_s)}; if it began earlier, correct its start in the facts"
            " first"
        )
    status = ResultStatus.ABANDONED_BEFORE_HALF_TIME if early else ResultStatus.ABANDONED
    return Ruling(status, score, made_s, reason, minute)


def rule(engine: Engine, fixture: bytes, ruling: Ruling) -> None:
    """Store a decision in place of the one before, and close the fixture's markets."""
    score = ruling.score
    row = {
        "fixture": fixture,
        "status": ruling.status.name,
        "minute": ruling.minute,
        **{name: getattr(score, name, None) for name in Score.__slots__},
        "reason": ruling.reason,
        "made_s": ruling.made_s,
    }
    void = ruling.status is ResultStatus.VOID
    closed = FixtureStatus.VOID if void else FixtureStatus.ABANDONED
    with Session(engine) as session, session.begin():
        statement = insert(Decision).values(row)
        session.execute(statement.on_conflict_do_update(index_elements=["fixture"], set_=row))
        session.exec(update(Fixture).where(col(Fixture.id) == fixture).values(status=closed.value))
        session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channels.MARKETS})


def retract(engine: Engine, fixture: bytes) -> bool:
    """Forget the decision on a fixture, so that the facts count again; whether there was one. The
    markets stay closed until the facts reopen them."""
    with Session(engine) as session, session.begin():
        done = session.exec(delete(Decision).where(col(Decision.fixture) == fixture))
        return bool(done.rowcount)
