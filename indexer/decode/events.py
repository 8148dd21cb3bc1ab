"""Represents the contracts' events as values, independent of logs and tables.

One class per event, or one for a group of events that differ only in name. Addresses are 20 bytes,
amounts micro-units, times unix seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from protocol.words import ResultWord, WithdrawalWord


class AccountOpened(NamedTuple):
    account: int
    owner: bytes


class Deposited(NamedTuple):
    account: int
    amount_micro: int


class Withdrawn(NamedTuple):
    """Its deadline is that of the countersignature, 0 for an exit without one."""

    withdrawal: WithdrawalWord


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


class CashedOut(NamedTuple):
    """A bet, or a part of it, that was cashed out. The remaining stake `rest_micro` continues as
    bet 0 of batch `next`; `next` is 0 when nothing remains. `markets` and `record` are those of the
    bet, as in a run."""

    batch: int
    bet: int
    price_micro: int
    next: int
    rest_micro: int
    markets: bytes
    record: bytes


class BetReplaced(NamedTuple):
    """A bet that ended, and whose stake returned, because a receipt says that the bet placed next
    in the transaction counts instead. Its nonce is the same."""

    batch: int
    bet: int


class Relayed(NamedTuple):
    """A request of an account's owner that `sender` sent, for a fee of the balance. `number` counts
    the account's requests from 0. What it asked for is an event of its own."""

    account: int
    number: int
    fee_micro: int
    sender: bytes


class SelfExcluded(NamedTuple):
    account: int
    from_s: int
    until_s: int


class NoncesCancelled(NamedTuple):
    """From `cancelled_at_s` on, slips with nonces up to `last_nonce` do not count."""

    account: int
    last_nonce: int
    cancelled_at_s: int


class KeyGranted(NamedTuple):
    """A key of the house, which counts from `from_s` on; `role` is a protocol.roles.Role."""

    address: bytes
    role: int
    budget_micro: int
    from_s: int


class KeyRetired(NamedTuple):
    address: bytes


class LimitsChanged(NamedTuple):
    """LimitsProposed, with the time from which they can be applied, or LimitsSet."""

    market_cap_micro: int
    fixture_cap_micro: int
    accumulator_cap_micro: int
    receipt_reserve_micro: int
    from_s: int | None


class HouseFunded(NamedTuple):
    amount_micro: int


class HouseReleased(NamedTuple):
    receiver: bytes
    amount_micro: int


class RoleSet(NamedTuple):
    """A change of a role or flag; `value` is 1 for granted, 0 for revoked, or a number."""

    contract: str
    role: str
    subject: bytes | None
    value: int


class ResultsSet(NamedTuple):
    """ResultsPublished, or ResultCorrected, which has no time of publication."""

    results: list[ResultWord]
    published_at_s: int | None
    final_at_s: int


class ResultDisputed(NamedTuple):
    fixture: bytes
    by: bytes
    bond_micro: int
    final_at_s: int


class DisputeClosed(NamedTuple):
    fixture: bytes
    by: bytes
    bond_micro: int
    refunded: bool


class BondsPaid(NamedTuple):
    to: bytes
    amount_micro: int


class CouncilSet(NamedTuple):
    """CouncilProposed, with the time from which it can be appointed, or CouncilAppointed, with its
    term."""

    signers: list[bytes]
    threshold: int
    arbiter: bytes
    from_s: int | None
    term: int | None


class CommissionMoved(NamedTuple):
    """CommissionCharged, with the highest profit that was charged, or CommissionPaid, with the
    amount; and what is owed after it."""

    high_water_mark_micro: int | None
    paid_micro: int | None
    owed_micro: int


class SharesTransferred(NamedTuple):
    sender: bytes
    receiver: bytes
    shares: int


class SharesApproved(NamedTuple):
    owner: bytes
    spender: bytes
    shares: int


class SharesBought(NamedTuple):
    """The bankroll's event Deposit; assets are in units of the token."""

    sender: bytes
    owner: bytes
    assets: int
    shares: int


class SharesSold(NamedTuple):
    """The bankroll's event Withdraw; assets are in units of the token."""

    sender: bytes
    receiver: bytes
    owner: bytes
    assets: int
    shares: int


Event = (
    AccountOpened
    | Deposited
    | Withdrawn
    | ExitRequested
    | BatchPlaced
    | BatchSettled
    | CashedOut
    | BetReplaced
    | Relayed
    | SelfExcluded
    | NoncesCancelled
    | KeyGranted
    | KeyRetired
    | LimitsChanged
    | HouseFunded
    | HouseReleased
    | RoleSet
    | ResultsSet
    | ResultDisputed
    | DisputeClosed
    | BondsPaid
    | CouncilSet
    | CommissionMoved
    | SharesTransferred
    | SharesApproved
    | SharesBought
    | SharesSold
)


class Logged(NamedTuple):
    """An event and its place on the chain."""

    block: int
    log_index: int
    tx_hash: bytes
    event: Event
