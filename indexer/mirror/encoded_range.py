"""Encodes a range of blocks for writing: its rows as COPY reads them, and its changes of state.

It needs no database, so the next range is encoded while the range before is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from indexer.chain.blocks import BlockRange
from indexer.decode.bet_reader import Bet, read_bets
from indexer.decode.events import BatchPlaced, CashedOut, Logged
from indexer.errors import Contradiction
from indexer.mirror.bet_rows import remainder
from indexer.mirror.copy_format import copy_binary, copy_text
from indexer.mirror.projection import project
from indexer.mirror.row_changes import Changes, length_of
from indexer.mirror.tables import MirrorRow
from protocol.placed_event import split_placed
from protocol.records import PackedInvalid


class EncodedRange(NamedTuple):
    """The rows of a range by table, as text or binary input of COPY, and its changes of state."""

    copies: list[tuple[type[MirrorRow], str | bytes]]
    row_count: int
    changes: Changes


def encode_range(
    deployment: int, blocks: BlockRange, earlier: Mapping[int, Sequence[Bet]]
) -> EncodedRange:
    """Encode a range. `earlier` has the bets of batches that it settles but does not place. Raises
    Contradiction when the events cannot have happened."""
    copies: list[tuple[type[MirrorRow], str | bytes]]
    try:
        changes = project(deployment, blocks, earlier)
        copies = [(table, copy_text(table, rows)) for table, rows in changes.rows.items() if rows]
        copies += [
            (table, copy_binary(table, columns))
            for table, columns in changes.columns.items()
            if length_of(columns)
        ]
    except PackedInvalid as error:
        raise Contradiction(
            f"blocks {blocks.first.number} to {blocks.last.number} have impossible events: {error}"
        ) from error
    count = changes.row_count
    # The rows take most of a range's memory, and are no longer needed.
    changes.rows.clear()
    changes.columns.clear()
    return EncodedRange(copies, count, changes)


def bets_placed(events: Iterable[Logged], batches: Collection[int]) -> dict[int, Sequence[Bet]]:
    """The bets of those of `batches` that the events place. Raises Contradiction."""
    found: dict[int, Sequence[Bet]] = {}
    try:
        for logged in events:
            match logged.event:
                case BatchPlaced(batch, data) if batch in batches:
                    found[batch] = read_bets(split_placed(data))
                case CashedOut(next=batch) as event if batch in batches:
                    found[batch] = read_bets(remainder(event))
        return found
    except PackedInvalid as error:
        raise Contradiction(f"a batch cannot be read: {error}") from error
