"""Holds the API's pool of connections to PostgreSQL; independent of any table."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from psycopg import AsyncConnection, Error
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from backend.fault_log import FaultLog

log = structlog.get_logger("api")

# It warns of every try to connect; FaultLog says once that the server is away.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

Connection = AsyncConnection[DictRow]
# A statement and its parameters.
Query = tuple[str, Mapping[str, Any]]

ACQUIRE_TIMEOUT_S = 5.0
LOCK_TIMEOUT_MS = 3_000
# A connection that has been idle for so long is checked before it is used.
IDLE_S = 1.0


class Database:
    """A pool that can be opened before its server is up. A caller waits up to `acquire_timeout_s`
    for a free connection."""

    def __init__(self, postgres_url: str, connections: int) -> None:
        self._url = postgres_url
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            postgres_url,
            connection_class=AsyncConnection[DictRow],
            kwargs={"autocommit": True, "row_factory": dict_row, "application_name": "api"},
            check=self._check,
            reset=self._note_use,
            min_size=1,
            max_size=connections,
            open=False,
        )
        self._most = connections
        self._used = 0
        self._used_at: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self.acquire_timeout_s = ACQUIRE_TIMEOUT_S
        self.fault = FaultLog(log, "api.database_unreachable", "api.database_reachable")

    async def _check(self, connection: Connection) -> None:
        """Ask the server whether it still has the connection, unless it was used just now."""
        if time.monotonic() - self._used_at.get(connection, -IDLE_S) >= IDLE_S:
            await AsyncConnectionPool.check_connection(connection)

    async def _note_use(self, connection: Connection) -> None:
        self._used_at[connection] = time.monotonic()

    async def open(self) -> None:
        """Start to connect, without waiting for the server."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def wait_for_connection(self, timeout_s: float) -> None:
        """Wait until the pool has a free connection. Raises PoolTimeout."""
        async with self._pool.connection(timeout_s):
            pass

    async def answers(self, timeout_s: float) -> bool:
        """Whether the server answers on a new connection, beside those of the pool."""
        try:
            async with (
                asyncio.timeout(timeout_s),
                await AsyncConnection.connect(self._url) as connection,
            ):
                await connection.execute("SELECT 1")
        except (Error, TimeoutError):
            return False
        return True

    @property
    def all_in_use(self) -> bool:
        """Whether every connection of the pool serves somebody."""
        return self._used >= self._most

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection without an open transaction. Raises PoolTimeout."""
        async with self._pool.connection(self.acquire_timeout_s) as connection, self._counted():
            self.fault.ended()
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction that waits at most LOCK_TIMEOUT_MS for a lock."""
        pool = self._pool.connection(self.acquire_timeout_s)
        async with pool as connection, self._counted(), connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
            yield connection

    @asynccontextmanager
    async def pipelined_transaction(self) -> AsyncIterator[Connection]:
        """The same, whose statements are sent together: each waits for its answer only where that
        is read, or at the end."""
        pool = self._pool.connection(self.acquire_timeout_s)
        async with (
            pool as connection,
            self._counted(),
            connection.pipeline(),
            connection.transaction(),
        ):
            await connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
            yield connection

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._used += 1
        try:
            yield
        finally:
            self._used -= 1

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[DictRow]:
        """All rows of one statement."""
        async with self.connection() as connection:
            return await (await connection.execute(statement, parameters)).fetchall()

    async def row(self, statement: str, parameters: Mapping[str, Any]) -> DictRow | None:
        """The first row of one statement."""
        async with self.connection() as connection:
            return await (await connection.execute(statement, parameters)).fetchone()


async def read_all(connection: Connection, *queries: Query) -> list[list[DictRow]]:
    """All rows of each query, in one round trip. Each sees what was committed before it begins."""
    async with connection.pipeline():
        cursors = [await connection.execute(*query) for query in queries]
    return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]


def array(values: Iterable[int | bytes | str | uuid.UUID]) -> str:
    """An array of PostgreSQL as its text, in a tenth of psycopg's time; the statement has its
    type."""
    return "{" + ",".join([_TEXT[type(value)](value) for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_TEXT: dict[type, Callable[[Any], str]] = {
    int: str,
    uuid.UUID: str,
    str: _quoted,
    bytes: lambda value: f'"\\\\x{value.hex()}"',
}
