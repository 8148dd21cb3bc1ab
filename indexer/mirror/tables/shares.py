"""Declares the tables of the bankroll's shares.

Their price is the view `share_price`, defined in migrations/versions/0011_commission_in_tokens.py.
"""

from __future__ import annotations

from sqlalchemy import Numeric

from indexer.mirror.tables.row import (
    MirrorRow,
    big_column,
    column,
    key_int_column,
    small_column,
    text_column,
)


class ShareTransfer(MirrorRow, table=True):
    """A transfer of bankroll shares; from the zero address when minted, to it when burned."""

    __tablename__ = "share_transfer"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    sender: str = text_column()
    receiver: str = text_column()
    shares: int = column(Numeric(78, 0))


class ShareApproval(MirrorRow, table=True):
    """An allowance of bankroll shares."""

    __tablename__ = "share_approval"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    owner: str = text_column()
    spender: str = text_column()
    shares: int = column(Numeric(78, 0))


class ShareMovement(MirrorRow, table=True):
    """Assets, in units of the token, exchanged for shares of `owner`: a deposit that `sender` paid,
    or a withdrawal that `receiver` received."""

    __tablename__ = "share_movement"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    kind: str = text_column()
    sender: str = text_column()
    receiver: str = text_column()
    owner: str = text_column()
    assets: int = column(Numeric(78, 0))
    shares: int = column(Numeric(78, 0))


class Commission(MirrorRow, table=True):
    """A charge of commission, up to the profit `high_water_mark_micro`, or a payment of
    `paid_micro`; the other is null. `owed_micro` is what is owed after it."""

    __tablename__ = "commission"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    high_water_mark_micro: int | None = big_column(null=True)
    paid_micro: int | None = big_column(null=True)
    owed_micro: int = big_column()
