"""Owns what the live-odds service reads from PostgreSQL; writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from psycopg import AsyncConnection

from backend.odds.book import AcceptedLeg, AcceptedSlip, OpenFixture

Connection = AsyncConnection[tuple[Any, ...]]

LEADER_LOCK = 0x0DD5
MARKETS_CHANNEL = "markets"

_OPEN = """
select f.id, f.home, f.away, f.starts_at_s, m.id
from backend.fixture f join backend.market m on m.fixture = f.id
where f.status = 'scheduled' and m.status = 'open'
order by f.id, m.id
"""
_SLIPS = """
select s.id::text, s.stake_micro, l.market, l.outcome, l.odds_e4
from backend.slip s join backend.slip_leg l on l.slip = s.id
where exists (
    select from backend.slip_leg o
    where o.slip = s.id and substr(o.market, 1, 16) = any(%s)
)
order by s.id, l.leg
"""
_CHAIN_TIME = "select max(head_timestamp_s) from mirror.deployment where chain_id = %s"


async def open_fixtures(connection: Connection) -> list[OpenFixture]:
    """Fixtures that take bets, with their open markets."""
    rows = await (await connection.execute(_OPEN)).fetchall()
    return [
        OpenFixture(
            fixture=bytes(fixture),
            home=home,
            away=away,
            starts_at_s=starts_at_s,
            markets=frozenset(bytes(row[4]) for row in group),
        )
        for (fixture, home, away, starts_at_s), group in groupby(rows, key=lambda row: row[:4])
    ]


async def accepted_slips(connection: Connection, fixtures: Iterable[bytes]) -> list[AcceptedSlip]:
    """All accepted slips with a leg on one of the fixtures."""
    rows = await (await connection.execute(_SLIPS, (list(fixtures),))).fetchall()
    return [
        AcceptedSlip(
            slip,
            int(stake_micro),
            tuple(AcceptedLeg(bytes(row[2]), int(row[3]), int(row[4])) for row in group),
        )
        for (slip, stake_micro), group in groupby(rows, key=lambda row: row[:2])
    ]


async def chain_time_s(connection: Connection, chain_id: int) -> int | None:
    """Timestamp of the mirror's head, or None while the indexer has written none."""
    row = await (await connection.execute(_CHAIN_TIME, (chain_id,))).fetchone()
    return None if row is None or row[0] is None else int(row[0])


async def take_leadership(connection: Connection) -> bool:
    """Whether this process is the one that publishes; the lock goes with the connection."""
    cursor = await connection.execute("select pg_try_advisory_lock(%s)", (LEADER_LOCK,))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
