"""Defines the rows of the limits that owners have set."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel


class LimitChange(SQLModel, table=True):
    """What an owner has set, and from when it counts (unix seconds of the clock in use). Nothing is
    ever deleted: a row is `superseded` once it can no longer count. `kind` is deposit, stake, loss
    or time-out, `period` day, week, month or, of a time-out, empty. `amount` is in micro-units,
    None for no limit; of a time-out it is its end."""

    __tablename__ = "limit_change"
    __table_args__: ClassVar[tuple[Index | dict[str, str], ...]] = (
        Index(
            "limit_change_account_idx",
            *("account", "id"),
            postgresql_where=text("NOT superseded"),
        ),
        {"schema": "backend"},
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    account: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str
    period: str
    amount: int | None = Field(default=None, sa_column=Column(BigInteger))
    set_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    from_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    superseded: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
