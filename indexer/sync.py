"""Owns bringing the mirror to the chain's head: from the checkpoint, over a fork, in ranges.

It works with one database connection, which holds the leader's lock, and reads the chain only
while no SQL transaction is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import structlog

from indexer import look_ahead, state
from indexer.blocks import BlockReader, read_headers
from indexer.chain import BlockRange, Header
from indexer.deployment import Deployment
from indexer.endpoints import Endpoints
from indexer.errors import CheckpointMoved, RetryableError, Unlinked
from indexer.fork import last_common
from indexer.metrics import Metrics
from indexer.prepare import Prepared, placed_bets, prepare
from indexer.project import batches_needed
from indexer.unfold import Bet
from indexer.write import cut_to, drop_rows, stored_headers, write_range

log = structlog.get_logger(__name__)

# A chain that ends below our head may belong to a node that lags, or to one that was set back. It
# is followed down when every endpoint says so for this long.
SHORTER_CHAIN_PATIENCE_S = 5.0
_PROGRESS_EVERY_S = 5.0

_REGISTER = """
INSERT INTO mirror.deployment (id, chain_id, sportsbook, results, bankroll, token, first_block)
SELECT coalesce(max(id), 0) + 1, %s, %s, %s, %s, %s, %s FROM mirror.deployment
ON CONFLICT (chain_id, sportsbook) DO NOTHING
"""
_FIND = "SELECT id, head_block FROM mirror.deployment WHERE chain_id = %s AND sportsbook = %s"
_OPEN_BOOK = """
INSERT INTO mirror.book VALUES (%s, 0, 0, 0, 0, false) ON CONFLICT (deployment) DO NOTHING
"""


def register(connection: psycopg.Connection[tuple[Any, ...]], deployment: Deployment) -> int:
    """The deployment's number in the mirror, a new one when it is not known yet."""
    with connection.transaction():
        connection.execute("LOCK TABLE mirror.deployment IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(
            _REGISTER,
            (
                *(deployment.chain_id, deployment.sportsbook, deployment.results),
                *(deployment.bankroll, deployment.token, deployment.first_block),
            ),
        )
        row = connection.execute(_FIND, (deployment.chain_id, deployment.sportsbook)).fetchone()
        assert row is not None
        connection.execute(_OPEN_BOOK, (row[0],))
    return int(row[0])


