"""Declares the tables of accounts: balances, movements, restrictions, requests and exits."""

from __future__ import annotations

from sqlalchemy import Boolean, Index, UniqueConstraint

from indexer.mirror.tables.row import (
    MirrorRow,
    big_column,
    by_block,
    bytes_column,
    column,
    int_column,
    key_int_column,
    small_column,
    text_column,
)


class Account(MirrorRow, table=True):
    """A bettor's account and the checksummed address of its owner."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("deployment", "owner", name="account_deployment_owner_key"),
        by_block("account"),
    )

    deployment: int = small_column(key=True)
    account: int = big_column(key=True)
    owner: str = text_column()
    block: int = big_column()
    log_index: int = int_column()


class Movement(MirrorRow, table=True):
    """A change of a balance in signed micro-units; `kind` is deposit, withdrawal, stake, payout,
    cash_out, refund (the stake of a bet that another one replaced) or fee (to who sent an owner's
    request). The sum of an account's movements is its balance. `seq` is the bet's number where
    there is one. `by_exit`: whether a withdrawal was an exit without countersignature. `tx_hash` is
    null for movements of a bet, whose batch or settlement has it, and for rows written before the
    column was added."""

    __tablename__ = "movement"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    seq: int = key_int_column()
    account: int = big_column()
    kind: str = text_column()
    delta_micro: int = big_column()
    batch: int | None = big_column(null=True)
    bet: int | None = small_column(null=True)
    by_exit: bool | None = column(Boolean, null=True)
    tx_hash: bytes | None = bytes_column(null=True)


class Balance(MirrorRow, table=True):
    """The balance of an account at the head."""

    __tablename__ = "balance"

    deployment: int = small_column(key=True)
    account: int = big_column(key=True)
    balance_micro: int = big_column()


class Exclusion(MirrorRow, table=True):
    """A period for which an account's owner closed it to bets. The newest counts."""

    __tablename__ = "exclusion"
    __table_args__ = (Index("exclusion_deployment_account_idx", "deployment", "account", "block"),)

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    account: int = big_column()
    from_s: int = big_column()
    until_s: int = big_column()


class Cancellation(MirrorRow, table=True):
    """A cancellation of an account's slips with nonces up to `last_nonce`: none that is accepted
    from `cancelled_at_s` on counts. The newest is in force; by the next one, or by the first bet or
    deposit once it is over, the nonces that it cancelled count as used."""

    __tablename__ = "cancellation"
    __table_args__ = (
        Index("cancellation_deployment_account_idx", "deployment", "account", "block"),
    )

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    account: int = big_column()
    last_nonce: int = int_column()
    cancelled_at_s: int = big_column()


class Relay(MirrorRow, table=True):
    """A request of an account's owner that `sender` sent, and the fee that it received. `number`
    counts the account's requests from 0."""

    __tablename__ = "relay"
    __table_args__ = (by_block("relay"),)

    deployment: int = small_column(key=True)
    account: int = big_column(key=True)
    number: int = big_column(key=True)
    block: int = big_column()
    log_index: int = int_column()
    fee_micro: int = big_column()
    sender: str = text_column()


class ExitChange(MirrorRow, table=True):
    """An announced exit; 0 when it was cancelled or used."""

    __tablename__ = "exit_change"
    __table_args__ = (
        Index("exit_change_deployment_account_idx", "deployment", "account", "block"),
    )

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    account: int = big_column()
    amount_micro: int = big_column()
    unlocks_at_s: int = big_column()


class ExitRequest(MirrorRow, table=True):
    """The announced exit of an account at the head."""

    __tablename__ = "exit_request"

    deployment: int = small_column(key=True)
    account: int = big_column(key=True)
    amount_micro: int = big_column()
    unlocks_at_s: int = big_column()
