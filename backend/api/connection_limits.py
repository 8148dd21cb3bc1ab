"""Keeps the connections of one process within limits of number and time, whatever their protocol.

A connection that waits for the headers of a request can be closed at any time: when it waits too
long, and when others need its place. One whose client does not read what is sent to it, or does
not let it close, is aborted, which releases its descriptor and what is buffered for it.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

# From the connection, or the response before, to the end of a request's headers.
HEADERS_S = 10.0
# How long something that was sent may remain unread.
UNREAD_S = 20.0
# How long a connection may take to close.
CLOSING_S = 5.0
SWEEP_EVERY_S = 1.0

# Of all connections, so that streams leave some for requests.
STREAMS_PARTS = (3, 4)


class DescriptorsTooFew(Exception):
    """The limit of open files leaves too few for connections."""


@dataclass(slots=True, eq=False)
class Connection:
    """An open connection. `late` is called when it has waited too long. The times are the event
    loop's: since when it waits for headers, has something unread, and is being closed."""

    transport: asyncio.Transport
    late: Callable[[], None]
    waits_since: float | None = None
    unread_since: float | None = None
    closing_since: float | None = None


class Connections:
    """All connections, at most `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.most_streams = most * STREAMS_PARTS[0] // STREAMS_PARTS[1]
        # How many were aborted or not taken, by reason.
        self.dropped: Counter[str] = Counter()
        self._open: dict[asyncio.BaseTransport, Connection] = {}
        # In the order in which they began to wait.
        self._waiting: dict[Connection, None] = {}
        self._sweeping = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def add(self, transport: asyncio.Transport, late: Callable[[], None]) -> Connection | None:
        """A new connection, which waits for headers. When there are as many as may be, the one
        that has waited longest makes way; None when none waits, and this one is aborted."""
        if len(self._open) >= self.most and not self._drop_waiting():
            self.dropped["refused"] += 1
            transport.abort()
            return None
        connection = Connection(transport, late)
        self._open[transport] = connection
        self.waits(connection)
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_EVERY_S, self._sweep)
        return connection

    def find(self, transport: asyncio.BaseTransport) -> Connection | None:
        """The connection of a transport."""
        return self._open.get(transport)

    def remove(self, connection: Connection) -> None:
        """The connection is closed."""
        self._open.pop(connection.transport, None)
        self._waiting.pop(connection, None)

    def waits(self, connection: Connection) -> None:
        """The connection waits for the headers of a request from now on."""
        if connection.transport in self._open:
            connection.waits_since = _now()
            self._waiting.pop(connection, None)
            self._waiting[connection] = None

    def works(self, connection: Connection) -> None:
        """The connection has a request, or is a stream."""
        connection.waits_since = None
        self._waiting.pop(connection, None)

    def _drop_waiting(self) -> bool:
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        self._abort(oldest, "replaced")
        return True

    def _abort(self, connection: Connection, reason: str) -> None:
        self.dropped[reason] += 1
        # Its protocol hears of it later; the place is free now.
        self.remove(connection)
        connection.transport.abort()

    def _sweep(self) -> None:
        now = _now()
        for connection in [*self._waiting]:
            assert connection.waits_since is not None, "it waits"
            if now - connection.waits_since < HEADERS_S:
                break
            self.dropped["late"] += 1
            self.works(connection)
            connection.late()
        for connection in [*self._open.values()]:
            self._check(connection, now)
        self._sweeping = bool(self._open)
        if self._sweeping:
            asyncio.get_running_loop().call_later(SWEEP_EVERY_S, self._sweep)

    def _check(self, connection: Connection, now: float) -> None:
        transport = connection.transport
        if not transport.get_write_buffer_size():
            connection.unread_since = None
        elif connection.unread_since is None:
            connection.unread_since = now
        if connection.closing_since is None and transport.is_closing():
            connection.closing_since = now
        if _longer(connection.unread_since, UNREAD_S, now):
            self._abort(connection, "unread")
        elif _longer(connection.closing_since, CLOSING_S, now):
            self._abort(connection, "unclosed")

    def closes(self, connection: Connection) -> None:
        """Our last word to the client is said; it may take CLOSING_S to hear it."""
        self.works(connection)
        connection.closing_since = _now()


def most_connections(reserved: int, least: int) -> int:
    """How many connections the process's limit of open files leaves beside `reserved` others.
    Raises DescriptorsTooFew below `least`."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit - reserved < least:
        raise DescriptorsTooFew(
            f"the limit of open files (ulimit -n) is {limit}; {reserved + least} are needed for"
            f" servers, files and {least} connections"
        )
    return limit - reserved


def _now() -> float:
    return asyncio.get_running_loop().time()


def _longer(since: float | None, limit_s: float, now: float) -> bool:
    return since is not None and now - since >= limit_s
