"""Owns having blocks that were written at once read by a second endpoint afterwards.

The head is written as one endpoint has it, so that nobody waits for a slower one. Until a second
one has read the same in a block, it does not become final.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from indexer.chain.block_reader import BlockReader
from indexer.chain.blocks import BlockRange
from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.errors import Behind, EndpointFailed, Unlinked

log = structlog.get_logger(__name__)

# Blocks, and the only endpoint that has told of them.
Unseconded = tuple[BlockRange, Endpoint]

# More than this is not kept in memory: a second endpoint that lags so far behind is none.
_MOST = 256


def up_to(blocks: BlockRange, head: int) -> BlockRange:
    """The part of a range that ends with block `head`, or with its own last one."""
    if blocks.headers[-1].number <= head:
        return blocks
    return BlockRange(
        [header for header in blocks.headers if header.number <= head],
        [logged for logged in blocks.events if logged.block <= head],
    )


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
        self._waiting: deque[Unseconded] = deque()
        self._lock = threading.Lock()
        self._behind = False
        self._looking: Future[BlockRange | None] | None = None

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
        """What lies above `head` is not in the mirror (any more); what lies below it in the same
        range waits on."""
        self.cut(self.above(head), head)

    def above(self, head: int) -> list[Unseconded]:
        """What waits and lies above `head`, in part at least."""
        with self._lock:
            return [one for one in self._waiting if one[0].headers[-1].number > head]

    def cut(self, gone: Sequence[Unseconded], head: int) -> None:
        """Of what waits the mirror no longer has these, but for what they have up to `head`."""
        with self._lock:
            kept: list[Unseconded] = []
            for one in self._waiting:
                blocks, source = one
                if not any(one is other for other in gone):
                    kept.append(one)
                elif (part := up_to(blocks, head)).headers:
                    kept.append((part, source))
            self._waiting = deque(sorted(kept, key=lambda pair: pair[0].headers[0].number))
            self._on_waiting(len(self._waiting))

    def first_doubtful(self, pool: ThreadPoolExecutor, patience_s: float) -> BlockRange | None:
        """Have what waits read by others; the first blocks that nobody confirms and somebody
        denies. They are read in a thread of `pool`: an endpoint that hangs holds nobody up for
        longer than `patience_s`, and what it says is told at a later call."""
        if self._looking is None:
            if not self._waiting:
                return None
            self._looking = pool.submit(self._look)
        try:
            doubtful = self._looking.result(patience_s)
        except TimeoutError:
            return None
        self._looking = None
        return doubtful

    def _look(self) -> BlockRange | None:
        while (pair := self._lowest()) is not None:
            verdict = self._second(*pair)
            if verdict is None:
                return None
            if not verdict:
                return pair[0]
            with self._lock:
                self._waiting = deque(other for other in self._waiting if other is not pair)
                self._behind = False
                self._on_waiting(len(self._waiting))
        return None

    def _lowest(self) -> Unseconded | None:
        with self._lock:
            return self._waiting[0] if self._waiting else None

    def _second(self, blocks: BlockRange, source: Endpoint) -> bool | None:
        """Whether another endpoint has the same; None when none has these blocks (yet)."""
        first, last = blocks.headers[0].number, blocks.headers[-1]
        agreed, denied = False, []
        for endpoint in self._endpoints.rested():
            if endpoint is source:
                continue
            try:
                theirs = self._reader.read(endpoint, first, last.number)
            except (Behind, Unlinked):
                continue
            except EndpointFailed as error:
                self._endpoints.failed(endpoint, error)
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
