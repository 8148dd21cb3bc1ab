"""Writes past odds as they change, removes those that are too old, and reads a bounded number of
points; decides nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from backend.database import Database

Connection = AsyncConnection[DictRow]

# A row only where the odds are others than the last ones that are kept. Several changes within a
# second leave the last one; after the chain's clock was set back, so do changes at the same time.
_RECORD = """
INSERT INTO backend.price (market, at_s, odds_e4)
SELECT decode(c.market, 'hex'), %(now_s)s, ARRAY(SELECT jsonb_array_elements_text(c.odds)::bigint)
FROM jsonb_each(%(changes)s) AS c (market, odds)
WHERE ARRAY(SELECT jsonb_array_elements_text(c.odds)::bigint) IS DISTINCT FROM (
    SELECT p.odds_e4 FROM backend.price p WHERE p.market = decode(c.market, 'hex')
    ORDER BY p.at_s DESC LIMIT 1)
ON CONFLICT (market, at_s) DO UPDATE SET odds_e4 = excluded.odds_e4
"""
# Those that were no longer the newest at %(before_s)s: what counted then is where a chart begins.
_REMOVE = """
DELETE FROM backend.price p WHERE p.at_s < %(before_s)s AND EXISTS (
    SELECT FROM backend.price n
    WHERE n.market = p.market AND n.at_s > p.at_s AND n.at_s <= %(before_s)s)
"""
# The first point, and the last one of each part of the time since.
_POINTS = """
WITH p AS (SELECT at_s, odds_e4 FROM backend.price
           WHERE market = %(market)s AND at_s >= coalesce(
               (SELECT max(at_s) FROM backend.price
                WHERE market = %(market)s AND at_s <= %(since_s)s), 0)),
     r AS (SELECT min(at_s) AS first_s, max(at_s) + 1 AS end_s FROM p)
SELECT DISTINCT ON (part) at_s, odds_e4,
       CASE WHEN at_s = r.first_s THEN 0
            ELSE width_bucket(at_s, r.first_s, r.end_s, %(parts)s) END AS part
FROM p, r ORDER BY part, at_s DESC
"""
_OPENED = "SELECT FROM backend.market WHERE id = %(market)s"


@dataclass(frozen=True, slots=True)
class Point:
    """The odds x 10^4 from `at_s` on."""

    at_s: int
    odds_e4: tuple[int, ...]


async def record(
    connection: Connection, changes: Mapping[bytes, Sequence[int]], now_s: int
) -> None:
    """Keep the odds of some markets as of now."""
    named = {market.hex(): list(odds_e4) for market, odds_e4 in changes.items()}
    await connection.execute(_RECORD, {"changes": Jsonb(named), "now_s": now_s})


async def remove_old(connection: Connection, before_s: int) -> None:
    """Remove what is no longer needed to draw the time since `before_s`."""
    await connection.execute(_REMOVE, {"before_s": before_s})


async def is_opened(database: Database, market: bytes) -> bool:
    """Whether the house has opened a market."""
    return await database.row(_OPENED, {"market": market}) is not None


async def points_of(database: Database, market: bytes, since_s: int, most: int) -> list[Point]:
    """How the odds of a market have moved since a time: at most so many points, the first one what
    counted then, the last one the newest."""
    parameters: dict[str, Any] = {"market": market, "since_s": since_s, "parts": most - 1}
    rows = await database.rows(_POINTS, parameters)
    return [Point(row["at_s"], tuple(row["odds_e4"])) for row in rows]
