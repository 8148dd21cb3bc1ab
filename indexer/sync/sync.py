"""Brings the mirror of one deployment to the chain's head: from the checkpoint, across forks.

It uses one database connection, which holds the leader's lock, and reads the chain only while no
SQL transaction is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import psycopg
import structlog

from indexer.chain.block_reader import BlockReader, read_headers
from indexer.chain.blocks import Header
from indexer.chain.cross_check import CrossChecker
from indexer.chain.endpoints import Endpoints
from indexer.chain.prefetch import RangeLength
from indexer.deployment import Deployment
from indexer.errors import CheckpointMoved, Contradiction, RetryableError, Unlinked
from indexer.mirror.checkpoint import StoredBlock, read_block, read_blocks
from indexer.mirror.registry import register
from indexer.ops.metrics import Metrics
from indexer.sync.final_block import FinalBlock
from indexer.sync.finality import Finality
from indexer.sync.finalizer import Finalizer
from indexer.sync.fork import common_ancestor
from indexer.sync.gas import GasReader
from indexer.sync.index_builder import IndexBuilder
from indexer.sync.mirror_writer import MirrorWriter
from indexer.sync.range_pipeline import RangePipeline

log = structlog.get_logger(__name__)

# A chain that ends below our head may belong to a node that lags, or may have been reset. The
# mirror follows it down when every endpoint has reported it for this long.
SHORTER_CHAIN_PATIENCE_S = 5.0
_PROGRESS_INTERVAL_S = 5.0
# After a failure, blocks are not written for this long unless two endpoints report them.
_CAUTION_S = 60.0
# The same after a start, but shorter, so that an endpoint that hangs does not delay it for long.
_CAUTION_AT_START_S = 3.0


class _Progress(NamedTuple):
    """Whether all blocks up to the tip were written, and whether any block was."""

    complete: bool
    changed: bool


class Sync:
    """Follows the chain for one deployment, down to its last final block."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        endpoints: Endpoints,
        deployment: Deployment,
        finality: Finality,
        metrics: Metrics,
        pool: ThreadPoolExecutor,
        clock: Callable[[], float] = time.monotonic,
        on_receipts: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_receipts` is called from another thread when `gas` has receipts to write."""
        self._connection = connection
        self._endpoints = endpoints
        self._first = deployment.first_block
        self._confirmations = finality.confirmations
        self._metrics = metrics
        self._clock = clock
        self._shorter_since: float | None = None
        self._started_at = self._cautious_until = clock()
        # Whether blocks that an earlier process wrote still have to be read again.
        self._reread = True
        self._length = RangeLength()
        reader = BlockReader(deployment.contracts, self._length.too_long)
        self._cross_checker = CrossChecker(endpoints, reader, metrics.uncorroborated)
        self.number = register(connection, deployment)
        self.final = FinalBlock(connection, self.number, endpoints, finality, clock)
        self.gas = GasReader(connection, self.number, endpoints, on_receipts, clock)
        self._pipeline = RangePipeline(
            connection, self.number, endpoints, reader, self._length, pool
        )
        self._mirror = MirrorWriter(
            connection, self.number, self.final, self._cross_checker, self.gas, metrics
        )
        self._finalizer = Finalizer(
            connection,
            self.number,
            first_block=self._first,
            mirror=self._mirror,
            final=self.final,
            cross_checker=self._cross_checker,
            metrics=metrics,
            pool=pool,
            clock=clock,
        )
        self._indexes = IndexBuilder(connection, metrics, clock)

    @property
    def head(self) -> StoredBlock | None:
        """The newest block of the mirror, None while it is empty."""
        return self._mirror.head

    def advance(self, keep_running: Callable[[], bool] = lambda: True) -> bool:
        """Bring the mirror to the newest block; returns whether anything changed. Raises
        RetryableError, and then what was written so far is still valid; FinalBlockReplaced."""
        try:
            return self._advance(keep_running)
        except CheckpointMoved:
            raise
        except RetryableError as error:
            # The cause may be an endpoint that was believed without a second one.
            self._cautious_until = self._clock() + _CAUTION_S
            if isinstance(error, Contradiction):
                # The false block may be in the mirror already, and not the one that contradicts it.
                self._finalizer.step(idle=True)
            raise

    def clear(self) -> None:
        """Delete all rows of the deployment; its number stays."""
        self._mirror.clear()

    def _advance(self, keep_running: Callable[[], bool]) -> bool:
        head = self.head
        self.final.check_at_start()
        self.final.ask_nodes_first(head.ref if head else None)
        tip = self._read_tip()
        self._metrics.saw(tip)
        reread = self._reread and head is not None and len(self._endpoints) > 1
        if head is not None and tip.hash == head.hash and not reread:
            self._shorter_since = None
            self._finalizer.step(idle=True)
            self._indexes.build_missing()
            return False
        if tip.number < self._first:
            return False
        base = self._common_ancestor(tip)
        if base is not None and base.hash == tip.hash and base != head:
            return self._follow_down(base)
        self._shorter_since = None
        self._report_reorg(base)
        if reread:
            base = self._last_corroborated(tip)
        progress = self._write_up_to(tip, base, keep_running)
        if progress.complete:
            self._reread = False
        self._finalizer.step(idle=False)
        if progress.complete:
            self._indexes.build_missing()
        return progress.changed

    def _write_up_to(
        self, tip: Header, base: StoredBlock | None, keep_running: Callable[[], bool]
    ) -> _Progress:
        """Write the blocks above `base` up to `tip`, as long as `keep_running` says so."""
        started, next_report, rows = self._clock(), self._clock() + _PROGRESS_INTERVAL_S, 0
        changed = False
        first = self._first if base is None else base.number + 1
        for pending in self._pipeline.read(
            first, tip, replaces=base != self.head, corroborate_tip=self._cautious
        ):
            rows += self._mirror.append(base, pending)
            base, changed = self.head, True
            if self._clock() >= next_report:
                next_report += _PROGRESS_INTERVAL_S
                self._report_progress(tip, rows, self._clock() - started)
            if not keep_running():
                return _Progress(complete=False, changed=changed)
        return _Progress(complete=True, changed=changed)

    def _read_tip(self) -> Header:
        if self._cautious:
            return self._endpoints.latest_corroborated(self.final.block)
        return self._endpoints.latest(self.head.number if self.head else self._first)

    @property
    def _cautious(self) -> bool:
        """Whether two endpoints must report even the newest block before it is written."""
        now = self._clock()
        starting = self._reread and now < self._started_at + _CAUTION_AT_START_S
        return len(self._endpoints) > 1 and (starting or now < self._cautious_until)

    def _last_corroborated(self, tip: Header) -> StoredBlock | None:
        """The last block that need not be read again after a start. The process before may have
        died before a second endpoint had corroborated the blocks above the final one, so these are
        read and written again. Without a final block that is the whole mirror, since the depth of a
        block does not say how many endpoints reported it."""
        final = self.final.number
        if final is None or final < self._first:
            self._length.raise_to(tip.number - self._first + 1)
            return None
        self._length.raise_to(tip.number - final)
        return read_block(self._connection, self.number, final)

    def _common_ancestor(self, tip: Header) -> StoredBlock | None:
        """The last block that the mirror shares with the chain that ends in `tip`. Raises
        FinalBlockReplaced when that is below the last final block, Unlinked when the endpoints
        that were asked follow different chains."""
        head, final = self.head, self.final.number
        if head is None or tip.parent_hash == head.hash:
            return head
        if final is not None and tip.number < final:
            self.final.check_shorter_chain(tip)
        found = common_ancestor(
            lambda low, high: read_blocks(self._connection, self.number, low, high),
            lambda numbers: self._endpoints.run(lambda e: read_headers(e, numbers)),
            self._first if final is None else final,
            min(head.number, tip.number),
        )
        if found is None and final is not None:
            self.final.refuse()
        if found is not None and found.number == tip.number and found.hash != tip.hash:
            # Another endpoint than the one that reported the tip has our block there.
            raise Unlinked(f"block {tip.number} is not the block that was the newest")
        return found

    def _follow_down(self, base: StoredBlock) -> bool:
        """The chain ends in a block of the mirror below its head: wait, then roll back to it."""
        head = self.head
        assert head is not None
        now = self._clock()
        if not self._endpoints.none_has(head.hash):
            self._shorter_since = None
            return False
        if self._shorter_since is None:
            self._shorter_since = now
            log.warning("chain.shorter", head=head.number, chain=base.number)
        if now - self._shorter_since < SHORTER_CHAIN_PATIENCE_S:
            return False
        self._shorter_since = None
        self._report_reorg(base)
        self._mirror.roll_back_to(base)
        return True

    def _report_reorg(self, base: StoredBlock | None) -> None:
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
