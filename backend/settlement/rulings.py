"""Stores the operator's decisions on fixtures; each closes the fixture's markets at once."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, delete, update

from backend import channels
from backend.feed.facts import ended_in_first_half
from backend.markets.tables import Decision, Fixture, FixtureStatus
from protocol.outcomes import ResultStatus, Score


class RulingInvalid(ValueError):
    """The decision contradicts itself; the message says how."""


def rule_void(engine: Engine, fixture: bytes, reason: str, now_s: int) -> None:
    """Make every bet on a fixture void."""
    row = _row(fixture, ResultStatus.VOID, reason, now_s)
    _store(engine, row, FixtureStatus.VOID)


def rule_abandoned(
    engine: Engine, fixture: bytes, minute: int, score: Score, reason: str, now_s: int
) -> None:
    """Say that a match was abandoned at `minute` with the score then. Raises RulingInvalid."""
    if score.home_half > score.home_full or score.away_half > score.away_full:
        raise RulingInvalid("the half-time score is more than the score at the end")
    early = ended_in_first_half(minute)
    if early and (score.home_half, score.away_half) != (score.home_full, score.away_full):
        raise RulingInvalid(
            f"in minute {minute} there is no half-time score yet: give the same score twice"
        )
    status = ResultStatus.ABANDONED_BEFORE_HALF_TIME if early else ResultStatus.ABANDONED
    row = _row(fixture, status, reason, now_s)
    row["minute"] = minute
    row |= {name: getattr(score, name) for name in Score.__slots__}
    _store(engine, row, FixtureStatus.ABANDONED)


def retract(engine: Engine, fixture: bytes) -> bool:
    """Forget the decision on a fixture, so that the facts count again; whether there was one. The
    markets stay closed until the facts reopen them."""
    with Session(engine) as session, session.begin():
        done = session.exec(delete(Decision).where(col(Decision.fixture) == fixture))
        return bool(done.rowcount)


def _row(fixture: bytes, status: ResultStatus, reason: str, now_s: int) -> dict[str, object]:
    return {
        "fixture": fixture,
        "status": status.name,
        "minute": None,
        **dict.fromkeys(Score.__slots__),
        "reason": reason,
        "made_s": now_s,
    }


def _store(engine: Engine, row: dict[str, object], status: FixtureStatus) -> None:
    with Session(engine) as session, session.begin():
        statement = insert(Decision).values(row)
        session.execute(statement.on_conflict_do_update(index_elements=["fixture"], set_=row))
        session.exec(
            update(Fixture).where(col(Fixture.id) == row["fixture"]).values(status=status.value)
        )
        session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channels.MARKETS})
