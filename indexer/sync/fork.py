"""Finds the common ancestor of mirror and chain; the search does no I/O of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from indexer.chain.blocks import Header
from indexer.mirror.checkpoint import StoredBlock

Stored = Callable[[int, int], list[StoredBlock]]
OnChain = Callable[[Sequence[int]], list[Header]]

_FIRST_STEP, _MAX_STEP = 8, 512


def common_ancestor(stored: Stored, on_chain: OnChain, first: int, last: int) -> StoredBlock | None:
    """The highest block from `first` to `last` that is the same on both sides, or None.

    `stored` and `on_chain` return the blocks of a range of numbers. All blocks below a common block
    are common too, so the steps downwards grow, and one of them contains the fork.
    """
    step, high = _FIRST_STEP, last
    while high >= first:
        low = max(first, high - step + 1)
        ours, theirs = stored(low, high), on_chain(range(low, high + 1))
        common = [a for a, b in zip(ours, theirs, strict=True) if a.hash == b.hash]
        if common:
            return common[-1]
        high, step = low - 1, min(step * 4, _MAX_STEP)
    return None
