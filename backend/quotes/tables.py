"""Defines the rows of quotes."""

from __future__ import annotations

import uuid
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class Quote(SQLModel, table=True):
    """A quote that the house has signed for one slip of an account, until `deadline_s` (unix
    seconds). `asked` is the hash of what was asked for, `odds_e4` has the odds of each leg, and
    `risk_micro` is what the house pays above the stake if all win."""

    __tablename__ = "quote"
    __table_args__: ClassVar[tuple[Index | dict[str, str], ...]] = (
        Index("quote_account_deadline_idx", "account", "deadline_s"),
        {"schema": "backend"},
    )

    id: uuid.UUID = Field(primary_key=True)
    account: int = Field(sa_column=Column(BigInteger, nullable=False))
    nonce: int
    asked: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    stake_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    risk_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    odds_e4: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    quoted_at_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    deadline_s: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    house_signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
