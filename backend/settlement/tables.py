"""Defines which results and runs travel in which transaction, and the reconciliation's counts."""

from __future__ import annotations

import uuid
from typing import ClassVar

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel


class Publication(SQLModel, table=True):
    """A fixture's result in a transaction."""

    __tablename__ = "publication"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    fixture: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    transaction: uuid.UUID = Field(
        primary_key=True,
        foreign_key="backend.chain_transaction.id",
        ondelete="CASCADE",
        index=True,
    )


class SettlementRun(SQLModel, table=True):
    """Bets `first` to `first + bets - 1` of a batch in a transaction that settles them."""

    __tablename__ = "settlement_run"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    batch: int = Field(sa_column=Column(BigInteger, primary_key=True))
    first: int = Field(primary_key=True)
    transaction: uuid.UUID = Field(
        primary_key=True,
        foreign_key="backend.chain_transaction.id",
        ondelete="CASCADE",
        index=True,
    )
    bets: int


class Reconciliation(SQLModel, table=True):
    """The number of violations that a check found when it last ran; it must be 0."""

    __tablename__ = "reconciliation"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    name: str = Field(primary_key=True)
    differences: int = Field(sa_column=Column(BigInteger, nullable=False))
    checked_s: int = Field(sa_column=Column(BigInteger, nullable=False))
