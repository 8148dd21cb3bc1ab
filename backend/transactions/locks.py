"""Takes the advisory locks that let one process at a time do a job. That a job is done once is
guaranteed by unique keys, never by a lock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.transactions.errors import LockBusy

LOCK_TIMEOUT_MS = 5_000
_LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def held(engine: Engine, name: str, timeout_ms: int = LOCK_TIMEOUT_MS) -> Iterator[None]:
    """Hold the lock `name` on a connection of its own, with no transaction open, so that the
    network may be used meanwhile. PostgreSQL releases it when the process dies.

    Raises LockBusy when another process holds it for longer than `timeout_ms`.
    """
    key = _key(name)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SET lock_timeout = {int(timeout_ms)}"))
        try:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            connection.execute(text("RESET lock_timeout"))
            raise LockBusy(f"another process holds the lock {name!r}") from error
        connection.execute(text("RESET lock_timeout"))
        try:
            yield
        finally:
            # With its connection the lock is gone, too.
            with suppress(OperationalError):
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})


def hold_in_transaction(session: Session, name: str) -> None:
    """Hold the lock `name` until the session's transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _key(name)})


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
