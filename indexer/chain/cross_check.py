"""Cross-checks freshly written blocks against a second endpoint.

The newest block is written as soon as one endpoint reports it, so that nobody waits for a slower
one. Until a second endpoint has reported the same contents, it does not become final.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import structlog

from indexer.chain.block_reader import BlockReader, read_headers
from indexer.chain.blocks import BlockRange, Header, part_above, part_up_to
from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.errors import Behind, EndpointFailed, Unlinked

log = structlog.get_logger(__name__)

# Memory is bounded: a second endpoint that is further behind than this is of no use.
_MAX_PENDING_RANGES = 256


class UncorroboratedRange(NamedTuple):
    """Written blocks, and the only endpoint that has reported them so far.

    Not the writer's `PendingRange`, which also holds the encoded rows: it may wait here for long.
    """

    blocks: BlockRange
    source: Endpoint


class CrossChecker:
    """Holds the written ranges that a second endpoint still has to corroborate.

    Does nothing when there is only one endpoint. `on_pending` receives the number of pending
    ranges when it changes. Safe to share between threads.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        reader: BlockReader,
        on_pending: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._endpoints = endpoints
        self._reader = reader
        self._on_pending = on_pending
        self._pending: deque[UncorroboratedRange] = deque()
        self._lock = threading.Lock()
        self._overflowed = False
        self._running: Future[BlockRange | None] | None = None

    @property
    def lowest_pending(self) -> int | None:
        """The lowest block that is not corroborated yet."""
        with self._lock:
            return min((pending.blocks.first.number for pending in self._pending), default=None)

    def add(self, blocks: BlockRange, source: Endpoint) -> None:
        """Register blocks that only `source` has reported."""
        if len(self._endpoints) == 1:
            return
        with self._lock:
            self._pending.append(UncorroboratedRange(blocks, source))
            if len(self._pending) > _MAX_PENDING_RANGES:
                self._pending.popleft()
                if not self._overflowed:
                    log.warning("cross_check.overflow", reason="only one endpoint keeps up")
                self._overflowed = True
            self._on_pending(len(self._pending))

    def drop_above(self, head: int) -> None:
        """Forget blocks above `head`: they are not, or no longer, in the mirror."""
        self.truncate(self.pending_above(head), head)

    def pending_above(self, head: int) -> list[UncorroboratedRange]:
        """The pending ranges that reach above `head`."""
        with self._lock:
            return [pending for pending in self._pending if pending.blocks.last.number > head]

    def truncate(self, ranges: Sequence[UncorroboratedRange], head: int) -> None:
        """Keep of these ranges only what lies at or below `head`; keep all others whole."""
        with self._lock:
            kept: list[UncorroboratedRange] = []
            for pending in self._pending:
                if not any(pending is other for other in ranges):
                    kept.append(pending)
                elif (part := part_up_to(pending.blocks, head)).headers:
                    kept.append(UncorroboratedRange(part, pending.source))
            self._pending = deque(sorted(kept, key=lambda pending: pending.blocks.first.number))
            self._on_pending(len(self._pending))

    def first_denied(self, pool: ThreadPoolExecutor, patience_s: float) -> BlockRange | None:
        """Check pending ranges; returns the first that another endpoint denies and none confirms.

        Reading happens in a thread of `pool`, so that an endpoint that hangs delays the caller by
        at most `patience_s`; the result is then returned by a later call.
        """
        if self._running is None:
            if not self._pending:
                return None
            self._running = pool.submit(self._check_pending)
        try:
            denied = self._running.result(patience_s)
        except TimeoutError:
            return None
        self._running = None
        return denied

    def _check_pending(self) -> BlockRange | None:
        while (pending := self._first_pending()) is not None:
            checked, corroborated = pending.blocks, self._check(pending)
            if corroborated is None:
                # The others may follow a fork that leaves the range in its middle.
                checked = self._shared_part(pending)
                if not checked.headers:
                    return None
                corroborated = self._check(UncorroboratedRange(checked, pending.source))
            if corroborated is None:
                return None
            if not corroborated:
                return checked
            self._keep_above(pending, checked.last.number)
        return None

    def _keep_above(self, pending: UncorroboratedRange, number: int) -> None:
        """Forget the blocks of a pending range up to `number`: they are corroborated."""
        rest = UncorroboratedRange(part_above(pending.blocks, number), pending.source)
        with self._lock:
            kept = ((rest if other is pending else other) for other in self._pending)
            self._pending = deque(other for other in kept if other.blocks.headers)
            self._overflowed = False
            self._on_pending(len(self._pending))

    def _first_pending(self) -> UncorroboratedRange | None:
        with self._lock:
            return self._pending[0] if self._pending else None

    def _check(self, pending: UncorroboratedRange) -> bool | None:
        """Whether another endpoint has the same blocks; None when no other has them (yet)."""
        blocks, source = pending
        agreed, denied = False, []
        for endpoint in self._endpoints.available():
            if endpoint is source:
                continue
            try:
                theirs = self._reader.read(endpoint, blocks.first.number, blocks.last.number)
            except (Behind, Unlinked):
                continue
            except EndpointFailed as error:
                self._endpoints.failed(endpoint, error)
                continue
            if theirs.last.hash != blocks.last.hash:
                continue
            if theirs == blocks:
                agreed = True
            else:
                denied.append(endpoint)
        if agreed:
            for endpoint in denied:
                self._endpoints.distrust(endpoint, "disagrees with the other endpoints")
        elif len(denied) > 1:
            self._endpoints.distrust(source, "disagrees with the other endpoints")
        return agreed or (False if denied else None)

    def _shared_part(self, pending: UncorroboratedRange) -> BlockRange:
        """The longest part of a range, from its first block, that is on the chain of another
        endpoint; empty when there is none."""
        blocks, source = pending
        shared = 0
        for endpoint in self._endpoints.available():
            if endpoint is source:
                continue
            try:
                shared = max(shared, _shared_length(endpoint, blocks.headers))
            except EndpointFailed as error:
                self._endpoints.failed(endpoint, error)
        return part_up_to(blocks, blocks.first.number + shared - 1)


def _shared_length(endpoint: Endpoint, headers: Sequence[Header]) -> int:
    """How many of these linked blocks, from the first, are on the endpoint's chain. Raises
    EndpointFailed."""

    def lacks(header: Header) -> bool:
        try:
            return read_headers(endpoint, [header.number])[0].hash != header.hash
        except Behind:
            return True

    return bisect_left(headers, True, key=lacks)
