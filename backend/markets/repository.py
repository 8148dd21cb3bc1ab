"""Reads fixtures and markets from PostgreSQL; writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

from backend.database import Connection, Database, Query, array
from protocol.market_id import MarketId

_COLUMNS = """
SELECT f.id, f.name, f.home, f.away, f.competition, f.starts_at_s, f.moved_to_s, f.status,
       m.id AS market, m.status AS market_status
FROM backend.fixture f JOIN backend.market m ON m.fixture = f.id
"""
_ORDER = " ORDER BY f.starts_at_s, f.name, m.kind, m.period, m.line_q"
_OPEN = _COLUMNS + " WHERE f.starts_at_s > %(now_s)s AND f.status = 'scheduled'" + _ORDER
_ALL = _COLUMNS + _ORDER
_FIXTURE = _COLUMNS + " WHERE f.id = %(fixture)s" + _ORDER
_MARKETS = _COLUMNS + " WHERE m.id = ANY(%(markets)s::bytea[])" + _ORDER


_unpacked = lru_cache(maxsize=16_384)(MarketId.unpack)


@dataclass(frozen=True, slots=True)
class MarketRow:
    """An opened market."""

    market: MarketId
    status: str


@dataclass(frozen=True, slots=True)
class FixtureRow:
    """An opened fixture, with some or all of its markets. Bets close at `starts_at_s`; `moved_to_s`
    is the start when it is not the announced one."""

    id: bytes
    name: str
    home: str
    away: str
    competition: str
    starts_at_s: int
    moved_to_s: int | None
    status: str
    markets: tuple[MarketRow, ...]


async def open_fixtures(database: Database, now_s: int) -> list[FixtureRow]:
    """Fixtures that have not started at `now_s`, by start and name."""
    return fixtures_of_rows(await database.rows(_OPEN, {"now_s": now_s}))


async def all_fixtures(database: Database) -> list[FixtureRow]:
    """All opened fixtures, by start and name."""
    return fixtures_of_rows(await database.rows(_ALL, {}))


async def fixture(database: Database, fixture_id: bytes) -> FixtureRow | None:
    """One fixture with all its markets."""
    rows = await database.rows(_FIXTURE, {"fixture": fixture_id})
    return next(iter(fixtures_of_rows(rows)), None)


async def market(database: Database, market_id: bytes) -> MarketRow | None:
    """One market."""
    async with database.connection() as connection:
        fixtures = await fixtures_of(connection, [market_id])
    return next((market for fixture in fixtures for market in fixture.markets), None)


async def fixtures_of(connection: Connection, markets: Iterable[bytes]) -> list[FixtureRow]:
    """The fixtures of some markets, each with only those of its markets."""
    cursor = await connection.execute(*markets_query(markets))
    return fixtures_of_rows(await cursor.fetchall())


def markets_query(markets: Iterable[bytes]) -> Query:
    """What reads the fixtures of some markets, for `fixtures_of_rows`."""
    return _MARKETS, {"markets": array(sorted(set(markets)))}


def fixtures_of_rows(rows: Iterable[dict[str, Any]]) -> list[FixtureRow]:
    """The fixtures, each with the markets of its rows."""
    found: list[FixtureRow] = []
    for _, group in groupby(rows, key=lambda row: bytes(row["id"])):
        members = list(group)
        first = members[0]
        found.append(
            FixtureRow(
                id=bytes(first["id"]),
                name=first["name"],
                home=first["home"],
                away=first["away"],
                competition=first["competition"],
                starts_at_s=first["starts_at_s"],
                moved_to_s=first["moved_to_s"],
                status=first["status"],
                markets=tuple(
                    MarketRow(_unpacked(bytes(row["market"])), row["market_status"])
                    for row in members
                ),
            )
        )
    return found
