"""Declares the tables of deployments, blocks and transactions."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint, text

from indexer.mirror.tables.row import (
    MirrorRow,
    big_column,
    bytes_column,
    int_column,
    small_column,
    text_column,
)


class Deployment(MirrorRow, table=True):
    """A mirrored sportsbook with checksummed addresses, and its checkpoint. The head is null until
    the first block is written. Blocks up to `confirmed_block` are confirmed, those up to
    `final_block` final, the others tentative (view `block_stage`); null while there is none.
    `final_block` never decreases, and depends on the tags of nodes and on when they were asked.
    `commission_bps` is the bankroll's commission on profit, `token_decimals` of the token; null
    until an indexer of a version that stores them has started."""

    __tablename__ = "deployment"
    __table_args__ = (
        UniqueConstraint("chain_id", "sportsbook", name="deployment_chain_id_sportsbook_key"),
    )

    id: int = small_column(key=True)
    chain_id: int = big_column()
    sportsbook: str = text_column()
    results: str = text_column()
    bankroll: str = text_column()
    token: str = text_column()
    first_block: int = big_column()
    commission_bps: int | None = small_column(null=True)
    head_block: int | None = big_column(null=True)
    head_hash: bytes | None = bytes_column(null=True)
    head_timestamp_s: int | None = big_column(null=True)
    confirmed_block: int | None = big_column(null=True)
    final_block: int | None = big_column(null=True)
    final_hash: bytes | None = bytes_column(null=True)
    token_decimals: int | None = small_column(null=True)


class Block(MirrorRow, table=True):
    """Every block from the deployment's first to the head."""

    __tablename__ = "block"

    deployment: int = small_column(key=True)
    number: int = big_column(key=True)
    hash: bytes = bytes_column()
    parent_hash: bytes = bytes_column()
    timestamp_s: int = big_column()


class Transaction(MirrorRow, table=True):
    """A transaction that carried slips (placed or skipped) or settled bets. Gas and price (wei per
    unit) come from its receipt, and are null until that is read; the price is also null when the
    node does not report it. The view `batch_gas` divides the gas among batches."""

    __tablename__ = "transaction"
    __table_args__ = (
        Index(
            "transaction_unread_idx",
            *("deployment", "block", "tx_hash"),
            postgresql_where=text("gas_used IS NULL"),
        ),
    )

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    tx_hash: bytes = bytes_column(key=True)
    slips: int = int_column()
    settled: int = int_column()
    gas_used: int | None = big_column(null=True)
    gas_price_wei: int | None = big_column(null=True)
