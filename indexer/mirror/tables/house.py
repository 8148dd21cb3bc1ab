"""Declares the tables of the house: what it owes and locks, its limits, keys and roles."""

from __future__ import annotations

from sqlalchemy import Boolean, Text

from indexer.mirror.tables.row import (
    MirrorRow,
    big_column,
    bytes_column,
    column,
    int_column,
    key_int_column,
    small_column,
    text_column,
)


class Exposure(MirrorRow, table=True):
    """The payouts of open single bets on a market by outcome, and their stakes; payouts on the
    fourth and later outcomes count in the first. `block` has the first bet on the market.

    A market whose bets all share one fate is marked when the first of them is settled by a result,
    in `marked_block`. From then on its open bets are owed `owed_micro`, which is exactly what they
    are paid (rounded up), and the market locks nothing. Both are null before: then open bets are
    owed their stakes."""

    __tablename__ = "exposure"

    deployment: int = small_column(key=True)
    market: bytes = bytes_column(key=True)
    payout_0_micro: int = big_column()
    payout_1_micro: int = big_column()
    payout_2_micro: int = big_column()
    stakes_micro: int = big_column()
    block: int = big_column()
    marked_block: int | None = big_column(null=True)
    owed_micro: int | None = big_column(null=True)


class Book(MirrorRow, table=True):
    """The money of the house and of open bets at the head, as in the contract's `book`, and whether
    placing is paused. `owed_micro` are the stakes of open bets or, of marked markets, what these
    bets are paid; `locked_micro` is what open bets could cost above that, and `accumulators_micro`
    the part of it that accumulators lock."""

    __tablename__ = "book"

    deployment: int = small_column(key=True)
    pool_micro: int = big_column()
    owed_micro: int = big_column()
    locked_micro: int = big_column()
    accumulators_micro: int = big_column()
    batch_count: int = big_column()
    paused: bool = column(Boolean)


class HouseMovement(MirrorRow, table=True):
    """Money that the bankroll added or withdrew; signed. `receiver` is null for additions."""

    __tablename__ = "house_movement"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    delta_micro: int = big_column()
    receiver: str | None = column(Text, null=True)


class Limits(MirrorRow, table=True):
    """Limits that were proposed (can be applied from `from_s` on) or set (`from_s` is null; the
    newest are in force): the maximum that one market or accumulator, one fixture, and all
    accumulators together may lock, and what must stay free for receipts."""

    __tablename__ = "limits"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    market_cap_micro: int = big_column()
    fixture_cap_micro: int = big_column()
    accumulator_cap_micro: int = big_column()
    receipt_reserve_micro: int = big_column()
    from_s: int | None = big_column(null=True)


class KeyGrant(MirrorRow, table=True):
    """A key that was given a role (a number, `protocol.roles.Role`) and a budget, both for good. It
    counts from `from_s` on."""

    __tablename__ = "key_grant"

    deployment: int = small_column(key=True)
    address: str = column(Text, key=True)
    block: int = big_column()
    log_index: int = int_column()
    role: int = small_column()
    budget_micro: int = big_column()
    from_s: int = big_column()


class KeyRetirement(MirrorRow, table=True):
    """A key that was retired, at the time of the block."""

    __tablename__ = "key_retirement"

    deployment: int = small_column(key=True)
    address: str = column(Text, key=True)
    block: int = big_column()
    log_index: int = int_column()


class RoleChange(MirrorRow, table=True):
    """A role of a contract that was granted (`value` 1) or revoked (0): owner, pending owner,
    guardian, and the sportsbook of Results. The role `paused` (1 or 0) has no subject. Keys are in
    `key_grant`."""

    __tablename__ = "role_change"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    contract: str = text_column()
    role: str = text_column()
    subject: str | None = column(Text, null=True)
    value: int = int_column()
