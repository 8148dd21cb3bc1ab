"""Elects the one writer of a deployment's mirror: the session that holds its advisory lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import structlog

log = structlog.get_logger(__name__)

_TRY = "SELECT pg_try_advisory_lock(%s)"


def try_lead(connection: psycopg.Connection[tuple[Any, ...]], key: int) -> bool:
    """Take the lock if it is free; it is held until the connection closes."""
    row = connection.execute(_TRY, (key,)).fetchone()
    assert row is not None
    return bool(row[0])


def wait_to_lead(
    connection: psycopg.Connection[tuple[Any, ...]], key: int, pause: Callable[[], bool]
) -> bool:
    """Wait until this session leads. `pause` waits a moment, and returns whether to continue;
    returns False when it does not."""
    if try_lead(connection, key):
        return True
    log.info("standby.waiting", reason="another indexer writes this deployment's mirror")
    while pause():
        if try_lead(connection, key):
            log.info("standby.leads")
            return True
    return False
