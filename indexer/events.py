"""Owns the contracts' events as values; must know neither logs nor tables.

One class an event, or one for a group whose members differ in name only. Addresses are 20 bytes,
amounts micro-units, times unix seconds.
"""

from __future__ import annotations

from typing import NamedTuple


class AccountOpened(NamedTuple):
    account: int
    owner: bytes


class Deposited(NamedTuple):
    account: int
    amount_micro: int


class Withdrawn(NamedTuple):
    account: int
    amount_micro: int


class ExitRequested(NamedTuple):
    account: int
    amount_micro: int
    unlocks_at_s: int


class BatchPlaced(NamedTuple):
    batch: int
    data: bytes


class BatchSettled(NamedTuple):
    batch: int
    settled: int
    payouts: bytes


class HouseFunded(NamedTuple):
    amount_micro: int


class HouseReleased(NamedTuple):
    receiver: bytes
    amount_micro: int


class RoleSet(NamedTuple):
    """An event that says who may do what; `value` is 1 for given and 0 for taken, or a number."""

    contract: str
    role: str
    subject: bytes | None
    value: int


class ResultSet(NamedTuple):
    """ResultPublished, or ResultCorrected when `corrected`."""

    fixture: bytes
    status: int
    home_half: int
    away_half: int
    home_full: int
    away_full: int
    settled_at_s: int
    published_at_s: int
    final_at_s: int
    corrected: bool


class SharesTransferred(NamedTuple):
    sender: bytes
    receiver: bytes
    shares: int


class SharesApproved(NamedTuple):
    owner: bytes
    spender: bytes
    shares: int


class SharesBought(NamedTuple):
    """Deposit of the bankroll."""

    sender: bytes
    owner: bytes
    assets_micro: int
    shares: int


class SharesSold(NamedTuple):
    """Withdraw of the bankroll."""

    sender: bytes
    receiver: bytes
    owner: bytes
    assets_micro: int
    shares: int


Event = (
    AccountOpened
    | Deposited
    | Withdrawn
    | ExitRequested
    | BatchPlaced
    | BatchSettled
    | HouseFunded
    | HouseReleased
    | RoleSet
    | ResultSet
    | SharesTransferred
    | SharesApproved
    | SharesBought
    | SharesSold
)


class Logged(NamedTuple):
    """An event and where on the chain it stands."""

    block: int
    log_index: int
    tx_hash: bytes
    event: Event
