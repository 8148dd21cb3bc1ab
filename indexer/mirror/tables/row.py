"""Declares what every table of the mirror has in common: its schema, and its types of columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, SmallInteger, Text
from sqlmodel import Field, SQLModel

SCHEMA = "mirror"


def column(kind: Any, *, key: bool = False, null: bool = False) -> Any:
    return Field(sa_column=Column(kind, primary_key=key, nullable=null, autoincrement=False))


def small_column(*, key: bool = False, null: bool = False) -> Any:
    return column(SmallInteger, key=key, null=null)


def int_column() -> Any:
    return column(Integer)


def key_int_column() -> Any:
    return column(Integer, key=True)


def big_column(*, key: bool = False, null: bool = False) -> Any:
    return column(BigInteger, key=key, null=null)


def bytes_column(*, key: bool = False, null: bool = False) -> Any:
    return column(LargeBinary, key=key, null=null)


def text_column() -> Any:
    return column(Text)


class MirrorRow(SQLModel):
    """A row of the mirror."""

    metadata = MetaData(schema=SCHEMA)


def by_block(table: str) -> Index:
    """An index by block. Blocks only increase, so a BRIN index of a few bytes per range of pages
    finds the rows of a reorg."""
    return Index(f"{table}_block_idx", "deployment", "block", postgresql_using="brin")
