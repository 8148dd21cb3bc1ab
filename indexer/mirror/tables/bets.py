"""Declares the tables of batches, bets, skipped slips and settlements."""

from __future__ import annotations

from sqlalchemy import Boolean, Index, text

from indexer.mirror.tables.row import (
    MirrorRow,
    big_column,
    by_block,
    bytes_column,
    column,
    int_column,
    small_column,
)


class Batch(MirrorRow, table=True):
    """A batch with its packed market ids and records, as a settlement sends them again. `open_bets`
    is the number of bets that are not settled at the head."""

    __tablename__ = "batch"
    __table_args__ = (
        by_block("batch"),
        Index("batch_open_idx", "deployment", "batch", postgresql_where=text("open_bets > 0")),
    )

    deployment: int = small_column(key=True)
    batch: int = big_column(key=True)
    block: int = big_column()
    log_index: int = int_column()
    tx_hash: bytes = bytes_column()
    placed: int = small_column()
    skipped: int = small_column()
    open_bets: int = small_column()
    markets: bytes = bytes_column()
    records: bytes = bytes_column()


class Bet(MirrorRow, table=True):
    """A bet; `payout_max_micro` is paid when every leg wins. A bet has the nonce of another one in
    two cases: it is what remains of a bet after a partial cash-out, and `rest_of` is the batch of
    the original bet; or a receipt placed it instead of a bet of batch `instead_of`."""

    __tablename__ = "bet"
    __table_args__ = (
        Index(
            "bet_deployment_account_nonce_key",
            *("deployment", "account", "nonce"),
            unique=True,
            postgresql_where=text("rest_of IS NULL AND instead_of IS NULL"),
        ),
        Index(
            "bet_instead_idx",
            *("deployment", "account", "nonce"),
            postgresql_where=text("instead_of IS NOT NULL"),
        ),
        by_block("bet"),
    )

    deployment: int = small_column(key=True)
    batch: int = big_column(key=True)
    bet: int = small_column(key=True)
    block: int = big_column()
    account: int = big_column()
    nonce: int = int_column()
    stake_micro: int = big_column()
    accepted_at_s: int = big_column()
    legs: int = small_column()
    payout_max_micro: int = big_column()
    rest_of: int | None = big_column(null=True)
    instead_of: int | None = big_column(null=True)


class Leg(MirrorRow, table=True):
    """One leg of a bet; `market` and `fixture` are packed ids."""

    __tablename__ = "leg"
    __table_args__ = (by_block("leg"),)

    deployment: int = small_column(key=True)
    batch: int = big_column(key=True)
    bet: int = small_column(key=True)
    leg: int = small_column(key=True)
    block: int = big_column()
    market: bytes = bytes_column()
    fixture: bytes = bytes_column()
    outcome: int = small_column()
    odds_e4: int = big_column()


class Skip(MirrorRow, table=True):
    """A slip that the contract left out of a batch; `reason` as in `SkipReason`."""

    __tablename__ = "skip"
    __table_args__ = (
        Index("skip_deployment_account_nonce_idx", "deployment", "account", "nonce"),
        by_block("skip"),
    )

    deployment: int = small_column(key=True)
    batch: int = big_column(key=True)
    seq: int = small_column(key=True)
    block: int = big_column()
    account: int = big_column()
    nonce: int = int_column()
    reason: int = small_column()


class Settlement(MirrorRow, table=True):
    """A settled bet and its payout, 0 for a lost bet: by results or, when `cashed_out`, at an
    agreed price, or the stake, when another bet `replaced` it by a receipt."""

    __tablename__ = "settlement"
    __table_args__ = (by_block("settlement"),)

    deployment: int = small_column(key=True)
    batch: int = big_column(key=True)
    bet: int = small_column(key=True)
    block: int = big_column()
    log_index: int = int_column()
    tx_hash: bytes = bytes_column()
    payout_micro: int = big_column()
    cashed_out: bool = column(Boolean)
    replaced: bool = column(Boolean)
