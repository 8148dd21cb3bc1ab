"""Writes ranges to the mirror of one deployment, and keeps its head and final block in memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

from indexer.chain.blocks import BlockRange
from indexer.chain.cross_check import CrossChecker
from indexer.chain.rpc import Endpoint
from indexer.errors import CheckpointMoved, Unlinked
from indexer.mirror.checkpoint import Stages, StoredBlock, read_head, stored
from indexer.mirror.encoded_range import EncodedRange
from indexer.mirror.rollback import delete_all
from indexer.mirror.write import finalize, roll_back_to, write_range
from indexer.ops.metrics import Metrics
from indexer.sync.final_block import FinalBlock
from indexer.sync.gas import GasReader


class PendingRange(NamedTuple):
    """A range of blocks on its way into the mirror.

    `sole_source` is the only endpoint that has reported the blocks, when a second one still has to
    corroborate them after the write; None otherwise. `encoded` has the range's rows; None for a
    range that has to be encoded inside the write, after a rollback.
    """

    blocks: BlockRange
    sole_source: Endpoint | None = None
    encoded: EncodedRange | None = None


class MirrorWriter:
    """The mirror of a deployment as its one writer sees it; `head` is None while it is empty."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        deployment: int,
        final: FinalBlock,
        cross_checker: CrossChecker,
        gas: GasReader,
        metrics: Metrics,
    ) -> None:
        self._connection = connection
        self._deployment = deployment
        self._final = final
        self._cross_checker = cross_checker
        self._gas = gas
        self._metrics = metrics
        self.head: StoredBlock | None = read_head(connection, deployment)
        if self.head is not None:
            metrics.wrote(self.head, 0)
            self._report_stages()

    def append(self, base: StoredBlock | None, pending: PendingRange) -> int:
        """Write a range above `base`, in place of what the mirror has above it; returns the number
        of rows. Raises Unlinked, Contradiction, CheckpointMoved."""
        blocks, sole_source, encoded = pending
        if base is not None and blocks.first.parent_hash != base.hash:
            raise Unlinked(f"block {blocks.first.number} does not link to the mirror's last block")
        fork = base.number if base else -1
        # What is about to be replaced stays pending until it is.
        replaced = self._cross_checker.pending_above(fork)
        try:
            written = write_range(
                self._connection,
                self._deployment,
                head=self.head.ref if self.head else None,
                base=base.ref if base else None,
                blocks=blocks,
                encoded=encoded,
                stages=self._stages(pending),
            )
        except CheckpointMoved:
            self.head = read_head(self._connection, self._deployment)
            self._final.reload()
            raise
        if base != self.head:
            self._gas.restart_from(blocks.first.number)
        self.head = stored(blocks.last)
        self._final.moved(written.final)
        self._report_stages()
        self._metrics.wrote(self.head, written.rows)
        self._cross_checker.truncate(replaced, fork)
        if sole_source is not None:
            self._cross_checker.add(blocks, sole_source)
        return written.rows

    def roll_back_to(self, base: StoredBlock) -> None:
        """Remove the blocks above `base`. Raises CheckpointMoved."""
        assert self.head is not None
        confirmed = self._final.confirmed(base.number)
        roll_back_to(self._connection, self._deployment, self.head.ref, base, confirmed)
        self.head = base
        self._cross_checker.drop_above(base.number)
        self._gas.restart_from(base.number + 1)
        self._metrics.wrote(base, 0)

    def finalize(self, number: int) -> None:
        """Make a block final while the head stays."""
        assert self.head is not None
        self._final.moved(finalize(self._connection, self._deployment, self.head.ref, number))
        self._report_stages()

    def clear(self) -> None:
        """Delete all rows of the deployment; its number stays."""
        with self._connection.transaction():
            delete_all(self._connection, self._deployment)
        self.head = None
        self._final.reset()
        self._cross_checker.drop_above(-1)
        self._gas.restart_from(0)

    def _stages(self, pending: PendingRange) -> Stages:
        """What is confirmed and what becomes final with a range."""
        last = pending.blocks.last.number
        uncorroborated = [pending.blocks.first.number] if pending.sole_source else []
        lowest = self._cross_checker.lowest_pending
        if lowest is not None:
            uncorroborated.append(lowest)
        final = self._final.next_final(last, min(uncorroborated, default=None))
        return Stages(self._final.confirmed(last), final)

    def _report_stages(self) -> None:
        assert self.head is not None
        self._metrics.stages(self._final.confirmed(self.head.number), self._final.number)
