"""Declares the tables of the schema `mirror`; reads and writes no rows.

Every event is stored in rows that name its block. `balance`, `exposure`, `book`, `exit_request` and
`result` hold the state at the head, which follows from those rows. Indexes by account and by market
are built later (`reader_indexes`). The view `house_key` has the keys of the house with their times.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

SCHEMA = "mirror"


def _column(kind: Any, *, key: bool = False, null: bool = False) -> Any:
    return Field(sa_column=Column(kind, primary_key=key, nullable=null, autoincrement=False))


def _small(*, key: bool = False, null: bool = False) -> Any:
    return _column(SmallInteger, key=key, null=null)


def _int() -> Any:
    return _column(Integer)


def _key_int() -> Any:
    return _column(Integer, key=True)


def _big(*, key: bool = False, null: bool = False) -> Any:
    return _column(BigInteger, key=key, null=null)


def _bytes(*, key: bool = False, null: bool = False) -> Any:
    return _column(LargeBinary, key=key, null=null)


def _text() -> Any:
    return _column(Text)


class MirrorRow(SQLModel):
    """A row of the mirror."""

    metadata = MetaData(schema=SCHEMA)


def _by_block(table: str) -> Index:
    """An index by block. Blocks only increase, so a BRIN index of a few bytes per range of pages
    finds the rows of a reorg."""
    return Index(f"{table}_block_idx", "deployment", "block", postgresql_using="brin")


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

    id: int = _small(key=True)
    chain_id: int = _big()
    sportsbook: str = _text()
    results: str = _text()
    bankroll: str = _text()
    token: str = _text()
    first_block: int = _big()
    commission_bps: int | None = _small(null=True)
    head_block: int | None = _big(null=True)
    head_hash: bytes | None = _bytes(null=True)
    head_timestamp_s: int | None = _big(null=True)
    confirmed_block: int | None = _big(null=True)
    final_block: int | None = _big(null=True)
    final_hash: bytes | None = _bytes(null=True)
    token_decimals: int | None = _small(null=True)


class Block(MirrorRow, table=True):
    """Every block from the deployment's first to the head."""

    __tablename__ = "block"

    deployment: int = _small(key=True)
    number: int = _big(key=True)
    hash: bytes = _bytes()
    parent_hash: bytes = _bytes()
    timestamp_s: int = _big()


