"""Owns making a range of blocks ready to be written: its rows as COPY takes them; does no I/O.

It needs nothing of the database, so that the next range is made ready while one is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import BigInteger, Integer, LargeBinary, SmallInteger
from sqlalchemy import Column as SqlColumn
from sqlalchemy.types import TypeEngine

from indexer.chain.blocks import BlockRange, Header
from indexer.decode.batch_reader import Bet, unfold
from indexer.decode.events import BatchPlaced, CashedOut, Logged
from indexer.errors import Contradiction
from indexer.mirror.projection import project, rest_of
from indexer.mirror.row_changes import Changes, Column, length_of
from indexer.mirror.tables import SCHEMA, MirrorRow
from protocol.records import PackedInvalid

# What a row's None becomes, of whatever type its column is. No text of ours is that word: texts are
# addresses and the names of roles and movements.
NULL = "None"

_BINARY_START, _BINARY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
# Integer last, since the others are kinds of it.
_INTEGERS = {SmallInteger: ">i2", BigInteger: ">i8", Integer: ">i4"}


class Prepared(NamedTuple):
    """Rows by table as COPY reads them, as text with NULL as above or as binary, and what the range
    adds to the state."""

    headers: list[Header]
    copies: list[tuple[type[MirrorRow], str | bytes]]
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
            f"blocks {blocks.headers[0].number} to {blocks.headers[-1].number} hold events that"
            f" cannot be: {error}"
        ) from error
    count = changes.row_count
    # The rows are most of the memory that a range takes, and nobody needs them twice.
    changes.rows.clear()
    changes.columns.clear()
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


def copy_binary(table: type[MirrorRow], columns: Sequence[Column]) -> bytes:
    """Columns as COPY reads them with FORMAT binary. Raises PackedInvalid for an integer that the
    table's column does not hold."""
    layout: list[tuple[str, str]] = [("columns", ">i2")]
    values: dict[str, Column] = {"columns": len(columns)}
    for column, value in zip(_columns(table), columns, strict=True):
        length, name = f"length of {column.name}", column.name
        kind = _binary_kind(column.type, value)
        layout.append((length, ">i4"))
        values[length] = np.dtype(kind).itemsize if kind else -1
        if kind:
            layout.append((name, kind))
            values[name] = value
    rows = np.empty(length_of(columns), layout)
    for name, value in values.items():
        rows[name] = value
    return _BINARY_START + rows.tobytes() + _BINARY_END


def _binary_kind(kind: TypeEngine[Any], value: Column) -> str | None:
    """How numpy calls what COPY reads; None for a column without a value."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return f"S{len(value)}"
    values = np.asarray(value)
    if values.dtype.kind == "S":
        return values.dtype.str
    binary = next(binary for integer, binary in _INTEGERS.items() if isinstance(kind, integer))
    limits = np.iinfo(binary)
    if values.min() < limits.min or values.max() > limits.max:
        raise PackedInvalid(f"an event holds an integer of more than {limits.bits} bits")
    return binary


@cache
def _shape(table: type[MirrorRow]) -> tuple[str, tuple[int, ...]]:
    """A row's format, and the indexes of its columns of bytes."""
    columns = _columns(table)
    binary = [i for i, column in enumerate(columns) if isinstance(column.type, LargeBinary)]
    return "\t".join(["%s"] * len(columns)) + "\n", tuple(binary)


def _columns(table: type[MirrorRow]) -> list[SqlColumn[Any]]:
    return list(MirrorRow.metadata.tables[f"{SCHEMA}.{table.__tablename__}"].columns)