class Sync:
    """Follows the chain for one deployment. `confirmations` only decides how loudly a reorg is
    reported."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        endpoints: Endpoints,
        deployment: Deployment,
        confirmations: int,
        metrics: Metrics,
        pool: ThreadPoolExecutor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._endpoints = endpoints
        self._first = deployment.first_block
        self._confirmations = confirmations
        self._metrics = metrics
        self._pool = pool
        self._clock = clock
        self._length = look_ahead.RangeLength()
        self._reader = BlockReader(deployment.contracts, self._length.halve)
        self._shorter_since: float | None = None
        self.number = register(connection, deployment)
        self.head = self._stored_head()

    def advance(self, going_on: Callable[[], bool] = lambda: True) -> bool:
        """Bring the mirror to the newest block; returns whether anything changed. Raises
        RetryableError, and then whatever was written up to there is a true state of the chain."""
        tip = self._endpoints.latest(self.head.number if self.head else self._first)
        self._metrics.saw(tip)
        if self.head is not None and tip.hash == self.head.hash:
            self._shorter_since = None
            return False
        if tip.number < self._first:
            return False
        base = self._base(tip)
        if base is not None and base.hash == tip.hash:
            return self._shorten(base)
        self._shorter_since = None
        self._report_reorg(base)
        started, next_report, rows = self._clock(), self._clock() + _PROGRESS_EVERY_S, 0
        changed = False
        for blocks in self._ready(base, tip):
            rows += self._append(base, blocks)
            base, changed = self.head, True
            if self._clock() >= next_report:
                next_report += _PROGRESS_EVERY_S
                self._report_progress(tip, rows, self._clock() - started)
            if not going_on():
                break
        return changed

    def forget(self) -> None:
        """Drop everything that the mirror has of the deployment, except its number."""
        with self._connection.transaction():
            drop_rows(self._connection, self.number)
        self.head = None

    def _ready(self, base: Header | None, tip: Header) -> Iterator[BlockRange | Prepared]:
        """The blocks above `base` up to `tip`, as they are on the chain now, each range made ready
        while the one before is written."""
        first = self._first if base is None else base.number + 1
        if first == tip.number:
            yield self._endpoints.run(lambda endpoint: self._reader.read_tip(endpoint, tip))
            return

        def fetch(start: int, end: int) -> BlockRange:
            return self._endpoints.run(lambda endpoint: self._reader.read(endpoint, start, end))

        ranges = look_ahead.fetched_ahead(self._pool, fetch, self._length, first, tip.number)
        with closing(ranges), ThreadPoolExecutor(1, "prepare") as preparer:
            if base != self.head:
                # What it settles may have been placed in what it takes the place of.
                yield next(ranges)
            waiting: tuple[BlockRange, Future[Prepared]] | None = None
            while True:
                following: tuple[BlockRange, Future[Prepared]] | None = None
                failure: RetryableError | None = None
                try:
                    blocks = next(ranges, None)
                    if blocks is not None:
                        earlier = self._earlier(blocks, waiting[0] if waiting else None)
                        future = preparer.submit(prepare, self.number, blocks, earlier)
                        following = blocks, future
                except RetryableError as error:
                    failure = error
                if waiting is not None:
                    # What came before a failure is good, and is not read again.
                    yield waiting[1].result()
                if failure is not None:
                    raise failure
                if following is None:
                    return
                waiting = following

    def _earlier(
        self, blocks: BlockRange, unwritten: BlockRange | None
    ) -> dict[int, Sequence[Bet]]:
        """The bets of the batches that a range settles and others placed, of which the range before
        may not be written yet."""
        needed = batches_needed(blocks.events)
        placed: dict[int, Sequence[Bet]] = {}
        if needed and unwritten is not None:
            placed = placed_bets(unwritten.events, needed)
        return placed | state.bets_of(self._connection, self.number, needed - placed.keys())

    def _append(self, base: Header | None, blocks: BlockRange | Prepared) -> int:
        """Write a range behind `base`, in the place of what the mirror has above it."""
        if base is not None and blocks.headers[0].parent_hash != base.hash:
            raise Unlinked(f"block {blocks.headers[0].number} does not follow from the mirror's")
        try:
            rows = write_range(self._connection, self.number, self.head, base, blocks)
        except CheckpointMoved:
            self.head = self._stored_head()
            raise
        self.head = blocks.headers[-1]._replace(bloom=0)
        self._metrics.wrote(self.head, rows)
        return rows

    def _base(self, tip: Header) -> Header | None:
        """The last block that the mirror shares with the chain that ends in `tip`."""
        head = self.head
        if head is None or tip.parent_hash == head.hash:
            return head
        return last_common(
            lambda low, high: stored_headers(self._connection, self.number, low, high),
            lambda numbers: self._endpoints.run(lambda e: read_headers(e, numbers)),
            self._first,
            min(head.number, tip.number),
        )

    def _shorten(self, base: Header) -> bool:
        """The chain ends in a block that the mirror has, below its head: wait, then follow."""
        assert self.head is not None
        now = self._clock()
        if not self._endpoints.everywhere_unknown(self.head.hash):
            self._shorter_since = None
            return False
        if self._shorter_since is None:
            self._shorter_since = now
            log.warning("chain.shorter", head=self.head.number, chain=base.number)
        if now - self._shorter_since < SHORTER_CHAIN_PATIENCE_S:
            return False
        self._shorter_since = None
        self._report_reorg(base)
        cut_to(self._connection, self.number, self.head, base)
        self.head = base
        self._metrics.wrote(base, 0)
        return True

    def _stored_head(self) -> Header | None:
        row = self._connection.execute(
            "SELECT head_block FROM mirror.deployment WHERE id = %s", (self.number,)
        ).fetchone()
        if row is None or row[0] is None:
            return None
        return stored_headers(self._connection, self.number, row[0], row[0])[0]

    def _report_reorg(self, base: Header | None) -> None:
        if self.head is None or base == self.head:
            return
        fork = base.number if base else self._first - 1
        depth = self.head.number - fork
        self._metrics.reorganised(depth)
        report = log.error if depth > self._confirmations else log.warning
        report("chain.reorganised", fork=fork, depth=depth, confirmations=self._confirmations)

    def _report_progress(self, tip: Header, rows: int, seconds: float) -> None:
        assert self.head is not None
        done = self.head.number - self._first + 1
        left = tip.number - self.head.number
        log.info(
            "backfill.progress",
            block=self.head.number,
            of=tip.number,
            rows_per_s=round(rows / max(seconds, 0.001)),
            left_s=round(seconds * left / max(done, 1)),
        )
