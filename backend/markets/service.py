"""Opens, suspends and resumes markets; each call is one SQL transaction that notifies the odds
process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, or_, select, update

from backend import channels
from backend.feed.facts import FixtureFacts
from backend.markets.moves import announced_starts
from backend.markets.opening import markets_of
from backend.markets.starts import effect_of_move, moved_too_far
from backend.markets.tables import Fixture, FixtureStatus, Market, MarketStatus
from backend.odds.sport import Sport
from protocol.market_id import FIXTURE_BYTES, MarketId


@dataclass(frozen=True, slots=True)
class Opened:
    """The outcome of opening a fixture: all its markets, and how many of them are new. A fixture
    that has started is not opened; neither is one with clubs that the model does not know. `moved`
    says what a new start means for a fixture that was opened with another one."""

    facts: FixtureFacts
    markets: tuple[MarketId, ...]
    new: int
    started: bool
    moved: str = ""
    unknown: tuple[str, ...] = ()


def open_fixtures(
    engine: Engine,
    sport: Sport,
    fixtures: Sequence[FixtureFacts],
    now_s: int,
    *,
    newcomers: bool = False,
) -> list[Opened]:
    """Open fixtures with their markets. A fixture that is already open keeps its lines; one that
    was opened with another start stays as it was announced, unless its bets are void by that: then
    it is opened again under its new date. With `newcomers`, clubs that the model does not know are
    priced as promoted ones. Raises ModelError when there are too few matches to choose lines."""
    plans = []
    for facts in fixtures:
        unknown = () if newcomers else tuple(sport.unknown(facts.home, facts.away, now_s))
        closed = facts.starts_at_s <= now_s or not facts.accepts_bets
        markets = [] if closed or unknown else _plan(sport, facts, now_s)
        plans.append((facts, markets, unknown))
    with Session(engine) as session, session.begin():
        opened = [
            _open(session, facts, markets, now_s, unknown) for facts, markets, unknown in plans
        ]
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


def closed_fixtures(engine: Engine, ids: Sequence[bytes]) -> list[Fixture]:
    """The fixtures, given by their ids or those of their markets, that accept no bets whatever the
    status of their markets."""
    with Session(engine) as session:
        rows = session.exec(
            select(Fixture)
            .join(Market, col(Market.fixture) == col(Fixture.id))
            .where(or_(col(Fixture.id).in_(ids), col(Market.id).in_(ids)))
            .where(col(Fixture.status) != FixtureStatus.SCHEDULED.value)
            .order_by(col(Fixture.name))
            .distinct()
        ).all()
        return list(rows)


def shown_status(fixture: Fixture, market: Market, now_s: int) -> str:
    """A market's status for people: "open", "suspended", or closed with the reason; pure."""
    if fixture.status != FixtureStatus.SCHEDULED:
        return f"closed ({fixture.status})"
    if now_s >= fixture.starts_at_s:
        return "closed (started)"
    return market.status


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


def _opened_before(session: Session, facts: FixtureFacts) -> Opened | None:
    """The fixture as it was opened, under whatever date and spelling. None if it never was, or if
    its bets are void because it starts so much later."""
    starts = announced_starts(session)
    rows = session.exec(
        select(Fixture)
        .where(or_(col(Fixture.source_key) == facts.key, col(Fixture.id) == facts.fixture_id))
        .order_by(col(Fixture.starts_at_s).desc())
    ).all()
    for row in rows:
        fixture = bytes(row.id)
        announced_s = starts.get(fixture, row.starts_at_s)
        if fixture != facts.fixture_id and moved_too_far(announced_s, facts.starts_at_s):
            continue
        packed = session.exec(select(Market.id).where(Market.fixture == fixture)).all()
        moved = facts.starts_at_s != announced_s
        return Opened(
            facts,
            tuple(MarketId.unpack(bytes(one)) for one in packed),
            0,
            False,
            effect_of_move(announced_s, facts.starts_at_s) if moved else "",
        )
    return None


def _open(
    session: Session,
    facts: FixtureFacts,
    markets: Sequence[MarketId],
    now_s: int,
    unknown: tuple[str, ...],
) -> Opened:
    before = _opened_before(session, facts)
    if before is not None:
        return replace(before, started=facts.starts_at_s <= now_s)
    if not markets:
        return Opened(facts, (), 0, not unknown, unknown=unknown)
    fixture = {
        "id": facts.fixture_id,
        "name": facts.name,
        "home": facts.home,
        "away": facts.away,
        "competition": facts.competition,
        "starts_at_s": facts.starts_at_s,
        "created_s": now_s,
        "status": FixtureStatus.SCHEDULED.value,
        "source_key": facts.key,
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
