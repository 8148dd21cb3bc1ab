"""Owns making a range of blocks ready to be written: its rows as COPY takes them; does no I/O.

It needs nothing of the database, so that the next range is made ready while one is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary

from indexer.chain import BlockRange, Header
from indexer.errors import Contradiction
from indexer.events import BatchPlaced, CashedOut, Logged
from indexer.packed import PackedInvalid
from indexer.project import Changes, project, rest_of
from indexer.tables import MirrorRow, columns_of
from indexer.unfold import Bet, unfold

# What a row's None becomes, of whatever type its column is. No text of ours is that word: texts are
# addresses and the names of roles and movements.
NULL = "None"


class Prepared(NamedTuple):
    """Rows by table, as text for COPY with NULL as above, and what the range adds to the state."""

    headers: list[Header]
    copies: dict[type[MirrorRow], str]
    row_count: int
    changes: Changes


class _Hex(dict[bytes, str]):
    """Bytes as PostgreSQL reads them; markets and fixtures come again and again."""

    def __missing__(self, value: bytes) -> str:
        text = self[value] = "\\\\x" + value.hex()
        return text


def prepare(deployment: int, blocks: BlockRange, earlier: Mapping[int, Sequence[Bet]]) -> Prepared:
    """What a range does to the mirror. `earlier` holds the bets of the batches that it settles and
    does not place. Raises Contradiction when the events cannot have happened so."""
    try:
        changes = project(deployment, blocks, earlier)
    except PackedInvalid as error:
        raise Contradiction(
            f"blocks {blocks.headers[0].number} to {blocks.headers[-1].number} hold events that"
            f" cannot be: {error}"
        ) from error
    copies = {table: copy_text(table, rows) for table, rows in changes.rows.items() if rows}
    count = changes.row_count
    # The rows are most of the memory that a range takes, and nobody needs them twice.
    changes.rows.clear()
    return Prepared(blocks.headers, copies, count, changes)


def placed_bets(events: Iterable[Logged], batches: Collection[int]) -> dict[int, Sequence[Bet]]:
    """The bets of those of `batches` that the events make. Raises Contradiction."""
    found: dict[int, Sequence[Bet]] = {}
    try:
        for logged in events:
            match logged.event:
                case BatchPlaced(batch, data) if batch in batches:
                    found[batch] = unfold(data).bets
                case CashedOut(next=batch) as event if batch in batches:
                    found[batch] = rest_of(event).bets
        return found
    except PackedInvalid as error:
        raise Contradiction(f"a batch cannot be read: {error}") from error


def copy_text(table: type[MirrorRow], rows: Sequence[tuple[Any, ...]]) -> str:
    """Rows as COPY reads them."""
    line, binary = _shape(table)
    if not binary:
        return "".join(map(line.__mod__, rows))
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for index in binary:
        columns[index] = map(_Hex().__getitem__, columns[index])
    return "".join(map(line.__mod__, zip(*columns, strict=True)))


@cache
def _shape(table: type[MirrorRow]) -> tuple[str, tuple[int, ...]]:
    """A row's format, and the indexes of its columns of bytes."""
    names = columns_of(table)
    columns = MirrorRow.metadata.tables[
        f"{MirrorRow.metadata.schema}.{table.__tablename__}"
    ].columns
    binary = [i for i, name in enumerate(names) if isinstance(columns[name].type, LargeBinary)]
    return "\t".join(["%s"] * len(names)) + "\n", tuple(binary)
