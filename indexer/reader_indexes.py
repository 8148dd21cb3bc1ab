"""Owns the indexes that only readers need, which are made once a mirror has caught up.

Their keys come in no order, so that to keep them while a mirror is filled costs nearly as much as
the rows; made at the end they are sorted once. Until then a reader finds the same rows, slowly.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
import structlog
from psycopg import sql

log = structlog.get_logger(__name__)

READER_INDEXES = {
    "movement_deployment_account_idx": "movement (deployment, account, block, log_index)",
    "leg_deployment_market_idx": "leg (deployment, market)",
}
_MISSING = (
    "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass('mirror.' || name) IS NULL"
)
# Sorting in memory what would go through files by default.
_MEMORY = "SET LOCAL maintenance_work_mem = '256MB'"


def make_reader_indexes(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Make those that are not there; rows can be read meanwhile, and are written afterwards."""
    for (name,) in connection.execute(_MISSING, (list(READER_INDEXES),)).fetchall():
        started = time.monotonic()
        with connection.transaction():
            connection.execute(_MEMORY)
            connection.execute(
                sql.SQL("CREATE INDEX IF NOT EXISTS {} ON mirror.{}").format(
                    sql.Identifier(name), sql.SQL(READER_INDEXES[name])
                )
            )
        log.info("index.made", index=name, seconds=round(time.monotonic() - started, 2))
