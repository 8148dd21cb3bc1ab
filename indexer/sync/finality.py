"""Decides when a block is confirmed and when it is final; does no I/O.

A block is tentative until enough blocks are above it, then confirmed, then final. A block that is
not final may leave the chain, and the mirror follows. A final block is never rolled back.
"""

from __future__ import annotations

from typing import NamedTuple

# Chain ids of local simulators: no real money, so they have a default depth.
LOCAL_CHAINS = frozenset({1337, 31337})
LOCAL_FINAL_DEPTH = 64


class Finality(NamedTuple):
    """How many blocks are above one that is confirmed, and above one that is final."""

    confirmations: int
    depth: int

    def confirmed(self, head: int) -> int:
        """The highest confirmed block; below the first block when there is none."""
        return head - self.confirmations

    def final(self, head: int, tag: int | None) -> int:
        """The highest final block; below the first block when there is none. `tag` is the block
        that the node tags `finalized`, None where it does not know the tag. Some nodes tag every
        block at once, so the depth applies as well."""
        deep = head - self.depth
        return deep if tag is None else min(deep, tag)
