"""Owns what the live-odds service reads from PostgreSQL; writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from psycopg import AsyncConnection

from backend.odds.book import AcceptedLeg, AcceptedSlip, OpenFixture
from backend.transactions.deployment import Deployment

Connection = AsyncConnection[tuple[Any, ...]]

LEADER_LOCK = 0x0DD5
MARKETS_CHANNEL = "markets"

_OPEN = """
select f.id, f.home, f.away, f.starts_at_s, m.id
from backend.fixture f join backend.market m on m.fixture = f.id
where f.status = 'scheduled' and m.status = 'open'
order by f.id, m.id
"""
# A slip that the chain refused moves no odds; one that it both placed and, sent twice, refused
# does.
_SLIPS = """
with d as (
    select id from mirror.deployment
    where chain_id = %(chain_id)s and lower(sportsbook) = lower(%(sportsbook)s)
)
select s.id::text, s.stake_micro, l.market, l.outcome, l.odds_e4
from backend.slip s join backend.slip_leg l on l.slip = s.id
where exists (
    select from backend.slip_leg o
    where o.slip = s.id and substr(o.market, 1, 16) = any(%(fixtures)s)
) and (
    not exists (
        select from mirror.skip k join d on k.deployment = d.id
        where k.account = s.account and k.nonce = s.nonce
    ) or exists (
        select from mirror.bet b join d on b.deployment = d.id
        where b.account = s.account and b.nonce = s.nonce
    )
)
order by s.id, l.leg
"""
_CHAIN_TIME = """
select head_timestamp_s from mirror.deployment
where chain_id = %(chain_id)s and lower(sportsbook) = lower(%(sportsbook)s)
"""


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


async def accepted_slips(
    connection: Connection, deployment: Deployment, fixtures: Iterable[bytes]
) -> list[AcceptedSlip]:
    """All accepted slips with a leg on one of the fixtures, without those the chain refused."""
    parameters = {**_key(deployment), "fixtures": list(fixtures)}
    rows = await (await connection.execute(_SLIPS, parameters)).fetchall()
    return [
        AcceptedSlip(
            slip,
            int(stake_micro),
            tuple(AcceptedLeg(bytes(row[2]), int(row[3]), int(row[4])) for row in group),
        )
        for (slip, stake_micro), group in groupby(rows, key=lambda row: row[:2])
    ]


async def chain_time_s(connection: Connection, deployment: Deployment) -> int | None:
    """Timestamp of the mirror's head, or None while the indexer has written none."""
    row = await (await connection.execute(_CHAIN_TIME, _key(deployment))).fetchone()
    return None if row is None or row[0] is None else int(row[0])


async def take_leadership(connection: Connection) -> bool:
    """Whether this process is the one that publishes; the lock goes with the connection."""
    cursor = await connection.execute("select pg_try_advisory_lock(%s)", (LEADER_LOCK,))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


def _key(deployment: Deployment) -> dict[str, Any]:
    return {"chain_id": deployment.chain_id, "sportsbook": deployment.sportsbook}
