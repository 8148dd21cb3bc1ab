"""Defines the tables of the outbox: the backend's transactions, and every signed attempt."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Numeric, UniqueConstraint, text
from sqlmodel import Field, SQLModel

SCHEMA = "backend"


class TransactionKind(StrEnum):
    """What a transaction is for."""

    PLACE = "place"
    ENFORCE = "enforce"
    SETTLE = "settle"
    PUBLISH = "publish"
    CASH_OUT = "cash_out"
    RELAY = "relay"


class TransactionStatus(StrEnum):
    """The state of a transaction. REPLACED: our cancelling transfer, or another program, used its
    nonce. MINED, FAILED (it reverted) and REPLACED by our transfer are set at once, and a reorg can
    undo them; REPLACED by another program is set only when that is CONFIRMATIONS deep."""

    PREPARED = "prepared"
    SENT = "sent"
    MINED = "mined"
    FAILED = "failed"
    REPLACED = "replaced"


class ChainTransaction(SQLModel, table=True):
    """One intent with its nonce. The payload never changes, only the fees of the attempts do.

    `cancelled` means that the node will never accept the payload: the next attempt uses the nonce
    for an empty transfer, so that later transactions are not stuck behind it. `gas_cap` is set when
    that was for its gas limit: the gas that later transactions may ask for. `fee_cap_wei` is set
    when a node refused its whole fee: the most that this node takes for one. `fee_wei` is what it
    paid, and `included_s` when we saw that, by the machine's clock. The payload has no effect in
    blocks earlier than `valid_from_s` or later than `valid_until_s`.
    """

    __tablename__ = "chain_transaction"
    __table_args__ = (
        UniqueConstraint("chain_id", "sender", "nonce", name="chain_transaction_nonce_key"),
        Index(
            "chain_transaction_gas_cap_idx",
            *("chain_id", "created_s"),
            postgresql_where=text("gas_cap IS NOT NULL"),
        ),
        Index(
            "chain_transaction_fee_cap_idx",
            *("chain_id", "created_s"),
            postgresql_where=text("fee_cap_wei IS NOT NULL"),
        ),
        Index("chain_transaction_included_idx", "included_s"),
        {"schema": SCHEMA},
    )

    id: uuid.UUID = Field(primary_key=True)
    chain_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    sender: str
    nonce: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str
    dedupe_key: str = Field(unique=True)
    to_address: str
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    gas_limit: int = Field(sa_column=Column(BigInteger, nullable=False))
    max_fee_wei: int | None = Field(default=None, sa_column=Column(Numeric(38, 0)))
    hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary, index=True))
    status: str = Field(index=True)
    cancelled: bool = False
    gas_cap: int | None = Field(default=None, sa_column=Column(BigInteger))
    fee_cap_wei: int | None = Field(default=None, sa_column=Column(Numeric(38, 0)))
    confirmed: bool = False
    block: int | None = Field(default=None, sa_column=Column(BigInteger))
    block_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    gas_used: int | None = Field(default=None, sa_column=Column(BigInteger))
    fee_wei: int | None = Field(default=None, sa_column=Column(Numeric(38, 0)))
    included_s: int | None = Field(default=None, sa_column=Column(BigInteger))
    created_s: int = Field(sa_column=Column(BigInteger, nullable=False))
    valid_from_s: int | None = Field(default=None, sa_column=Column(BigInteger))
    valid_until_s: int | None = Field(default=None, sa_column=Column(BigInteger))


class TransactionAttempt(SQLModel, table=True):
    """One signed form of a transaction, written down before it is sent: whichever is mined, its
    receipt can be found. `taken` once a node has it."""

    __tablename__ = "transaction_attempt"
    __table_args__: ClassVar[dict[str, str]] = {"schema": SCHEMA}

    transaction: uuid.UUID = Field(
        primary_key=True, foreign_key="backend.chain_transaction.id", ondelete="CASCADE"
    )
    number: int = Field(primary_key=True)
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    max_fee_wei: int = Field(sa_column=Column(Numeric(38, 0), nullable=False))
    priority_fee_wei: int = Field(sa_column=Column(Numeric(38, 0), nullable=False))
    cancels: bool = False
    taken: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    created_s: int = Field(sa_column=Column(BigInteger, nullable=False))
