"""Follows the facts of opened fixtures: new starts, and whether a fixture still accepts bets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from backend import channels
from backend.feed.facts import FixtureFacts
from backend.markets.starts import closing_s, effect_of_move, moved_too_far
from backend.markets.tables import Decision, Fixture, FixtureStatus, Market
from protocol.market_id import MarketId


@dataclass(frozen=True, slots=True)
class Change:
    """What the facts change about an opened fixture; `effect` says what that means for its bets."""

    fixture: bytes
    name: str
    announced_s: int
    start_s: int
    status: FixtureStatus
    effect: str


def follow_facts(engine: Engine, facts: Sequence[FixtureFacts]) -> list[Change]:
    """Enter what the facts say of opened fixtures, and notify the odds process. Returns what
    changed; the same facts again change nothing. A fixture that the facts do not have, or on which
    the operator has ruled, stays as it is."""
    with Session(engine) as session, session.begin():
        changes = _changes(session, facts, apply=True)
        if changes:
            session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channels.MARKETS})
    return changes


def coming_changes(engine: Engine, facts: Sequence[FixtureFacts]) -> list[Change]:
    """What `follow_facts` would change; changes nothing."""
    with Session(engine) as session:
        return _changes(session, facts, apply=False)


def without_facts(engine: Engine, facts: Sequence[FixtureFacts]) -> list[str]:
    """The names of opened fixtures that the facts do not have."""
    keys, ids = {one.key for one in facts}, {one.fixture_id for one in facts}
    with Session(engine) as session:
        rows = session.exec(select(Fixture).order_by(col(Fixture.starts_at_s))).all()
    return [
        row.name
        for row in rows
        if not (row.source_key in keys if row.source_key else bytes(row.id) in ids)
    ]


def announced_starts(session: Session) -> dict[bytes, int]:
    """The start with which each fixture was opened: the one that its markets name."""
    starts: dict[bytes, int] = {}
    for packed in session.exec(select(Market.id)).all():
        market = MarketId.unpack(bytes(packed))
        known = starts.setdefault(market.fixture, market.starts_at_s)
        starts[market.fixture] = min(known, market.starts_at_s)
    return starts


def status_of(facts: FixtureFacts, announced_s: int) -> FixtureStatus:
    """The status of a fixture that was announced for `announced_s`."""
    if not facts.accepts_bets:
        return FixtureStatus(facts.status.value)
    if moved_too_far(announced_s, facts.starts_at_s):
        return FixtureStatus.POSTPONED
    return FixtureStatus.SCHEDULED


def _changes(session: Session, facts: Sequence[FixtureFacts], *, apply: bool) -> list[Change]:
    by_key = {fixture.key: fixture for fixture in facts}
    by_id = {fixture.fixture_id: fixture for fixture in facts}
    starts = announced_starts(session)
    ruled = {bytes(fixture) for fixture in session.exec(select(Decision.fixture)).all()}
    changes: list[Change] = []
    for row in session.exec(select(Fixture).order_by(col(Fixture.starts_at_s))).all():
        fixture = bytes(row.id)
        known = by_key.get(row.source_key) if row.source_key else by_id.get(fixture)
        if known is None or fixture in ruled:
            continue
        announced_s = starts.get(fixture, row.starts_at_s)
        moved = known.starts_at_s != announced_s
        wanted = (
            closing_s(announced_s, known.starts_at_s),
            known.starts_at_s if moved else None,
            status_of(known, announced_s),
        )
        if wanted == (row.starts_at_s, row.moved_to_s, FixtureStatus(row.status)):
            continue
        effect = effect_of_move(announced_s, known.starts_at_s) if moved else "as announced"
        changes.append(Change(fixture, row.name, announced_s, known.starts_at_s, wanted[2], effect))
        if apply:
            row.starts_at_s, row.moved_to_s = wanted[:2]
            row.status = wanted[2].value
            session.add(row)
    return changes