class Account(MirrorRow, table=True):
    """A bettor's account and the checksummed address of its owner."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("deployment", "owner", name="account_deployment_owner_key"),
        _by_block("account"),
    )

    deployment: int = _small(key=True)
    account: int = _big(key=True)
    owner: str = _text()
    block: int = _big()
    log_index: int = _int()


class Movement(MirrorRow, table=True):
    """A change of a balance in signed micro-units; `kind` is deposit, withdrawal, stake, payout,
    cash_out, refund (the stake of a bet that another one replaced) or fee (to who sent an owner's
    request). The sum of an account's movements is its balance. `seq` is the bet's number where
    there is one. `by_exit`: whether a withdrawal was an exit without countersignature. `tx_hash` is
    null for movements of a bet, whose batch or settlement has it, and for rows written before the
    column was added."""

    __tablename__ = "movement"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    seq: int = _key_int()
    account: int = _big()
    kind: str = _text()
    delta_micro: int = _big()
    batch: int | None = _big(null=True)
    bet: int | None = _small(null=True)
    by_exit: bool | None = _column(Boolean, null=True)
    tx_hash: bytes | None = _column(LargeBinary, null=True)


class Balance(MirrorRow, table=True):
    """The balance of an account at the head."""

    __tablename__ = "balance"

    deployment: int = _small(key=True)
    account: int = _big(key=True)
    balance_micro: int = _big()


class Batch(MirrorRow, table=True):
    """A batch with its packed market ids and records, as a settlement sends them again. `open_bets`
    is the number of bets that are not settled at the head."""

    __tablename__ = "batch"
    __table_args__ = (
        _by_block("batch"),
        Index("batch_open_idx", "deployment", "batch", postgresql_where=text("open_bets > 0")),
    )

    deployment: int = _small(key=True)
    batch: int = _big(key=True)
    block: int = _big()
    log_index: int = _int()
    tx_hash: bytes = _bytes()
    placed: int = _small()
    skipped: int = _small()
    open_bets: int = _small()
    markets: bytes = _bytes()
    records: bytes = _bytes()


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
        _by_block("bet"),
    )

    deployment: int = _small(key=True)
    batch: int = _big(key=True)
    bet: int = _small(key=True)
    block: int = _big()
    account: int = _big()
    nonce: int = _int()
    stake_micro: int = _big()
    accepted_at_s: int = _big()
    legs: int = _small()
    payout_max_micro: int = _big()
    rest_of: int | None = _big(null=True)
    instead_of: int | None = _big(null=True)


class Leg(MirrorRow, table=True):
    """One leg of a bet; `market` and `fixture` are packed ids."""

    __tablename__ = "leg"
    __table_args__ = (_by_block("leg"),)

    deployment: int = _small(key=True)
    batch: int = _big(key=True)
    bet: int = _small(key=True)
    leg: int = _small(key=True)
    block: int = _big()
    market: bytes = _bytes()
    fixture: bytes = _bytes()
    outcome: int = _small()
    odds_e4: int = _big()


class Skip(MirrorRow, table=True):
    """A slip that the contract left out of a batch; `reason` as in `SkipReason`."""

    __tablename__ = "skip"
    __table_args__ = (
        Index("skip_deployment_account_nonce_idx", "deployment", "account", "nonce"),
        _by_block("skip"),
    )

    deployment: int = _small(key=True)
    batch: int = _big(key=True)
    seq: int = _small(key=True)
    block: int = _big()
    account: int = _big()
    nonce: int = _int()
    reason: int = _small()


class Settlement(MirrorRow, table=True):
    """A settled bet and its payout, 0 for a lost bet: by results or, when `cashed_out`, at an
    agreed price, or the stake, when another bet `replaced` it by a receipt."""

    __tablename__ = "settlement"
    __table_args__ = (_by_block("settlement"),)

    deployment: int = _small(key=True)
    batch: int = _big(key=True)
    bet: int = _small(key=True)
    block: int = _big()
    log_index: int = _int()
    tx_hash: bytes = _bytes()
    payout_micro: int = _big()
    cashed_out: bool = _column(Boolean)
    replaced: bool = _column(Boolean)


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

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    tx_hash: bytes = _bytes(key=True)
    slips: int = _int()
    settled: int = _int()
    gas_used: int | None = _big(null=True)
    gas_price_wei: int | None = _big(null=True)


class ResultChange(MirrorRow, table=True):
    """A published or corrected result, or a dispute with the new time when the result will be final
    (`kind`: published, corrected, disputed). Fields that the event does not have are null."""

    __tablename__ = "result_change"
    __table_args__ = (
        Index("result_change_deployment_fixture_idx", "deployment", "fixture", "block"),
    )

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    seq: int = _small(key=True)
    kind: str = _text()
    fixture: bytes = _bytes()
    status: int | None = _small(null=True)
    home_half: int | None = _small(null=True)
    away_half: int | None = _small(null=True)
    home_full: int | None = _small(null=True)
    away_full: int | None = _small(null=True)
    settled_at_s: int | None = _big(null=True)
    published_at_s: int | None = _big(null=True)
    final_at_s: int = _big()


class Result(MirrorRow, table=True):
    """The result of a fixture at the head; `corrected` when the arbiter ruled on it, `disputed`
    while a ruling is pending."""

    __tablename__ = "result"

    deployment: int = _small(key=True)
    fixture: bytes = _bytes(key=True)
    block: int = _big()
    log_index: int = _int()
    status: int = _small()
    home_half: int = _small()
    away_half: int = _small()
    home_full: int = _small()
    away_full: int = _small()
    settled_at_s: int = _big()
    published_at_s: int = _big()
    final_at_s: int = _big()
    corrected: bool = _column(Boolean)
    disputed: bool = _column(Boolean)


class Fixture(MirrorRow, table=True):
    """A fixture and the term of the council that decides it: the one that stood when a batch with
    bets first listed the fixture, or when its result was published, whichever was earlier."""

    __tablename__ = "fixture"
    __table_args__ = (_by_block("fixture"),)

    deployment: int = _small(key=True)
    fixture: bytes = _bytes(key=True)
    block: int = _big()
    log_index: int = _int()
    term: int = _int()


class Dispute(MirrorRow, table=True):
    """A dispute that was opened (`refunded` is null) or closed (whether the bond is its author's
    again; otherwise it is the house's)."""

    __tablename__ = "dispute"
    __table_args__ = (Index("dispute_deployment_fixture_idx", "deployment", "fixture", "block"),)

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    fixture: bytes = _bytes()
    account: str = _text()
    bond_micro: int = _big()
    refunded: bool | None = _column(Boolean, null=True)


class BondPayment(MirrorRow, table=True):
    """Bonds of closed disputes that were paid to an address, to the sportsbook's if they are the
    house's. While the token refuses to move a bond, its dispute is closed and has no payment."""

    __tablename__ = "bond_payment"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    address: str = _text()
    amount_micro: int = _big()


class Exclusion(MirrorRow, table=True):
    """A period for which an account's owner closed it to bets. The newest counts."""

    __tablename__ = "exclusion"
    __table_args__ = (Index("exclusion_deployment_account_idx", "deployment", "account", "block"),)

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    account: int = _big()
    from_s: int = _big()
    until_s: int = _big()


class Cancellation(MirrorRow, table=True):
    """A cancellation of an account's slips with nonces up to `last_nonce`: none that is accepted
    from `cancelled_at_s` on counts. The newest is in force; by the next one, or by the first bet or
    deposit once it is over, the nonces that it cancelled count as used."""

    __tablename__ = "cancellation"
    __table_args__ = (
        Index("cancellation_deployment_account_idx", "deployment", "account", "block"),
    )

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    account: int = _big()
    last_nonce: int = _int()
    cancelled_at_s: int = _big()


class Relay(MirrorRow, table=True):
    """A request of an account's owner that `sender` sent, and the fee that it received. `number`
    counts the account's requests from 0."""

    __tablename__ = "relay"
    __table_args__ = (_by_block("relay"),)

    deployment: int = _small(key=True)
    account: int = _big(key=True)
    number: int = _big(key=True)
    block: int = _big()
    log_index: int = _int()
    fee_micro: int = _big()
    sender: str = _text()


class ExitChange(MirrorRow, table=True):
    """An announced exit; 0 when it was cancelled or used."""

    __tablename__ = "exit_change"
    __table_args__ = (
        Index("exit_change_deployment_account_idx", "deployment", "account", "block"),
    )

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    account: int = _big()
    amount_micro: int = _big()
    unlocks_at_s: int = _big()


class ExitRequest(MirrorRow, table=True):
    """The announced exit of an account at the head."""

    __tablename__ = "exit_request"

    deployment: int = _small(key=True)
    account: int = _big(key=True)
    amount_micro: int = _big()
    unlocks_at_s: int = _big()


class Exposure(MirrorRow, table=True):
    """The payouts of open single bets on a market by outcome, and their stakes; payouts on the
    fourth and later outcomes count in the first. `block` has the first bet on the market.

    A market whose bets all share one fate is marked when the first of them is settled by a result,
    in `marked_block`. From then on its open bets are owed `owed_micro`, which is exactly what they
    are paid (rounded up), and the market locks nothing. Both are null before: then open bets are
    owed their stakes."""

    __tablename__ = "exposure"

    deployment: int = _small(key=True)
    market: bytes = _bytes(key=True)
    payout_0_micro: int = _big()
    payout_1_micro: int = _big()
    payout_2_micro: int = _big()
    stakes_micro: int = _big()
    block: int = _big()
    marked_block: int | None = _big(null=True)
    owed_micro: int | None = _big(null=True)


class Book(MirrorRow, table=True):
    """The money of the house and of open bets at the head, as in the contract's `book`, and whether
    placing is paused. `owed_micro` are the stakes of open bets or, of marked markets, what these
    bets are paid; `locked_micro` is what open bets could cost above that, and `accumulators_micro`
    the part of it that accumulators lock."""

    __tablename__ = "book"

    deployment: int = _small(key=True)
    pool_micro: int = _big()
    owed_micro: int = _big()
    locked_micro: int = _big()
    accumulators_micro: int = _big()
    batch_count: int = _big()
    paused: bool = _column(Boolean)


class HouseMovement(MirrorRow, table=True):
    """Money that the bankroll added or withdrew; signed. `receiver` is null for additions."""

    __tablename__ = "house_movement"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    delta_micro: int = _big()
    receiver: str | None = _column(Text, null=True)


class ShareTransfer(MirrorRow, table=True):
    """A transfer of bankroll shares; from the zero address when minted, to it when burned."""

    __tablename__ = "share_transfer"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    sender: str = _text()
    receiver: str = _text()
    shares: int = _column(Numeric(78, 0))


class ShareApproval(MirrorRow, table=True):
    """An allowance of bankroll shares."""

    __tablename__ = "share_approval"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    owner: str = _text()
    spender: str = _text()
    shares: int = _column(Numeric(78, 0))


class ShareMovement(MirrorRow, table=True):
    """Assets, in units of the token, exchanged for shares of `owner`: a deposit that `sender` paid,
    or a withdrawal that `receiver` received."""

    __tablename__ = "share_movement"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    kind: str = _text()
    sender: str = _text()
    receiver: str = _text()
    owner: str = _text()
    assets: int = _column(Numeric(78, 0))
    shares: int = _column(Numeric(78, 0))


class Commission(MirrorRow, table=True):
    """A commission that the bankroll took in shares; `profit_micro` is the total profit on which
    commission has been taken so far."""

    __tablename__ = "commission"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    profit_micro: int = _big()
    commission_micro: int = _big()
    shares: int = _column(Numeric(78, 0))


class Council(MirrorRow, table=True):
    """A council that was proposed (can be appointed from `from_s` on) or appointed (for `term`).
    The one with the highest term stands; earlier ones still decide their fixtures."""

    __tablename__ = "council"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    signers: list[str] = _column(ARRAY(Text))
    threshold: int = _small()
    arbiter: str = _text()
    from_s: int | None = _big(null=True)
    term: int | None = _big(null=True)


class Limits(MirrorRow, table=True):
    """Limits that were proposed (can be applied from `from_s` on) or set (`from_s` is null; the
    newest are in force): the maximum that one market or accumulator, one fixture, and all
    accumulators together may lock, and what must stay free for receipts."""

    __tablename__ = "limits"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    market_cap_micro: int = _big()
    fixture_cap_micro: int = _big()
    accumulator_cap_micro: int = _big()
    receipt_reserve_micro: int = _big()
    from_s: int | None = _big(null=True)


class KeyGrant(MirrorRow, table=True):
    """A key that was given a role (a number, `protocol.roles.Role`) and a budget, both for good. It
    counts from `from_s` on."""

    __tablename__ = "key_grant"

    deployment: int = _small(key=True)
    address: str = _column(Text, key=True)
    block: int = _big()
    log_index: int = _int()
    role: int = _small()
    budget_micro: int = _big()
    from_s: int = _big()


class KeyRetirement(MirrorRow, table=True):
    """A key that was retired, at the time of the block."""

    __tablename__ = "key_retirement"

    deployment: int = _small(key=True)
    address: str = _column(Text, key=True)
    block: int = _big()
    log_index: int = _int()


class RoleChange(MirrorRow, table=True):
    """A role of a contract that was granted (`value` 1) or revoked (0): owner, pending owner,
    guardian, and the sportsbook of Results. The role `paused` (1 or 0) has no subject. Keys are in
    `key_grant`."""

    __tablename__ = "role_change"

    deployment: int = _small(key=True)
    block: int = _big(key=True)
    log_index: int = _key_int()
    contract: str = _text()
    role: str = _text()
    subject: str | None = _column(Text, null=True)
    value: int = _int()


# Tables whose rows come from events; each has a column `block`.
EVENT_TABLES: tuple[type[MirrorRow], ...] = (
    *(Account, Movement, Batch, Bet, Leg, Skip, Settlement, Transaction, ResultChange, Fixture),
    *(
        Dispute,
        BondPayment,
        Exclusion,
        Cancellation,
        Relay,
        ExitChange,
        HouseMovement,
        ShareTransfer,
    ),
    *(
        ShareApproval,
        ShareMovement,
        Commission,
        Council,
        Limits,
        KeyGrant,
        KeyRetirement,
        RoleChange,
    ),
)
# Tables whose rows are the state at the head.
STATE_TABLES: tuple[type[MirrorRow], ...] = (Balance, Result, ExitRequest, Exposure, Book)


def columns_of(model: type[MirrorRow]) -> list[str]:
    """The names of a table's columns, in order."""
    return [column.name for column in MirrorRow.metadata.tables[_name(model)].columns]


def _name(model: type[MirrorRow]) -> str:
    return f"{SCHEMA}.{model.__tablename__}"
