"""Counts the open streams of each client address, and bounds them; must not do I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from backend.problems import Problem


class TooManyStreams(Problem):
    """This address, or all addresses together, have reached the limit of live streams."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "too-many-streams"
    title: ClassVar[str] = "Too many live streams"


class Readers:
    """The open streams of one process."""

    def __init__(self, most_per_address: int, most: int) -> None:
        self._most_per_address = most_per_address
        self._most = most
        self._by_address: Counter[str] = Counter()
        self.count = 0

    @contextmanager
    def one_more(self, address: str) -> Iterator[None]:
        """A stream of this address, until the end of the block. Raises TooManyStreams."""
        if self._by_address[address] >= self._most_per_address:
            raise TooManyStreams(
                f"This address has {self._most_per_address} live streams; close one first.",
                retry_after_s=5,
            )
        if self.count >= self._most:
            raise TooManyStreams(
                "The server has reached its limit of live streams; try again.", retry_after_s=5
            )
        self._by_address[address] += 1
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
