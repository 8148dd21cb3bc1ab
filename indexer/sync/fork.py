"""Owns finding the last block that mirror and chain have in common; the search itself is pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from indexer.chain.blocks import Header

Stored = Callable[[int, int], list[Header]]
OnChain = Callable[[Sequence[int]], list[Header]]

_FIRST_STEP, _LONGEST_STEP = 8, 512


def last_common(stored: Stored, on_chain: OnChain, first: int, last: int) -> Header | None:
    """The highest block from `first` to `last` that is the same on both sides, or None.

    `stored` and `on_chain` give the headers of a range of numbers. Whatever lies below a common
    block is common too, so steps grow while they go down, and one step holds the fork.
    """
    step, high = _FIRST_STEP, last
    while high >= first:
        low = max(first, high - step + 1)
        ours, theirs = stored(low, high), on_chain(range(low, high + 1))
        common = [a for a, b in zip(ours, theirs, strict=True) if a.hash == b.hash]
        if common:
            return common[-1]
        high, step = low - 1, min(step * 4, _LONGEST_STEP)
    return None
