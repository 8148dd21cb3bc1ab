"""Defines the rows of what owners have signed for the house to send."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, LargeBinary, Numeric
from sqlmodel import Field, SQLModel


class RelayKind(StrEnum):
    """What an owner signed: a deposit by a permit or by an authorization of the token, or an action
    of ISportsbook.Action."""

    PERMIT = "permit"
    AUTHORIZATION = "authorization"
    REQUEST_EXIT = "request-exit"
    EXIT = "exit"
    EXCLUDE = "exclude"
    CANCEL_NONCES = "cancel-nonces"


class Relay(SQLModel, table=True):
    """A signed deposit or request, identified by the digest that its owner signed.

    `value` is the deposit in micro-units or the argument of the action. `number` is the permit's
    nonce or the request's number; an authorization has a `salt` and `valid_after_s` instead.
    Deposits have no account: the first one opens it. `gas` is what its transaction may ask for.
    `received_at_s` is a time of the clock in use, `counted_at_s` and `reverting_since_s` are of the
    machine's, which nobody moves. With a `reason` it is not sent any more.
    """

    __tablename__ = "relay"
    __table_args__: ClassVar[tuple[Index | dict[str, str], ...]] = (
        Index("relay_owner_idx", "owner", "id"),
        Index("relay_counted_at_idx", "counted_at_s"),
        {"schema": "backend"},
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    kind: str
    owner: str
    account: int | None = Field(default=None, sa_column=Column(BigInteger))
    value: int = Field(sa_column=Column(BigInteger, nullable=False))
    number: int | None = Field(default=None, sa_column=Column(Numeric(78, 0)))
    salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    valid_after_s: int | None = Field(default=None, sa_column=Column(BigInteger))
    deadline_s: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    gas: int = Field(sa_column=Column(BigInteger, nullable=False))
    received_at_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    counted_at_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    reverting_since_s: int | None = Field(default=None, sa_column=Column(BigInteger))
    reason: str | None = None


class RelaySubmission(SQLModel, table=True):
    """A relay travels in a transaction."""

    __tablename__ = "relay_submission"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "backend"}

    relay: int = Field(
        sa_column=Column(BigInteger, ForeignKey("backend.relay.id"), primary_key=True)
    )
    transaction: uuid.UUID = Field(
        primary_key=True, foreign_key="backend.chain_transaction.id", index=True
    )
