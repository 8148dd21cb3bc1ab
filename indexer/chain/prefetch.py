"""Owns fetching ranges in parallel ahead of the writer, in the chain's order, with bounded memory.

A range's length follows what it holds: rare events make long ranges, full blocks short ones. It
stays below what the node refused, which is forgotten slowly.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor

from indexer.chain.blocks import BlockRange

Fetch = Callable[[int, int], BlockRange]

# Enough that one asks while others wait for the line, or for their turn to read an answer.
THREADS = 5
# Packed batches dominate an event's size; 400 KB of them are some 13,000 bets.
_EVENTS_WANTED = 2_000
_BYTES_WANTED = 400_000
_FIRST_LENGTH, _LONGEST = 16, 2_000
# After each range that the node gave, the most that is asked for grows by this part, or by
# so many blocks when that is more.
_FORGIVEN, _FORGIVEN_LEAST = 1 / 256, 1 / 8


class RangeLength:
    """How many blocks to ask for at once; threads may share it."""

    def __init__(self, first: int = _FIRST_LENGTH, longest: int = _LONGEST) -> None:
        self._longest = longest
        self._most = float(longest)
        self._lock = threading.Lock()
        self.blocks = first

    def learn(self, fetched: BlockRange) -> None:
        """Aim at a good size, changing by no more than a factor of two. Twice this range is the
        most: how full the next blocks are is a guess, and several ranges are on their way."""
        count = len(fetched.headers)
        size = sum(len(part) for e in fetched.events for part in e.event if isinstance(part, bytes))
        fill = max(len(fetched.events) / _EVENTS_WANTED, size / _BYTES_WANTED, 1 / 1_000)
        with self._lock:
            wanted = int(count / fill)
            bounded = min(max(wanted, self.blocks // 2), max(self.blocks, count * 2))
            self._most = min(
                self._most + max(_FORGIVEN_LEAST, self._most * _FORGIVEN), self._longest
            )
            self.blocks = min(max(bounded, 1), int(self._most))

    def cover(self, blocks: int) -> None:
        """Ask for so many at once if the node gives them."""
        with self._lock:
            self.blocks = max(self.blocks, min(blocks, int(self._most)))

    def too_much(self, asked: int, lasting: bool = True) -> None:
        """So many blocks were more than an endpoint gives; not `lasting`: than it gives now."""
        with self._lock:
            less = max(1, asked // 2)
            self.blocks = min(self.blocks, less)
            if lasting:
                self._most = float(min(int(self._most), less))


def fetched_ahead(
    pool: ThreadPoolExecutor, fetch: Fetch, length: RangeLength, first: int, last: int
) -> Generator[BlockRange, None, None]:
    """The blocks from `first` to `last` in order, while `pool` fetches what comes next. What
    `fetch` raises is raised when its range's turn comes."""
    waiting: deque[Future[BlockRange]] = deque()
    following = first
    try:
        while waiting or following <= last:
            while following <= last and len(waiting) < 2 * THREADS:
                end = min(last, following + length.blocks - 1)
                waiting.append(pool.submit(fetch, following, end))
                following = end + 1
            fetched = waiting.popleft().result()
            length.learn(fetched)
            yield fetched
    finally:
        for future in waiting:
            future.cancel()
