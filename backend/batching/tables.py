"""Defines the table of which slips travel in which transaction."""

from __future__ import annotations

import uuid
from typing import ClassVar

from sqlmodel import Field, SQLModel


class Submission(SQLModel, table=True):
    """A slip in a transaction. A slip may be in several, one after the other; its state is derived
    from the mirror and from whether the last of them can still take effect."""

    __tablename__ = "submission"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    # The migration makes this a reference to backend.slip, whose module is not imported here.
    slip: uuid.UUID = Field(primary_key=True)
    transaction: uuid.UUID = Field(
        primary_key=True,
        foreign_key="backend.chain_transaction.id",
        ondelete="CASCADE",
        index=True,
    )
