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

Connection = psycopg.Connection[tuple[Any, ...]]

READER_INDEXES = {
    "movement_deployment_account_idx": "movement (deployment, account, block, log_index)",
    "leg_deployment_market_idx": "leg (deployment, market)",
}
_MISSING = (
    "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass('mirror.' || name) IS NULL"
)
# Sorting in memory what would go through files by default; and who waits for a table makes every
# writer behind it wait, too.
_SETTINGS = "SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL lock_timeout = '1s'"


def missing_indexes(connection: Connection) -> list[str]:
    """The names of those that are not there."""
    return [name for (name,) in connection.execute(_MISSING, (list(READER_INDEXES),))]


def make_index(connection: Connection, name: str) -> bool:
    """Make one; rows can be read meanwhile, and are written afterwards. Returns whether it is
    there: while another transaction writes the table for long, it is not."""
    started = time.monotonic()
    try:
        with connection.transaction():
            connection.execute(_SETTINGS)
            connection.execute(
                sql.SQL("CREATE INDEX IF NOT EXISTS {} ON mirror.{}").format(
                    sql.Identifier(name), sql.SQL(READER_INDEXES[name])
                )
            )
    except psycopg.errors.LockNotAvailable:
        log.warning("index.waits", index=name, reason="another transaction writes its table")
        return False
    log.info("index.made", index=name, seconds=round(time.monotonic() - started, 2))
    return True
