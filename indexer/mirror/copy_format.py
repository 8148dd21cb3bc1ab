"""Encodes rows and columns of a table as input of PostgreSQL's COPY; does no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Integer, LargeBinary, SmallInteger
from sqlalchemy import Column as SqlColumn
from sqlalchemy.types import TypeEngine

from indexer.mirror.row_changes import Column, length_of
from indexer.mirror.tables import SCHEMA, MirrorRow
from protocol.records import PackedInvalid

# How None is written, in a column of any type. No text in the mirror is that word: texts are
# addresses and the names of roles and movements.
NULL = "None"

_BINARY_START, _BINARY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
# Integer comes last, because the others are subclasses of it.
_INTEGERS = {SmallInteger: ">i2", BigInteger: ">i8", Integer: ">i4"}


class _Hex(dict[bytes | None, str]):
    """Caches bytes, or None, as PostgreSQL reads them, since markets and fixtures repeat."""

    def __missing__(self, value: bytes | None) -> str:
        text = self[value] = NULL if value is None else "\\\\x" + value.hex()
        return text


def copy_text(table: type[MirrorRow], rows: Sequence[tuple[Any, ...]]) -> str:
    """Rows in COPY's text format, with `NULL` for None."""
    line, binary = _row_format(table)
    if not binary:
        return "".join(map(line.__mod__, rows))
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for index in binary:
        columns[index] = map(_Hex().__getitem__, columns[index])
    return "".join(map(line.__mod__, zip(*columns, strict=True)))


def copy_binary(table: type[MirrorRow], columns: Sequence[Column]) -> bytes:
    """Columns in COPY's binary format. Raises PackedInvalid for an integer that does not fit the
    column."""
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
    """The numpy type of a column in COPY's binary format; None for a column without a value."""
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
        raise PackedInvalid(f"an event has an integer of more than {limits.bits} bits")
    return binary


@cache
def _row_format(table: type[MirrorRow]) -> tuple[str, tuple[int, ...]]:
    """The format string of a row, and the indexes of its columns of bytes."""
    columns = _columns(table)
    binary = [i for i, column in enumerate(columns) if isinstance(column.type, LargeBinary)]
    return "\t".join(["%s"] * len(columns)) + "\n", tuple(binary)


def _columns(table: type[MirrorRow]) -> list[SqlColumn[Any]]:
    return list(MirrorRow.metadata.tables[f"{SCHEMA}.{table.__tablename__}"].columns)
