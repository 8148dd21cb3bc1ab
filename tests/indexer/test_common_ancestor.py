"""The common ancestor of mirror and chain is found wherever it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.chain.blocks import Header
from indexer.mirror.checkpoint import StoredBlock
from indexer.sync.fork import common_ancestor


@given(st.integers(0, 40), st.integers(1, 300), st.integers(0, 300))
def test_common_ancestor_is_found(first: int, length: int, common: int) -> None:
    last, fork = first + length - 1, first + common - 1

    def stored(low: int, high: int) -> list[StoredBlock]:
        return [StoredBlock(n, f"{n}".encode(), n) for n in range(low, high + 1)]

    def on_chain(numbers: object) -> list[Header]:
        assert isinstance(numbers, range)
        return [Header(n, f"{n}{'' if n <= fork else '!'}".encode(), b"", n, 0) for n in numbers]

    found = common_ancestor(stored, on_chain, first, last)
    assert (found.number if found else first - 1) == min(last, max(fork, first - 1))
