"""Owns the last final block of a mirror: how far it may move, and refusing to go on without it.

It asks nodes and reads the mirror, and writes neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog

from indexer.chain.block_reader import read_headers
from indexer.chain.blocks import Header
from indexer.chain.endpoints import Endpoints
from indexer.errors import Behind, Disagreement, FinalBlockLeft, NodeUnavailable
from indexer.mirror.write import stored_headers
from indexer.sync.finality import Finality

log = structlog.get_logger(__name__)

# How often nodes are asked what is final: that moves by minutes.
TAG_EVERY_S = 5.0

_FINAL = """
SELECT final_block, final_hash FROM mirror.deployment WHERE id = %s AND final_block IS NOT NULL
"""


class FinalGuard:
    """`number` and `hash` are those of the last final block, None while there is none."""

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
        self._seen_on_chain = False
        self.number: int | None = None
        self.hash = b""
        self.read()

    @property
    def block(self) -> Header | None:
        """Number and hash of the last final block."""
        return None if self.number is None else Header(self.number, self.hash, b"", 0, 0)

    def read(self) -> None:
        """Take the final block from the mirror."""
        row = self._connection.execute(_FINAL, (self._deployment,)).fetchone()
        self.number, self.hash = (row[0], bytes(row[1])) if row else (None, b"")

    def forget(self) -> None:
        """The mirror is empty."""
        self.number, self.hash = None, b""

    def moved(self, block: Header | None) -> None:
        """A block has become final; None: none has."""
        if block is not None:
            self.number, self.hash = block.number, block.hash

    def confirmed(self, head: int) -> int:
        """The highest block that is confirmed below `head`; below the first when there is none."""
        return max(self._finality.confirmed(head), -1 if self.number is None else self.number)

    def final(self, head: int, unseen: int | None) -> int | None:
        """The block that becomes final when the mirror's head is `head`; None when none does.
        `unseen` is the lowest block that a second endpoint should have seen and has not yet."""
        number = self._finality.final(head, self._tag)
        if unseen is not None:
            number = min(number, unseen - 1)
        return number if number > (-1 if self.number is None else self.number) else None

    def ask_nodes_first(self, head: Header | None) -> None:
        """Learn what nodes call final before anything is written. Raises NodeUnavailable."""
        if self._ask_at is None:
            self.ask_nodes(head)

    def ask_nodes(self, head: Header | None) -> None:
        """Learn what nodes call final, once in a while. Raises NodeUnavailable."""
        if self._ask_at is not None and self._clock() < self._ask_at:
            return
        tag = self._endpoints.finalized()
        self._ask_at = self._clock() + TAG_EVERY_S
        if tag is None:
            return
        if head is not None and tag.number <= head.number:
            ours = stored_headers(self._connection, self._deployment, tag.number, tag.number)
            if ours and ours[0].hash != tag.hash:
                log.warning("finality.differs", block=tag.number)
                return
        self._tag = tag.number

    def check_once(self) -> None:
        """After a start: the final block must be on the chain. Raises FinalBlockLeft,
        RetryableError."""
        if self._seen_on_chain or self.number is None:
            return
        number = self.number
        try:
            block = self._endpoints.run(lambda endpoint: read_headers(endpoint, [number])[0])
        except NodeUnavailable:
            # A chain that ends below it is looked at when its end is known.
            return
        if block.hash != self.hash:
            self.refuse()
        self._seen_on_chain = True

    def check_below(self, tip: Header) -> None:
        """For a chain that ends below the final block: either the node is behind, or the chain was
        set back. Raises Behind in the first case, FinalBlockLeft in the second."""
        ours = stored_headers(self._connection, self._deployment, tip.number, tip.number)
        if ours and ours[0].hash != tip.hash:
            self.refuse(ours[0])
        raise Behind(
            f"the chain ends in block {tip.number}, below block {self.number}, which is final:"
            " waiting for it to grow"
        )

    def refuse(self, below: Header | None = None) -> None:
        """Some node has another block in the place of the final one, or in that of one `below` it,
        which is as final. Raises FinalBlockLeft when no node has it, Disagreement when one still
        does, and lets the others rest; Behind when none can say."""
        assert self.number is not None
        number, hash_ = (below.number, below.hash) if below else (self.number, self.hash)
        found = self._endpoints.opinions(lambda endpoint: read_headers(endpoint, [number])[0])
        blocks = {e: block for e, block in found.items() if isinstance(block, Header)}
        if not blocks:
            raise Behind(f"no endpoint says which block {number} is")
        others = [endpoint for endpoint, block in blocks.items() if block.hash != hash_]
        if len(others) < len(blocks):
            for endpoint in others:
                self._endpoints.distrust(endpoint, f"has another block {number}, which is final")
            if others:
                raise Disagreement(f"endpoints disagree about block {number}, which is final")
            raise Behind(f"block {number} was away for a moment")
        theirs = blocks[others[0]].hash
        raise FinalBlockLeft(
            f"block {number} (0x{hash_.hex()}) was final and has left the chain, which has"
            f" 0x{theirs.hex()} there. Nothing was changed. If RPC_URL names the right chain, read"
            " it from the start: python -m indexer rebuild"
        )
