"""Readers of the stream that cost little themselves: plain sockets, and one loop that waits for all
of them. Only the time stamp of the newest change of each reading is looked at."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

_REQUEST = (
    b"GET %b HTTP/1.1\r\nHost: api\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_DELTA, _CHANGE, _VERSION = b'"type":"delta"', b'"market"', re.compile(rb'"version":(\d+)')
# Of one connection at a time: a snapshot may be long.
_READ_BYTES = 256 * 1024
_NEWEST_BYTES = 400


@dataclass(slots=True)
class Heard:
    """What the readers heard: deltas of all, changes in them, latencies in milliseconds, sorted."""

    deltas: int = 0
    changes: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """The latency that this share of what was looked at did not exceed."""
        last = len(self.latencies_ms) - 1
        return self.latencies_ms[round(share * last)] if last >= 0 else 0.0


def clock_us() -> int:
    """The time that a change carries as its version, the same for all processes."""
    return time.monotonic_ns() // 1_000


def fixture_id(number: int) -> str:
    """The id of a fixture of the bench."""
    return f"0x{number:032x}"


def path_of(reader: int, fixtures: int, topics: int) -> str:
    """What a reader opens: one of so many equal parts of the fixtures, or all of them with 0."""
    if not topics:
        return "/v1/stream"
    part = range(reader % topics, fixtures, topics)
    return "/v1/stream?" + "&".join(f"fixture={fixture_id(number)}" for number in part)


def connect(port: int, paths: Sequence[str]) -> list[socket.socket]:
    """Opens streams, some at a time, and reads their snapshots."""
    opened = []
    for start in range(0, len(paths), 100):
        more = paths[start : start + 100]
        some = [socket.create_connection(("127.0.0.1", port)) for _ in more]
        for one, path in zip(some, more, strict=True):
            one.sendall(_REQUEST % path.encode())
        for one in some:
            head = one.recv(_READ_BYTES)
            if b" 101 " not in head:
                raise RuntimeError(f"a stream was not opened: {head[:300]!r}")
        opened += some
    return opened


def listen(streams: Sequence[socket.socket], seconds: float) -> Heard:
    """Reads what comes for so long. The first second is not counted: snapshots are in it."""
    poll = select.epoll(len(streams))
    by_number = {one.fileno(): one for one in streams}
    for one in streams:
        one.setblocking(False)
        poll.register(one, select.EPOLLIN)
    heard = Heard()
    begins = time.monotonic() + 1
    ends = begins + seconds
    while (now := time.monotonic()) < ends:
        for number, _ in poll.poll(0.1, 1_000):
            try:
                data = by_number[number].recv(_READ_BYTES)
            except BlockingIOError:
                continue
            if not data:
                poll.unregister(number)
            if now < begins:
                continue
            heard.deltas += data.count(_DELTA)
            heard.changes += data.count(_CHANGE)
            if found := _VERSION.findall(data[-_NEWEST_BYTES:]):
                heard.latencies_ms.append((clock_us() - int(found[-1])) / 1_000)
    poll.close()
    heard.seconds = seconds
    heard.latencies_ms.sort()
    return heard


def read(port: int, paths: Sequence[str], seconds: float, answer: Connection) -> None:
    """Opens streams, says so, and reads them for so long; for a process of its own."""
    streams = connect(port, paths)
    answer.send("connected")
    answer.send(listen(streams, seconds))
