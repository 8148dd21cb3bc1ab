"""Declares the tables of the schema `mirror`; reads and writes no rows.

Every event is stored in rows that name its block. `balance`, `exposure`, `book`, `exit_request` and
`result` hold the state at the head, which follows from those rows. Indexes by account and by market
are built later (`reader_indexes`). The view `house_key` has the keys of the house with their times.
"""

from __future__ import annotations

from indexer.mirror.tables.accounts import (
    Account,
    Balance,
    Cancellation,
    Exclusion,
    ExitChange,
    ExitRequest,
    Movement,
    Relay,
)
from indexer.mirror.tables.bets import Batch, Bet, Leg, Settlement, Skip
from indexer.mirror.tables.chain import Block, Deployment, Transaction
from indexer.mirror.tables.house import (
    Book,
    Exposure,
    HouseMovement,
    KeyGrant,
    KeyRetirement,
    Limits,
    RoleChange,
)
from indexer.mirror.tables.results import (
    BondPayment,
    Council,
    Dispute,
    Fixture,
    Result,
    ResultChange,
)
from indexer.mirror.tables.row import SCHEMA, MirrorRow
from indexer.mirror.tables.shares import Commission, ShareApproval, ShareMovement, ShareTransfer

__all__ = [
    "EVENT_TABLES",
    "SCHEMA",
    "STATE_TABLES",
    "Account",
    "Balance",
    "Batch",
    "Bet",
    "Block",
    "BondPayment",
    "Book",
    "Cancellation",
    "Commission",
    "Council",
    "Deployment",
    "Dispute",
    "Exclusion",
    "ExitChange",
    "ExitRequest",
    "Exposure",
    "Fixture",
    "HouseMovement",
    "KeyGrant",
    "KeyRetirement",
    "Leg",
    "Limits",
    "MirrorRow",
    "Movement",
    "Relay",
    "Result",
    "ResultChange",
    "RoleChange",
    "Settlement",
    "ShareApproval",
    "ShareMovement",
    "ShareTransfer",
    "Skip",
    "Transaction",
    "columns_of",
]

# Tables whose rows come from events; each has a column `block`.
EVENT_TABLES: tuple[type[MirrorRow], ...] = (
    *(Account, Movement, Batch, Bet, Leg, Skip, Settlement, Transaction, ResultChange, Fixture),
    *(Dispute, BondPayment, Exclusion, Cancellation, Relay, ExitChange),
    *(HouseMovement, ShareTransfer, ShareApproval, ShareMovement, Commission),
    *(Council, Limits, KeyGrant, KeyRetirement, RoleChange),
)
# Tables whose rows are the state at the head.
STATE_TABLES: tuple[type[MirrorRow], ...] = (Balance, Result, ExitRequest, Exposure, Book)


def columns_of(model: type[MirrorRow]) -> list[str]:
    """The names of a table's columns, in order."""
    return [column.name for column in MirrorRow.metadata.tables[_name(model)].columns]


def _name(model: type[MirrorRow]) -> str:
    return f"{SCHEMA}.{model.__tablename__}"
