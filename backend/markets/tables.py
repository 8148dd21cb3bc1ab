"""Defines the rows of fixtures and their markets."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel


class FixtureStatus(StrEnum):
    """What the facts, or the operator, say of a fixture; only a SCHEDULED one accepts bets. One
    that moved beyond the limit of docs/rules.md is POSTPONED."""

    SCHEDULED = "scheduled"
    POSTPONED = "postponed"
    LIVE = "live"
    PLAYED = "played"
    AWARDED = "awarded"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"
    VOID = "void"


class MarketStatus(StrEnum):
    """Whether a market accepts bets before its start."""

    OPEN = "open"
    SUSPENDED = "suspended"


class Fixture(SQLModel, table=True):
    """A match; `id` is the start of the hash of its canonical `name`, which stays as it was when
    the fixture was opened. `source_key` finds it in the facts, whatever its date and spelling.

    Times in unix seconds. Bets close at `starts_at_s`: the start that was announced, or the one
    that the facts have now, if that is earlier. `moved_to_s` is the start in the facts when it is
    not the announced one.
    """

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
    source_key: str | None = Field(default=None, index=True)
    moved_to_s: int | None = Field(default=None, sa_column=Column(BigInteger))


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


class Decision(SQLModel, table=True):
    """The operator's word on what became of a fixture: it comes before the facts. Goals and minute
    are those of an abandoned match."""

    __tablename__ = "decision"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    fixture: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    status: str
    minute: int | None = None
    home_half: int | None = None
    away_half: int | None = None
    home_full: int | None = None
    away_full: int | None = None
    reason: str
    made_s: int = Field(sa_column=Column(BigInteger, nullable=False))
