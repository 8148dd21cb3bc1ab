"""Opens, suspends and resumes markets; each call is one SQL transaction that notifies the odds
process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select, update

from backend import channels
from backend.feed.facts import FixtureFacts
from backend.markets.opening import markets_of
from backend.markets.tables import Fixture, FixtureStatus, Market, MarketStatus
from backend.odds.sport import Sport
from protocol.market_id import FIXTURE_BYTES, MarketId


@dataclass(frozen=True, slots=True)
class Opened:
    """The outcome of opening a fixture: all its markets, and how many of them are new. A fixture
    that has started is not opened."""

    facts: FixtureFacts
    markets: tuple[MarketId, ...]
    new: int
    started: bool


def open_fixtures(
    engine: Engine, sport: Sport, fixtures: Sequence[FixtureFacts], now_s: int
) -> list[Opened]:
    """Open fixtures with their markets. A fixture that is already open keeps its lines. Raises
    ModelError when there are too few matches to choose lines."""
    plans = [
        (facts, [] if facts.starts_at_s <= now_s else _plan(sport, facts, now_s))
        for facts in fixtures
    ]
    with Session(engine) as session, session.begin():
        opened = [_open(session, facts, markets, now_s) for facts, markets in plans]
        _notify_odds(session)
    return opened


def set_status(engine: Engine, ids: Iterable[bytes], status: MarketStatus) -> int:
    """Set the status of markets, given by their ids or their fixtures'; returns how many."""
    changed = 0
    with Session(engine) as session, session.begin():
        for one in ids:
            named = Market.fixture if len(one) == FIXTURE_BYTES else Market.id
            done = session.exec(update(Market).where(col(named) == one).values(status=status.value))
            changed += int(done.rowcount)
        _notify_odds(session)
    return changed


def all_markets(engine: Engine) -> list[tuple[Fixture, Market]]:
    """Every fixture and market that was opened, by start, name and kind."""
    with Session(engine) as session:
        rows = session.exec(
            select(Fixture, Market)
            .join(Market, col(Market.fixture) == col(Fixture.id))
            .order_by(
                col(Fixture.starts_at_s),
                col(Fixture.name),
                col(Market.kind),
                col(Market.period),
                col(Market.line_q),
            )
        ).all()
        return list(rows)


def _plan(sport: Sport, facts: FixtureFacts, now_s: int) -> list[MarketId]:
    space = sport.space(facts.home, facts.away, now_s)
    return markets_of(facts.fixture_id, facts.starts_at_s, space)


def _open(session: Session, facts: FixtureFacts, markets: Sequence[MarketId], now_s: int) -> Opened:
    known = session.exec(select(Market.id).where(Market.fixture == facts.fixture_id)).all()
    if known:
        opened = tuple(MarketId.unpack(bytes(packed)) for packed in known)
        return Opened(facts, opened, 0, facts.starts_at_s <= now_s)
    if not markets:
        return Opened(facts, (), 0, True)
    fixture = {
        "id": facts.fixture_id,
        "name": facts.name,
        "home": facts.home,
        "away": facts.away,
        "competition": facts.competition,
        "starts_at_s": facts.starts_at_s,
        "created_s": now_s,
        "status": FixtureStatus.SCHEDULED.value,
    }
    session.execute(insert(Fixture).values(fixture).on_conflict_do_nothing())
    new = 0
    for market in markets:
        row = {
            "id": market.pack(),
            "fixture": market.fixture,
            "kind": int(market.kind),
            "period": int(market.period),
            "line_q": market.line_q,
            "in_play": market.in_play,
            "status": MarketStatus.OPEN.value,
        }
        made = session.execute(
            insert(Market).values(row).on_conflict_do_nothing().returning(col(Market.id))
        )
        new += len(made.all())
    return Opened(facts, tuple(markets), new, False)


def _notify_odds(session: Session) -> None:
    session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channels.MARKETS})
