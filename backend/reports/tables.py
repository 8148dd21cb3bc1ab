"""Defines the table with the worker's newest report."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, DateTime, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class HouseReport(SQLModel, table=True):
    """What the worker found when it last looked. `faults` are sentences for the operator: nothing
    is accepted while there are any. `delays` keep transactions from being mined and may pass: since
    `delayed_since`. `open_transaction` is the one that has to be mined next, the same since
    `open_since`. All times are of the database's clock: those of the machines may differ."""

    __tablename__ = "house_report"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    chain_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    sportsbook: str = Field(primary_key=True)
    faults: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    delays: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    delayed_since: datetime | None = Field(sa_column=Column(DateTime(timezone=True)))
    open_transaction: uuid.UUID | None = None
    open_since: datetime | None = Field(sa_column=Column(DateTime(timezone=True)))
    batch_max_age_s: int
    batch_window_s: int
    reported_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
