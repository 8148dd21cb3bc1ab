"""Fetches ranges in parallel ahead of the writer, in chain order and with bounded memory.

The length of a range adapts to its contents: rare events make long ranges, full blocks short ones.
It stays below what a node refused; every range that a node serves raises that limit a little.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from indexer.chain.blocks import BlockRange

# Enough that some send requests while others wait for the network or parse an answer.
THREADS = 5
# Packed batches dominate an event's size; 400 KB of them are some 13,000 bets.
_TARGET_EVENTS = 2_000
_TARGET_BYTES = 400_000
_FIRST_LENGTH, _MAX_LENGTH = 16, 2_000
# After each range that the node served, the limit grows by this fraction, or by this many blocks if
# that is more.
_LIMIT_GROWTH, _MIN_LIMIT_GROWTH = 1 / 256, 1 / 8


class HasBlocks(Protocol):
    """A fetched range of blocks, in whatever wrapping."""

    @property
    def blocks(self) -> BlockRange:
        """The blocks."""
        ...


T = TypeVar("T", bound=HasBlocks)


class RangeLength:
    """How many blocks to request at once. Safe to share between threads."""

    def __init__(self, first: int = _FIRST_LENGTH, longest: int = _MAX_LENGTH) -> None:
        self._longest = longest
        self._limit = float(longest)
        self._lock = threading.Lock()
        self.blocks = first

    def adapt(self, fetched: BlockRange) -> None:
        """Aim at the target size, by at most a factor of two per range and at most twice this
        range: how full the next blocks are is a guess, and several ranges are in flight."""
        count = len(fetched.headers)
        size = sum(len(part) for e in fetched.events for part in e.event if isinstance(part, bytes))
        fill = max(len(fetched.events) / _TARGET_EVENTS, size / _TARGET_BYTES, 1 / 1_000)
        with self._lock:
            wanted = int(count / fill)
            bounded = min(max(wanted, self.blocks // 2), max(self.blocks, count * 2))
            self._limit = min(
                self._limit + max(_MIN_LIMIT_GROWTH, self._limit * _LIMIT_GROWTH), self._longest
            )
            self.blocks = min(max(bounded, 1), int(self._limit))

    def raise_to(self, blocks: int) -> None:
        """Request at least so many blocks at once, within the limit."""
        with self._lock:
            self.blocks = max(self.blocks, min(blocks, int(self._limit)))

    def too_long(self, blocks: int, lasting: bool = True) -> None:
        """A range of so many blocks was too long for an endpoint: for good (`lasting`), which
        lowers the limit, or only for now."""
        with self._lock:
            half = max(1, blocks // 2)
            self.blocks = min(self.blocks, half)
            if lasting:
                self._limit = float(min(int(self._limit), half))


def prefetch_ranges(
    pool: ThreadPoolExecutor,
    fetch: Callable[[int, int], T],
    length: RangeLength,
    first: int,
    last: int,
) -> Generator[T, None, None]:
    """Yield the blocks from `first` to `last` in order, while `pool` fetches the next ones. An
    error of `fetch` is raised when its range is due."""
    in_flight: deque[Future[T]] = deque()
    following = first
    try:
        while in_flight or following <= last:
            while following <= last and len(in_flight) < 2 * THREADS:
                end = min(last, following + length.blocks - 1)
                in_flight.append(pool.submit(fetch, following, end))
                following = end + 1
            fetched = in_flight.popleft().result()
            length.adapt(fetched.blocks)
            yield fetched
    finally:
        for future in in_flight:
            future.cancel()
