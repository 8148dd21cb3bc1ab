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
# Sorting in memory what would go through files by default; who waits for a table makes every writer
# behind it wait, too; and a database does not go on for long for a process that is dead.
_SETTINGS = """
SELECT set_config(name, value, true)
FROM (VALUES ('maintenance_work_mem', '256MB'), ('lock_timeout', '1s'), ('statement_timeout', '0'),
    ('client_connection_check_interval', '1s')) AS wanted (name, value)
JOIN pg_settings USING (name)
"""
_ALONE = "SELECT pg_try_advisory_xact_lock(%s)"
_LOCK = 0x69_6E_64_65_78


def missing_indexes(connection: Connection) -> list[str]:
    """The names of those that are not there."""
    return [name for (name,) in connection.execute(_MISSING, (list(READER_INDEXES),))]


def make_index(connection: Connection, name: str) -> bool:
    """Make one; rows can be read meanwhile, and are written afterwards. Returns whether it was
    made: not while others write its table for long or make one, nor when the database refuses."""
    started = time.monotonic()
    try:
        with connection.transaction():
            connection.execute(_SETTINGS)
            if connection.execute(_ALONE, (_LOCK,)).fetchone() != (True,):
                return False
            connection.execute(
                sql.SQL("CREATE INDEX IF NOT EXISTS {} ON mirror.{}").format(
                    sql.Identifier(name), sql.SQL(READER_INDEXES[name])
                )
            )
    except psycopg.Error as error:
        if connection.broken:
            raise
        # The mirror is whole without it.
        log.warning("index.not_made", index=name, reason=str(error).partition("\n")[0])
        return False
    log.info("index.made", index=name, seconds=round(time.monotonic() - started, 2))
    return True
