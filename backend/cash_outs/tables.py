"""Defines the rows of offers to cash out."""

from __future__ import annotations

import uuid
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel


class CashOutOffer(SQLModel, table=True):
    """An offer that the house has signed: `price_micro` for the part of a bet that staked
    `stake_micro`, in blocks from `offered_at_s` to `deadline_s` (unix seconds). `budget_micro` is
    what it can take of its key's budget. With the owner's signature the worker sends
    it."""

    __tablename__ = "cash_out_offer"
    __table_args__: ClassVar[tuple[Index | dict[str, str], ...]] = (
        Index("cash_out_offer_bet_idx", "batch", "bet"),
        {"schema": "backend"},
    )

    id: uuid.UUID = Field(primary_key=True)
    account: int = Field(sa_column=Column(BigInteger, nullable=False))
    batch: int = Field(sa_column=Column(BigInteger, nullable=False))
    bet: int = Field(sa_column=Column(SmallInteger, nullable=False))
    stake_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    price_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    budget_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    offered_at_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    deadline_s: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    house_signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    owner_signature: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class CashOutSubmission(SQLModel, table=True):
    """An accepted offer travels in a transaction."""

    __tablename__ = "cash_out_submission"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    offer: uuid.UUID = Field(primary_key=True, foreign_key="backend.cash_out_offer.id")
    transaction: uuid.UUID = Field(
        primary_key=True, foreign_key="backend.chain_transaction.id", index=True
    )
