"""Defines the rows of withdrawals that the house has countersigned."""

from __future__ import annotations

import uuid
from typing import ClassVar

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel


class Withdrawal(SQLModel, table=True):
    """A withdrawal that its owner can send until `deadline_s` (unix seconds). The amount is
    reserved until then, or until the mirror shows more withdrawals of the account than
    `withdrawals_before`, the number it showed when this one was granted."""

    __tablename__ = "withdrawal"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    id: uuid.UUID = Field(primary_key=True)
    account: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    amount_micro: int = Field(sa_column=Column(BigInteger, nullable=False))
    deadline_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    struct_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    house_signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    granted_at_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    withdrawals_before: int = Field(sa_column=Column(BigInteger, nullable=False))
