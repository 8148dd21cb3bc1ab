"""Reads from PostgreSQL what the live-odds process needs; writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from backend.deployment import Deployment
from backend.mirror.deployment import HEAD, deployment_key
from backend.mirror.slips import COUNTED_LEGS
from backend.odds.book import OpenFixture
from backend.odds.redis_messages import AcceptedLeg, AcceptedSlip

Connection = AsyncConnection[DictRow]

LEADER_LOCK = 0x0DD5

_OPEN = """
SELECT f.id AS fixture, f.home, f.away, f.starts_at_s, m.id AS market
FROM backend.fixture f JOIN backend.market m ON m.fixture = f.id
WHERE f.status = 'scheduled' AND m.status = 'open'
ORDER BY f.id, m.id
"""


async def open_fixtures(connection: Connection) -> list[OpenFixture]:
    """Scheduled fixtures with their open markets."""
    rows = await (await connection.execute(_OPEN)).fetchall()
    fixtures: list[OpenFixture] = []
    for _, group in groupby(rows, key=lambda row: row["fixture"]):
        markets = list(group)
        first = markets[0]
        fixtures.append(
            OpenFixture(
                fixture=bytes(first["fixture"]),
                home=first["home"],
                away=first["away"],
                starts_at_s=first["starts_at_s"],
                markets=frozenset(bytes(row["market"]) for row in markets),
            )
        )
    return fixtures


async def accepted_slips(
    connection: Connection, deployment: Deployment, fixtures: Iterable[bytes]
) -> list[AcceptedSlip]:
    """All accepted slips with a leg on one of the fixtures, except those that the contract left
    out."""
    parameters = {**deployment_key(deployment), "fixtures": list(fixtures)}
    rows = await (await connection.execute(COUNTED_LEGS, parameters)).fetchall()
    slips: list[AcceptedSlip] = []
    for slip, group in groupby(rows, key=lambda row: str(row["slip"])):
        legs = list(group)
        slips.append(
            AcceptedSlip(
                slip,
                int(legs[0]["stake_micro"]),
                tuple(
                    AcceptedLeg(bytes(row["market"]), int(row["outcome"]), int(row["odds_e4"]))
                    for row in legs
                ),
            )
        )
    return slips


async def chain_time_s(connection: Connection, deployment: Deployment) -> int | None:
    """Timestamp of the mirror's head, or None while the indexer has written no block."""
    row = await (await connection.execute(HEAD, deployment_key(deployment))).fetchone()
    return None if row is None or row["head_timestamp_s"] is None else int(row["head_timestamp_s"])


async def acquire_leadership(connection: Connection) -> bool:
    """Whether this process is the one that publishes; the lock is released with the connection."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s) AS acquired", (LEADER_LOCK,))
    row = await cursor.fetchone()
    return row is not None and bool(row["acquired"])
