"""Ranges are fetched ahead and in order, and their length adapts; no node.

Branches: full blocks, empty blocks · a range that fails · a range that is refused, down to one
block, and later · a range that was too long only once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from indexer.chain.blocks import BlockRange, Header
from indexer.chain.prefetch import RangeLength, prefetch_ranges
from indexer.decode.events import BatchPlaced, Logged
from indexer.errors import Unlinked
from indexer.sync.mirror_writer import PendingRange


def headers(first: int, last: int) -> list[Header]:
    return [Header(n, b"", b"", n, 0) for n in range(first, last + 1)]


def empty_range(first: int, last: int) -> PendingRange:
    return PendingRange(BlockRange(headers(first, last), []))


def full_range(first: int, last: int) -> PendingRange:
    events = [Logged(n, 0, b"", BatchPlaced(n, bytes(6_000))) for n in range(first, last + 1)]
    return PendingRange(BlockRange(headers(first, last), events))


def test_ranges_are_in_order_and_shrink_when_blocks_are_full() -> None:
    length = RangeLength(first=1_000)
    with ThreadPoolExecutor(3) as pool:
        numbers = [
            header.number
            for fetched in prefetch_ranges(pool, full_range, length, 3, 9_000)
            for header in fetched.blocks.headers
        ]
    assert numbers == list(range(3, 9_001))
    assert 40 < length.blocks < 100


def test_failed_range_is_raised_when_it_is_due() -> None:
    def fetch(first: int, last: int) -> PendingRange:
        if first > 10:
            raise Unlinked("changed")
        return empty_range(first, last)

    seen: list[int] = []
    with ThreadPoolExecutor(3) as pool:
        fetched = prefetch_ranges(pool, fetch, RangeLength(first=5, longest=5), 1, 1_000)
        with pytest.raises(Unlinked):
            seen.extend(pending.blocks.last.number for pending in fetched)
    assert seen == [5, 10]


def test_refused_range_is_halved_down_to_one_block() -> None:
    length = RangeLength(first=5)
    for expected in (2, 1, 1):
        length.too_long(length.blocks)
        assert length.blocks == expected


def test_ranges_stay_below_the_limit_of_the_node() -> None:
    """A node serves at most 100 blocks at once, which is not known in advance."""
    requested: list[int] = []
    length = RangeLength(first=64)

    def fetch(first: int, last: int) -> PendingRange:
        requested.append(last - first + 1)
        if requested[-1] > 100:
            length.too_long(requested[-1])
            middle = (first + last) // 2
            left, right = fetch(first, middle).blocks, fetch(middle + 1, last).blocks
            return PendingRange(BlockRange(left.headers + right.headers, []))
        return empty_range(first, last)

    with ThreadPoolExecutor(3) as pool:
        ranges = prefetch_ranges(pool, fetch, length, 0, 29_999)
        numbers = [header.number for pending in ranges for header in pending.blocks.headers]
    assert numbers == list(range(30_000))
    # Once the limit is known, attempts above it are rare, and requests are close to it.
    later = requested[len(requested) // 2 :]
    assert sum(size > 100 for size in later) < len(later) / 15
    assert sum(later) / len(later) > 60


def test_empty_blocks_double_the_length_only_once_per_round() -> None:
    """Ranges that were requested together count once, not one after the other."""
    length = RangeLength(first=16)
    for first in range(0, 96, 16):
        length.adapt(BlockRange(headers(first, first + 15), []))
    assert length.blocks == 32


def test_range_that_was_too_long_once_is_requested_again() -> None:
    length = RangeLength(first=1_024)
    length.too_long(1_024, lasting=False)
    assert length.blocks == 512
    for blocks in (512, 1_024):
        length.adapt(BlockRange(headers(0, blocks - 1), []))
    assert length.blocks == 2_000
