"""Tracks the last final block: how far it may move, and whether it is still on the chain.

It asks nodes and reads the mirror, and writes neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NoReturn

import psycopg
import structlog

from indexer.chain.block_reader import read_headers
from indexer.chain.blocks import BlockRef, Header
from indexer.chain.endpoints import Endpoints
from indexer.errors import Behind, Disagreement, FinalBlockReplaced, NodeUnavailable
from indexer.mirror.checkpoint import read_block, read_final
from indexer.sync.finality import Finality

log = structlog.get_logger(__name__)

# How often nodes are asked for their tag `finalized`, which moves every few minutes.
TAG_INTERVAL_S = 5.0


class FinalBlock:
    """The last final block of a mirror: `block` is None while there is none."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        deployment: int,
        endpoints: Endpoints,
        finality: Finality,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._deployment = deployment
        self._endpoints = endpoints
        self._finality = finality
        self._clock = clock
        self._tag: int | None = None
        self._ask_at: float | None = None
        self._checked_at_start = False
        self.block = read_final(connection, deployment)

    @property
    def number(self) -> int | None:
        """The number of the last final block."""
        return self.block.number if self.block else None

    def reload(self) -> None:
        """Read the final block from the mirror again."""
        self.block = read_final(self._connection, self._deployment)

    def reset(self) -> None:
        """The mirror was emptied."""
        self.block = None

    def moved(self, block: BlockRef | None) -> None:
        """A block has become final; None: none has."""
        if block is not None:
            self.block = block

    def confirmed(self, head: int) -> int:
        """The highest confirmed block for a head; below the first block when there is none."""
        return max(self._finality.confirmed(head), self._floor)

    def next_final(self, head: int, uncorroborated: int | None) -> int | None:
        """The block that becomes final when the mirror's head is `head`; None when none does.
        `uncorroborated` is the lowest block that a second endpoint still has to corroborate."""
        number = self._finality.final(head, self._tag)
        if uncorroborated is not None:
            number = min(number, uncorroborated - 1)
        return number if number > self._floor else None

    def ask_nodes_first(self, head: BlockRef | None) -> None:
        """Ask nodes for their final block once, before anything is written. Raises
        NodeUnavailable."""
        if self._ask_at is None:
            self.ask_nodes(head)

    def ask_nodes(self, head: BlockRef | None) -> None:
        """Ask nodes for their final block, every `TAG_INTERVAL_S`. Raises NodeUnavailable."""
        if self._ask_at is not None and self._clock() < self._ask_at:
            return
        tag = self._endpoints.finalized()
        self._ask_at = self._clock() + TAG_INTERVAL_S
        if tag is None:
            return
        if head is not None and tag.number <= head.number:
            ours = read_block(self._connection, self._deployment, tag.number)
            if ours is not None and ours.hash != tag.hash:
                log.warning("finality.tag_mismatch", block=tag.number)
                return
        self._tag = tag.number

    def check_at_start(self) -> None:
        """Check once after a start that the final block is on the chain. Raises
        FinalBlockReplaced, RetryableError."""
        if self._checked_at_start or self.block is None:
            return
        number = self.block.number
        try:
            found = self._endpoints.run(lambda endpoint: read_headers(endpoint, [number])[0])
        except NodeUnavailable:
            # A chain that ends below the final block is handled when its newest block is known.
            return
        if found.hash != self.block.hash:
            self.refuse()
        self._checked_at_start = True

    def check_shorter_chain(self, tip: Header) -> NoReturn:
        """Handle a chain that ends below the final block: either the node is behind, or the chain
        was reset. Raises Behind in the first case, FinalBlockReplaced in the second."""
        ours = read_block(self._connection, self._deployment, tip.number)
        if ours is not None and ours.hash != tip.hash:
            self.refuse(ours.ref)
        raise Behind(
            f"the chain ends at block {tip.number}, below block {self.number}, which is final:"
            " waiting for it to grow"
        )

    def refuse(self, below: BlockRef | None = None) -> NoReturn:
        """Handle an endpoint that has a different block at the final height, or at that of the
        block `below` it, which is final too. Raises FinalBlockReplaced when no endpoint has our
        block; Disagreement when one has, and backs off from the others; Behind when none knows."""
        ours = below or self.block
        assert ours is not None
        number = ours.number
        found = self._endpoints.ask_all(lambda endpoint: read_headers(endpoint, [number])[0])
        blocks = {e: block for e, block in found.items() if isinstance(block, Header)}
        if not blocks:
            raise Behind(f"no endpoint knows block {number}")
        others = [endpoint for endpoint, block in blocks.items() if block.hash != ours.hash]
        if len(others) < len(blocks):
            for endpoint in others:
                self._endpoints.distrust(
                    endpoint, f"has a different block at final height {number}"
                )
            if others:
                raise Disagreement(f"endpoints disagree about block {number}, which is final")
            raise Behind(f"block {number} was missing for a moment")
        theirs = blocks[others[0]].hash
        raise FinalBlockReplaced(
            f"block {number} (0x{ours.hash.hex()}) was final and has left the chain, which has"
            f" 0x{theirs.hex()} there. Nothing was changed. If RPC_URL names the right chain, read"
            " it from the start: python -m indexer rebuild"
        )

    @property
    def _floor(self) -> int:
        return -1 if self.block is None else self.block.number
