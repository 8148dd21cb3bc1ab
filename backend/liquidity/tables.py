"""Defines the rows of past prices of the bankroll's shares."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Numeric
from sqlmodel import Field, SQLModel


class SharePrice(SQLModel, table=True):
    """The prices at which a share could be bought and redeemed from `at_s` on, by the chain's
    clock, in micro-units. There is a row only where a price changed."""

    __tablename__ = "share_price"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    at_s: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    enter_micro: Decimal = Field(sa_column=Column(Numeric(78, 0), nullable=False))
    leave_micro: Decimal = Field(sa_column=Column(Numeric(78, 0), nullable=False))
