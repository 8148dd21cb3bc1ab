"""Defines the rows of accepted slips; a slip's status is derived from the mirror, never stored."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel


class Slip(SQLModel, table=True):
    """A slip that the house accepted. A slip that was never placed leaves its nonce to a later one.
    Amounts in micro-units, times in unix seconds; `payout_max_micro` is what it pays if every leg
    wins at the odds of its receipt."""

    __tablename__ = "slip"
    __table_args__ = (
        UniqueConstraint("account", "nonce", "accepted_at_s", name="slip_account_nonce_key"),
        UniqueConstraint("account", "idempotency_key", name="slip_account_idempotency_key"),
        # What is pending of an account; without it, that is looked for in what is of all accounts.
        Index("slip_account_accepted_at_idx", "account", "accepted_at_s"),
        {"schema": "backend"},
    )

    id: uuid.UUID = Field(primary_key=True)
    account: int = Field(sa_column=Column(BigInteger, nullable=False))
    nonce: int = Field(sa_column=Column(Integer, nullable=False))
    idempotency_key: str
    stake_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    min_odds_e4: int = Field(sa_column=Column(BigInteger, nullable=False))
    deadline_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    struct_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    accepted_at_s: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    receipt_signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    payout_max_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    legs: int = Field(sa_column=Column(SmallInteger, nullable=False))


class HouseReserve(SQLModel, table=True):
    """What the receipts that were outstanding at block `known_block` could take: of the house's
    free money (`accumulators_micro` those of several legs), and of their key's budget. One row.
    `known_block` is -1, without a hash, where no block is confirmed; `moved_at` is when it last
    changed. `backend.mirror.reserves` says what the totals are good for."""

    __tablename__ = "house_reserve"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    known_block: int = Field(sa_column=Column(BigInteger, nullable=False))
    known_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    known_timestamp_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    moved_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    risk_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    budget_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    accumulators_micro: int = Field(sa_column=Column(BigInteger, nullable=False))


class MarketReserve(SQLModel, table=True):
    """The part of HouseReserve that slips of one leg on a market could take of the free money."""

    __tablename__ = "market_reserve"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    market: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    risk_micro: int = Field(sa_column=Column(BigInteger, nullable=False))


class SlipLeg(SQLModel, table=True):
    """A leg of an accepted slip, at the odds x 10^4 of its receipt."""

    __tablename__ = "slip_leg"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    slip: uuid.UUID = Field(primary_key=True, foreign_key="backend.slip.id")
    leg: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    market: bytes = Field(
        sa_column=Column(LargeBinary, ForeignKey("backend.market.id"), nullable=False, index=True)
    )
    outcome: int = Field(sa_column=Column(SmallInteger, nullable=False))
    odds_e4: int = Field(sa_column=Column(BigInteger, nullable=False))
