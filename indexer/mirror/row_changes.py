"""Represents what a range of blocks changes in the mirror, before it is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.mirror.book_change import BookChange
from indexer.mirror.tables import MirrorRow

Row = tuple[Any, ...]
# One value per row, or one for all rows.
Column = NDArray[Any] | int | bytes | None


@dataclass
class Changes:
    """The changes of a range: new rows by table, those of placed bets as columns, and deltas
    of the state."""

    rows: dict[type[MirrorRow], list[Row]] = field(default_factory=lambda: defaultdict(list))
    columns: dict[type[MirrorRow], tuple[Column, ...]] = field(default_factory=dict)
    balances: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    book: BookChange = field(default_factory=BookChange)
    settled_bets: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    market_blocks: dict[bytes, int] = field(default_factory=dict)
    exit_accounts: set[int] = field(default_factory=set)
    # Fixtures with a new result, and where fixtures were first listed or published: the block and
    # the log's index.
    fixtures: set[bytes] = field(default_factory=set)
    first_seen: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    pause_changed: bool = False

    @property
    def row_count(self) -> int:
        """Number of new rows."""
        return sum(map(len, self.rows.values())) + sum(map(length_of, self.columns.values()))

    def add_market(self, market: bytes, block: int) -> None:
        """Record a block that has a single bet on a market; the lowest counts."""
        self.market_blocks[market] = min(block, self.market_blocks.get(market, block))


def length_of(columns: Iterable[Column]) -> int:
    """The number of rows of columns, at least one of which has a value per row."""
    return max(len(column) for column in columns if isinstance(column, np.ndarray))
