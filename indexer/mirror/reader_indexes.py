"""Builds the indexes that only readers need, once a mirror has caught up.

Their keys arrive in random order, so maintaining them during a backfill costs nearly as much as the
rows. Built at the end, they are sorted once. Until then queries return the same rows, slowly.
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
# Sort in memory instead of in files; do not queue for long for a table, because every writer would
# queue behind; and let the database notice soon that the process has died.
_SETTINGS = """
SELECT set_config(name, value, true)
FROM (VALUES ('maintenance_work_mem', '256MB'), ('lock_timeout', '1s'), ('statement_timeout', '0'),
    ('client_connection_check_interval', '1s')) AS wanted (name, value)
JOIN pg_settings USING (name)
"""
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"
_LOCK = 0x69_6E_64_65_78


def missing_indexes(connection: Connection) -> list[str]:
    """The names of the indexes that do not exist."""
    return [name for (name,) in connection.execute(_MISSING, (list(READER_INDEXES),))]


def build_index(connection: Connection, name: str) -> bool:
    """Build an index. Meanwhile its table can be read, and writers wait. Returns whether it was
    built: not when the table stays locked, when another process is building, or when the database
    refuses."""
    started = time.monotonic()
    try:
        with connection.transaction():
            connection.execute(_SETTINGS)
            if connection.execute(_TRY_LOCK, (_LOCK,)).fetchone() != (True,):
                return False
            connection.execute(
                sql.SQL("CREATE INDEX IF NOT EXISTS {} ON mirror.{}").format(
                    sql.Identifier(name), sql.SQL(READER_INDEXES[name])
                )
            )
    except psycopg.Error as error:
        if connection.broken:
            raise
        # The mirror is complete without it.
        log.warning("index.not_built", index=name, reason=str(error).partition("\n")[0])
        return False
    log.info("index.built", index=name, seconds=round(time.monotonic() - started, 2))
    return True
