"""Finalizes written blocks that were cross-checked, and rolls back those that were denied."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import structlog

from indexer.chain.blocks import BlockRange
from indexer.chain.cross_check import CrossChecker
from indexer.errors import Disagreement
from indexer.mirror.checkpoint import read_block
from indexer.ops.metrics import Metrics
from indexer.sync.final_block import FinalBlock
from indexer.sync.mirror_writer import MirrorWriter

log = structlog.get_logger(__name__)

_INTERVAL_S = 1.0
# How long an idle indexer waits for a second endpoint to read the newest block.
_PATIENCE_S = 0.25


class Finalizer:
    """Does what can wait until the newest block is written."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        deployment: int,
        *,
        first_block: int,
        mirror: MirrorWriter,
        final: FinalBlock,
        cross_checker: CrossChecker,
        metrics: Metrics,
        pool: ThreadPoolExecutor,
        clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._deployment = deployment
        self._first_block = first_block
        self._mirror = mirror
        self._final = final
        self._cross_checker = cross_checker
        self._metrics = metrics
        self._pool = pool
        self._clock = clock
        self._next_at = clock()

    def step(self, idle: bool) -> None:
        """Cross-check and finalize: always when `idle`, otherwise once per second. Raises
        Disagreement when written blocks were rolled back, NodeUnavailable."""
        head = self._mirror.head
        if head is None or (not idle and self._clock() < self._next_at):
            return
        self._next_at = self._clock() + _INTERVAL_S
        self._cross_checker.drop_above(head.number)
        denied = self._cross_checker.first_denied(self._pool, _PATIENCE_S if idle else 0)
        if denied is not None:
            self._roll_back(denied)
        self._final.ask_nodes(head.ref)
        number = self._final.next_final(head.number, self._cross_checker.lowest_pending)
        if number is not None and number >= self._first_block:
            self._mirror.finalize(number)

    def _roll_back(self, denied: BlockRange) -> None:
        """Remove blocks that another endpoint denies, and those above them. Raises Disagreement,
        unless they were removed already."""
        head = self._mirror.head
        assert head is not None
        number, last = denied.first.number, denied.last
        ours = read_block(self._connection, self._deployment, last.number)
        if ours is None or ours.hash != last.hash:
            return
        below = read_block(self._connection, self._deployment, number - 1)
        depth = head.number - number + 1
        self._metrics.reorganised(depth)
        self._metrics.disagreed()
        log.error("endpoints.disagree", block=number, rolled_back=depth)
        if below is not None:
            self._mirror.roll_back_to(below)
        else:
            self._mirror.clear()
        raise Disagreement(f"endpoints disagree about the contents of block {number}")
