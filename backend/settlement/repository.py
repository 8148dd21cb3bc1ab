"""Reads what can be published and settled now; writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, Engine, text

from backend.mirror.deployment import Mirror, read_rows
from backend.mirror.settlement import BATCHES, DECIDED
from protocol.placed_event import PlacedBatch, unpack_batch

_PUBLICATIONS = text("SELECT count(*) FROM backend.publication WHERE fixture = :fixture")
_RUNS = text("SELECT count(*) FROM backend.settlement_run WHERE batch = :batch")


def decided_bets(
    engine: Engine, mirror: Mirror, now_s: int, void_after_s: int, limit: int
) -> dict[int, list[int]]:
    """Up to `limit` bets by batch whose legs are all decided at `now_s`, and which are neither
    settled nor in a transaction that settles them."""
    bets: dict[int, list[int]] = defaultdict(list)
    with engine.connect() as connection:
        rows = read_rows(
            connection,
            DECIDED,
            {
                "deployment": mirror.deployment,
                "now_s": now_s,
                "void_after_s": void_after_s,
                "limit": limit,
            },
        )
        for row in rows:
            bets[row.batch].append(row.bet)
    return dict(bets)


def placed_batches(
    engine: Engine, mirror: Mirror, numbers: Iterable[int]
) -> dict[int, PlacedBatch]:
    """Batches as the mirror keeps them, by number."""
    with engine.connect() as connection:
        rows = read_rows(
            connection, BATCHES, {"deployment": mirror.deployment, "batches": list(numbers)}
        )
        return {row.batch: unpack_batch(bytes(row.markets), bytes(row.records)) for row in rows}


def publications(connection: Connection, fixture: bytes) -> int:
    """How many transactions have carried this fixture's result so far."""
    return int(connection.execute(_PUBLICATIONS, {"fixture": fixture}).scalar_one())


def runs_of(connection: Connection, batch: int) -> int:
    """How many runs of bets of this batch were prepared so far."""
    return int(connection.execute(_RUNS, {"batch": batch}).scalar_one())
