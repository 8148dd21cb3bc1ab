"""Defines the rows of past odds."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class Price(SQLModel, table=True):
    """The odds x 10^4 of each outcome of a market from `at_s` on, by the clock that the odds
    process follows; empty while none were offered. There is a row only where they changed."""

    __tablename__ = "price"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    market: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    at_s: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    odds_e4: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
