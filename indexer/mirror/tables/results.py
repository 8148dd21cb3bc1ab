"""Declares the tables of fixtures, results, disputes and councils."""

from __future__ import annotations

from sqlalchemy import ARRAY, Boolean, Index, Text

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


class ResultChange(MirrorRow, table=True):
    """A published or corrected result, or a dispute with the new time when the result will be final
    (`kind`: published, corrected, disputed). Fields that the event does not have are null."""

    __tablename__ = "result_change"
    __table_args__ = (
        Index("result_change_deployment_fixture_idx", "deployment", "fixture", "block"),
    )

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    seq: int = small_column(key=True)
    kind: str = text_column()
    fixture: bytes = bytes_column()
    status: int | None = small_column(null=True)
    home_half: int | None = small_column(null=True)
    away_half: int | None = small_column(null=True)
    home_full: int | None = small_column(null=True)
    away_full: int | None = small_column(null=True)
    settled_at_s: int | None = big_column(null=True)
    published_at_s: int | None = big_column(null=True)
    final_at_s: int = big_column()


class Result(MirrorRow, table=True):
    """The result of a fixture at the head; `corrected` when the arbiter ruled on it, `disputed`
    while a ruling is pending."""

    __tablename__ = "result"

    deployment: int = small_column(key=True)
    fixture: bytes = bytes_column(key=True)
    block: int = big_column()
    log_index: int = int_column()
    status: int = small_column()
    home_half: int = small_column()
    away_half: int = small_column()
    home_full: int = small_column()
    away_full: int = small_column()
    settled_at_s: int = big_column()
    published_at_s: int = big_column()
    final_at_s: int = big_column()
    corrected: bool = column(Boolean)
    disputed: bool = column(Boolean)


class Fixture(MirrorRow, table=True):
    """A fixture and the term of the council that decides it: the one that stood when a batch with
    bets first listed the fixture, or when its result was published, whichever was earlier."""

    __tablename__ = "fixture"
    __table_args__ = (by_block("fixture"),)

    deployment: int = small_column(key=True)
    fixture: bytes = bytes_column(key=True)
    block: int = big_column()
    log_index: int = int_column()
    term: int = int_column()


class Dispute(MirrorRow, table=True):
    """A dispute that was opened (`refunded` is null) or closed (whether the bond is its author's
    again; otherwise it is the house's)."""

    __tablename__ = "dispute"
    __table_args__ = (Index("dispute_deployment_fixture_idx", "deployment", "fixture", "block"),)

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    fixture: bytes = bytes_column()
    account: str = text_column()
    bond_micro: int = big_column()
    refunded: bool | None = column(Boolean, null=True)


class BondPayment(MirrorRow, table=True):
    """Bonds of closed disputes that were paid to an address, to the sportsbook's if they are the
    house's. While the token refuses to move a bond, its dispute is closed and has no payment."""

    __tablename__ = "bond_payment"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    address: str = text_column()
    amount_micro: int = big_column()


class Council(MirrorRow, table=True):
    """A council that was proposed (can be appointed from `from_s` on) or appointed (for `term`).
    The one with the highest term stands; earlier ones still decide their fixtures."""

    __tablename__ = "council"

    deployment: int = small_column(key=True)
    block: int = big_column(key=True)
    log_index: int = key_int_column()
    signers: list[str] = column(ARRAY(Text))
    threshold: int = small_column()
    arbiter: str = text_column()
    from_s: int | None = big_column(null=True)
    term: int | None = big_column(null=True)
