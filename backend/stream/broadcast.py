"""Writes the messages of each topic to its readers' connections: no queue, task or timer per
reader.

A topic is all odds, or those of some fixtures. A message is written to each connection as it was
encoded, once. A connection that has not sent what it was given is left out until it has; then it
gets the messages that it missed, or a snapshot when they are no longer kept.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Protocol

from backend.odds.redis_messages import Published
from backend.problems import Problem
from backend.stream.message_sequence import Frame, MessageSequence
from backend.stream.odds_copy import Odds
from protocol.market_id import FIXTURE_BYTES

# The shortest time between two messages of a topic. A change after a longer one is sent at once.
TICK_S = 0.02
HEARTBEAT_S = 2.0
# A connection with more than this unsent is behind.
UNSENT_BYTES = 64 * 1024
# So many connections are written to before anything else may run.
_AT_ONCE = 500

MOST_TOPICS = 1_000
# Of a market's id in hex, what names its fixture.
FIXTURE_DIGITS = 2 + 2 * FIXTURE_BYTES

Topic = frozenset[str]
ALL: Topic = frozenset()


class TooManyTopics(Problem):
    """This process has reached its limit of fixture selections; follow all odds instead."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "too-many-topics"
    title: ClassVar[str] = "Too many topics"


class Connection(Protocol):
    """What a reader is reached by: a transport of the event loop."""

    def write(self, data: bytes) -> None:
        """Send, or keep until it can be sent."""

    def get_write_buffer_size(self) -> int:
        """How many bytes are not sent yet."""

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""


class Reader:
    """A connection, and the last message that it was given."""

    __slots__ = ("connection", "seq")

    def __init__(self, connection: Connection, seq: int) -> None:
        self.connection = connection
        self.seq = seq


class Broadcast:
    """All topics of one process. `age_ms` returns the age of the odds; writing takes at most the
    part `max_writing` of the process's time, above 0 and at most 1."""

    def __init__(self, age_ms: Callable[[], int], max_writing: float = 0.5) -> None:
        self._age_ms = age_ms
        self._max_writing = max_writing
        self._odds: Odds = {}
        self._sequences: dict[Topic, MessageSequence] = {ALL: self._new_sequence()}
        self._users: defaultdict[Topic, int] = defaultdict(int)
        self._readers: defaultdict[Topic, set[Reader]] = defaultdict(set)
        self._of_fixture: defaultdict[str, set[MessageSequence]] = defaultdict(set)
        self._behind = False
        self._dirty = asyncio.Event()
        self._turn = asyncio.Event()

    def change(self, market: str, published: Published) -> None:
        """The odds of one market changed."""
        if published.odds_e4:
            self._odds[market] = published
        else:
            self._odds.pop(market, None)
        self._sequences[ALL].change(market, published)
        for sequence in self._of_fixture.get(market[:FIXTURE_DIGITS], ()):
            sequence.change(market, published)
        self._dirty.set()

    def replace(self, odds: Odds) -> None:
        """All odds were read again."""
        self._odds = dict(odds)
        for topic, sequence in self._sequences.items():
            sequence.replace(self._selected(topic))
        self._dirty.set()

    @contextmanager
    def topic(self, fixtures: Topic) -> Iterator[MessageSequence]:
        """The topic of some fixtures (0x and hex), or of all, until the end of the block. Raises
        TooManyTopics."""
        sequence = self._sequences.get(fixtures)
        if sequence is None:
            if len(self._sequences) > MOST_TOPICS:
                raise TooManyTopics(
                    f"This server has reached its limit of {MOST_TOPICS} fixture selections; follow"
                    " all odds instead, or try again.",
                    retry_after_s=5,
                )
            sequence = self._sequences[fixtures] = self._new_sequence()
            sequence.replace(self._selected(fixtures))
            for fixture in fixtures:
                self._of_fixture[fixture].add(sequence)
        self._users[fixtures] += 1
        try:
            yield sequence
        finally:
            self._users[fixtures] -= 1
            if not self._users[fixtures] and fixtures != ALL:
                self._forget(fixtures, sequence)

    @contextmanager
    def reader(
        self, fixtures: Topic, connection: Connection, resumed: tuple[str, int] | None = None
    ) -> Iterator[None]:
        """Sends a topic to a connection until the end of the block; from the message after the
        epoch and number `resumed` if that can be. Raises TooManyTopics."""
        with self.topic(fixtures) as sequence:
            first = sequence.snapshot() if resumed is None else sequence.resume(*resumed)
            reader = Reader(connection, sequence.seq if first is None else first.seq)
            connection.write((sequence.heartbeat() if first is None else first).wire)
            _catch_up(sequence, reader)
            self._readers[fixtures].add(reader)
            try:
                yield
            finally:
                self._readers[fixtures].discard(reader)

    async def next_round(self, timeout_s: float) -> bool:
        """Wait until messages were made; False after the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._turn.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Send what changes, and heartbeats while nothing does, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            changed = await self._wait()
            began = clock()
            await (self._send_changes() if changed else self._send_heartbeats())
            took = clock() - began
            await asyncio.sleep(max(TICK_S, took / self._max_writing) - took)

    async def _wait(self) -> bool:
        """False when nothing has changed for as long as readers may hear nothing."""
        try:
            # `wait_for` of Python 3.11 loses a cancellation that comes together with a change.
            async with asyncio.timeout(TICK_S if self._behind else HEARTBEAT_S):
                await self._dirty.wait()
        except TimeoutError:
            return self._behind
        return True

    async def _send_changes(self) -> None:
        self._dirty.clear()
        for sequence in self._sequences.values():
            sequence.tick()
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()
        self._behind = False
        for number, (sequence, reader) in enumerate(self._present(), 1):
            self._behind |= not _catch_up(sequence, reader)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _send_heartbeats(self) -> None:
        frames: dict[MessageSequence, Frame] = {}
        for number, (sequence, reader) in enumerate(self._present(), 1):
            frame = frames.get(sequence) or frames.setdefault(sequence, sequence.heartbeat())
            if frame.seq == reader.seq and not reader.connection.is_closing():
                reader.connection.write(frame.wire)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def _present(self) -> Iterator[tuple[MessageSequence, Reader]]:
        """The readers of now, less those who leave meanwhile."""
        for topic, readers in [*self._readers.items()]:
            for reader in [*readers]:
                if reader in readers:
                    yield self._sequences[topic], reader

    def _new_sequence(self) -> MessageSequence:
        return MessageSequence(self._age_ms, secrets.token_hex(4))

    def _selected(self, fixtures: Topic) -> Odds:
        if fixtures == ALL:
            return self._odds
        return {
            market: odds
            for market, odds in self._odds.items()
            if market[:FIXTURE_DIGITS] in fixtures
        }

    def _forget(self, fixtures: Topic, sequence: MessageSequence) -> None:
        del self._sequences[fixtures], self._users[fixtures]
        self._readers.pop(fixtures, None)
        for fixture in fixtures:
            self._of_fixture[fixture].discard(sequence)
            if not self._of_fixture[fixture]:
                del self._of_fixture[fixture]


def _catch_up(sequence: MessageSequence, reader: Reader) -> bool:
    """Give a reader the messages that it does not have; False when its connection is not ready."""
    connection = reader.connection
    while reader.seq < sequence.seq:
        if connection.is_closing():
            return True
        if connection.get_write_buffer_size() > UNSENT_BYTES:
            return False
        frame: Frame | None = sequence.after(reader.seq)
        assert frame is not None, "there is a newer message"
        connection.write(frame.wire)
        reader.seq = frame.seq
    return True
