"""Owns having blocks that were written at once read by a second endpoint afterwards.

The head is written as one endpoint has it, so that nobody waits for a slower one. Until a second
one has read the same in a block, it does not become final.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import structlog

from indexer.blocks import BlockReader
from indexer.chain import BlockRange
from indexer.endpoints import Endpoints
from indexer.errors import RetryableError
from indexer.rpc import Endpoint

log = structlog.get_logger(__name__)

# More than this is not kept in memory: a second endpoint that lags so far behind is none.
_MOST = 256


class Witness:
    """What was written and is to be read again; does nothing when there is only one endpoint.
    `on_waiting` is told how many ranges wait. Threads may share it."""

    def __init__(
        self,
        endpoints: Endpoints,
        reader: BlockReader,
        on_waiting: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._endpoints = endpoints
        self._reader = reader
        self._on_waiting = on_waiting
        self._waiting: deque[tuple[BlockRange, Endpoint]] = deque()
        self._lock = threading.Lock()
        self._behind = False

    @property
    def lowest(self) -> int | None:
        """The lowest block that waits."""
        with self._lock:
            return min((blocks.headers[0].number for blocks, _ in self._waiting), default=None)

    def expect(self, blocks: BlockRange, source: Endpoint) -> None:
        """Blocks that so far only `source` has told of."""
        if len(self._endpoints) == 1:
            return
        with self._lock:
            self._waiting.append((blocks, source))
            if len(self._waiting) > _MOST:
                self._waiting.popleft()
                if not self._behind:
                    log.warning("witness.missing", reason="only one endpoint keeps up")
                self._behind = True
            self._on_waiting(len(self._waiting))

    def keep_up_to(self, head: int) -> None:
        """What lies above `head` is not in the mirror (any more)."""
        with self._lock:
            kept = [pair for pair in self._waiting if pair[0].headers[-1].number <= head]
            self._waiting = deque(sorted(kept, key=lambda pair: pair[0].headers[0].number))
            self._on_waiting(len(self._waiting))

    def first_doubtful(self) -> BlockRange | None:
        """Have what waits read by others; the first blocks that nobody confirms and somebody
        denies."""
        while self._waiting:
            blocks, source = self._waiting[0]
            verdict = self._second(blocks, source)
            if verdict is None:
                return None
            if not verdict:
                return blocks
            with self._lock:
                self._waiting.popleft()
                self._behind = False
                self._on_waiting(len(self._waiting))
        return None

    def _second(self, blocks: BlockRange, source: Endpoint) -> bool | None:
        """Whether another endpoint has the same; None when none has these blocks (yet)."""
        first, last = blocks.headers[0].number, blocks.headers[-1]
        agreed, denied = False, []
        for endpoint in self._endpoints.rested():
            if endpoint is source:
                continue
            try:
                theirs = self._reader.read(endpoint, first, last.number)
            except RetryableError:
                continue
            if theirs.headers[-1].hash != last.hash:
                continue
            if theirs == blocks:
                agreed = True
            else:
                denied.append(endpoint)
        if agreed:
            for endpoint in denied:
                self._endpoints.distrust(endpoint, "says otherwise than others")
        elif len(denied) > 1:
            self._endpoints.distrust(source, "says otherwise than others")
        return agreed or (False if denied else None)
