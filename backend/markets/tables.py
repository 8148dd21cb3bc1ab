"""Defines the rows of fixtures and their markets."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel


class FixtureStatus(StrEnum):
    """Whether a fixture will be played as announced; only a SCHEDULED one accepts bets."""

    SCHEDULED = "scheduled"
    POSTPONED = "postponed"


class MarketStatus(StrEnum):
    """Whether a market accepts bets before its start."""

    OPEN = "open"
    SUSPENDED = "suspended"


class Fixture(SQLModel, table=True):
    """A match; `id` is the start of the hash of its canonical `name`. Times in unix seconds."""

    __tablename__ = "fixture"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    name: str = Field(unique=True)
    home: str
    away: str
    competition: str
    starts_at_s: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    created_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    status: str


class Market(SQLModel, table=True):
    """A market. All columns but `status` are decoded from its self-describing `id`."""

    __tablename__ = "market"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    fixture: bytes = Field(
        sa_column=Column(
            LargeBinary,
            ForeignKey("backend.fixture.id"),
            nullable=False,
            index=True,
        )
    )
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    period: int = Field(sa_column=Column(SmallInteger, nullable=False))
    line_q: int = Field(sa_column=Column(SmallInteger, nullable=False))
    in_play: bool
    status: str
