"""Owns when a block is confirmed and when it is final; pure.

A block is tentative until enough blocks lie above it, then confirmed, then final. What is not final
may leave the chain, and the mirror follows. What is final is never undone.
"""

from __future__ import annotations

from typing import NamedTuple

# Chains of simulators, by id: nobody's money, so these have a default.
LOCAL_CHAINS = frozenset({1337, 31337})
LOCAL_FINAL_DEPTH = 64


class Finality(NamedTuple):
    """How many blocks lie above one that is confirmed, and above one that is final."""

    confirmations: int
    depth: int

    def confirmed(self, head: int) -> int:
        """The highest block that is confirmed; below the first when there is none."""
        return head - self.confirmations

    def final(self, head: int, tag: int | None) -> int:
        """The highest block that is final; below the first when there is none. `tag` is what the
        node calls final, None where it has no word for that. Some nodes call every block final at
        once, so the depth holds beside it."""
        deep = head - self.depth
        return deep if tag is None else min(deep, tag)
