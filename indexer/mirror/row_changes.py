"""Owns what a range of blocks does to the mirror, before it is written; pure."""

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
# A value a row, or one for all rows.
Column = NDArray[Any] | int | bytes | None


@dataclass
class Changes:
    """What a range of blocks does to the mirror: new rows by table, those of placed bets column by
    column, and differences."""

    rows: dict[type[MirrorRow], list[Row]] = field(default_factory=lambda: defaultdict(list))
    columns: dict[type[MirrorRow], tuple[Column, ...]] = field(default_factory=dict)
    balances: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    book: BookChange = field(default_factory=BookChange)
    settled_bets: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    market_blocks: dict[bytes, int] = field(default_factory=dict)
    exit_accounts: set[int] = field(default_factory=set)
    fixtures: set[bytes] = field(default_factory=set)
    pausing: bool = False

    @property
    def row_count(self) -> int:
        """Rows of events."""
        return sum(map(len, self.rows.values())) + sum(map(length_of, self.columns.values()))

    def bet_on(self, market: bytes, block: int) -> None:
        """A single bet on a market comes with a block."""
        self.market_blocks[market] = min(block, self.market_blocks.get(market, block))


def length_of(columns: Iterable[Column]) -> int:
    """How many rows columns make, one of which at least has a value a row."""
    return max(len(column) for column in columns if isinstance(column, np.ndarray))
