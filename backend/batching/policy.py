"""Decides which waiting slips are sent now, in which batches, and which by their receipts; pure.

Their order does not matter to the contract: a slip whose nonce would make another's unusable is not
accepted (backend.accounts.nonces). Time does: a batch can state acceptance times of the last
BATCH_WINDOW seconds only. A slip that waited longer is placed alone, by its receipt, unless a match
has started: then the contract takes the receipt from the account's owner alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from protocol.limits import (
    CONTRACT_SIGNATURE_GAS,
    MARKET_LIST_MAX,
    MAX_BETS,
    MAX_SECONDS_AFTER_BASE,
    TRANSACTION_GAS_MAX,
)
from protocol.market_id import MarketId

# Upper bounds: every market and account touched for the first time, call data and event included. A
# wallet's signature check needs its whole allowance (CONTRACT_SIGNATURE_GAS, and the 64th that
# EIP-150 keeps back): with less it would silently count as a wrong signature.
_GAS_PER_BATCH = 150_000
_GAS_PER_MARKET = 35_000
_GAS_PER_SLIP = 25_000
_GAS_PER_LEG = 6_000
# The house's signature, and what the key has spent.
_GAS_PER_RECEIPT = 30_000
# A call passes on at most 63/64 of the remaining gas (EIP-150), and reaching the wallet
# costs some 2,600: together less than a twentieth.
_GAS_PER_CONTRACT_SIGNATURE = CONTRACT_SIGNATURE_GAS + CONTRACT_SIGNATURE_GAS // 20
# Call data, and its copy for the wallet.
_GAS_PER_CONTRACT_SIGNATURE_BYTE = 24


@dataclass(frozen=True, slots=True)
class WaitingLeg:
    """A leg of an accepted slip: full hash of the fixture's name, market, outcome, odds x 10^4."""

    name_hash: bytes
    market: MarketId
    outcome: int
    odds_e4: int


@dataclass(frozen=True, slots=True)
class WaitingSlip:
    """An accepted slip that is not on the chain. `signature` is compact (64 bytes), or that of a
    contract wallet; `receipt_signature` is the house's (65 bytes). With `left_out`, a batch has
    left it out for a reason that does not hold for its receipt, other than its time."""

    id: uuid.UUID
    account: int
    nonce: int
    stake_micro: int
    min_odds_e4: int
    deadline_s: int
    accepted_at_s: int
    signature: bytes
    contract_signature: bool
    receipt_signature: bytes
    left_out: bool
    legs: tuple[WaitingLeg, ...]

    @property
    def starts_at_s(self) -> int:
        """The first start among its legs."""
        return min(leg.market.starts_at_s for leg in self.legs)

    @property
    def settles(self) -> tuple[int, bytes]:
        """The last start among its legs, and that leg's market: bets that are settled together lie
        side by side in a batch, so that one run covers them."""
        return max((leg.market.starts_at_s, leg.market.pack()) for leg in self.legs)


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """Maximum number of slips in a batch, how long a slip waits for others, in seconds, and the gas
    that a batch may ask for."""

    max_slips: int
    max_age_s: int
    max_gas: int = TRANSACTION_GAS_MAX

    def __post_init__(self) -> None:
        if not 0 < self.max_slips <= MAX_BETS:
            raise ValueError(f"a batch holds 1 to {MAX_BETS} slips, not {self.max_slips}")
        if self.max_age_s < 0:
            raise ValueError("a slip cannot wait less than 0 seconds")


class HoldReason(StrEnum):
    """Why a waiting slip is not sent this time."""

    AHEAD_OF_CHAIN = "accepted later than the chain's clock"
    NOT_ENCODABLE = "its times do not fit into a batch"
    STARTED = "too late for a batch, and from the start of its match only its owner can enforce it"


@dataclass(frozen=True, slots=True)
class Sorted:
    """Waiting slips: those for a batch, those that their receipts must place, both by account and
    nonce, and why each of the others is held."""

    for_batch: list[WaitingSlip]
    by_receipt: list[WaitingSlip]
    held: dict[uuid.UUID, HoldReason]


def sort_out(
    slips: Iterable[WaitingSlip], chain_clock_s: int, latest_batch_s: int, batch_window_s: int
) -> Sorted:
    """Sort slips by how they can be placed. The next block is not earlier than `chain_clock_s`, and
    what is sent now is mined by `latest_batch_s`. A block must not be earlier than the acceptance
    of the slips in it, and a batch's not later by more than its window."""
    found = Sorted([], [], {})
    for slip in sorted(slips, key=lambda s: (s.account, s.nonce)):
        if not 0 <= slip.deadline_s - slip.accepted_at_s <= MAX_SECONDS_AFTER_BASE:
            found.held[slip.id] = HoldReason.NOT_ENCODABLE
        elif slip.accepted_at_s > chain_clock_s:
            found.held[slip.id] = HoldReason.AHEAD_OF_CHAIN
        elif slip.left_out or slip.accepted_at_s + batch_window_s < latest_batch_s:
            if slip.starts_at_s <= latest_batch_s:
                found.held[slip.id] = HoldReason.STARTED
            else:
                found.by_receipt.append(slip)
        else:
            found.for_batch.append(slip)
    return found


def plan(
    slips: Sequence[WaitingSlip], now_s: int, policy: BatchPolicy
) -> list[tuple[WaitingSlip, ...]]:
    """The batches to send now, in order; slips that settle together are sent together.

    Once any slip has waited long enough, everything is sent, since a fuller batch is cheaper per
    slip. Before that only full batches are sent, and the slips that settle last wait.
    """
    if not slips:
        return []
    batches = list(_cut(_ordered(slips), policy))
    due = min(slip.accepted_at_s for slip in slips) + policy.max_age_s <= now_s
    if not due and len(batches[-1]) < policy.max_slips:
        batches.pop()
    return batches


def _ordered(slips: Iterable[WaitingSlip]) -> list[WaitingSlip]:
    """Sort by the time at which they settle and by market, then by account and nonce."""
    return sorted(slips, key=lambda s: (s.settles, s.account, s.nonce))


def _cut(slips: Iterable[WaitingSlip], policy: BatchPolicy) -> Iterable[tuple[WaitingSlip, ...]]:
    """Cut a sequence into batches that fit."""
    batch: list[WaitingSlip] = []
    for slip in slips:
        if batch and not fits([*batch, slip], policy):
            yield tuple(batch)
            batch = []
        batch.append(slip)
    if batch:
        yield tuple(batch)


def fits(slips: Sequence[WaitingSlip], policy: BatchPolicy) -> bool:
    """Whether one batch can hold these slips. Of gas, a single slip never asks for too much."""
    base_s = min(slip.accepted_at_s for slip in slips)
    last_s = max(max(slip.deadline_s, slip.accepted_at_s) for slip in slips)
    markets = _markets(slips)
    starts = {(market.fixture, market.starts_at_s) for market in markets}
    return (
        len(slips) <= policy.max_slips
        and last_s - base_s <= MAX_SECONDS_AFTER_BASE
        and len(markets) <= MARKET_LIST_MAX
        # A table has one start per fixture, also for one that was postponed.
        and len({fixture for fixture, _ in starts}) == len(starts)
        and (len(slips) == 1 or _gas(slips, len(markets)) <= policy.max_gas)
    )


def batch_gas(slips: Sequence[WaitingSlip]) -> int:
    """An upper bound of the gas of a batch, whether its slips are placed or skipped."""
    return _gas(slips, len(_markets(slips)))


def receipt_gas(slip: WaitingSlip) -> int:
    """An upper bound of the gas of placing a slip by its receipt."""
    return batch_gas([slip]) + _GAS_PER_RECEIPT


def _markets(slips: Iterable[WaitingSlip]) -> set[MarketId]:
    return {leg.market for slip in slips for leg in slip.legs}


def _gas(slips: Sequence[WaitingSlip], markets: int) -> int:
    of_contracts = [len(slip.signature) for slip in slips if slip.contract_signature]
    return (
        _GAS_PER_BATCH
        + _GAS_PER_MARKET * markets
        + _GAS_PER_SLIP * len(slips)
        + _GAS_PER_LEG * sum(len(slip.legs) for slip in slips)
        + _GAS_PER_CONTRACT_SIGNATURE * len(of_contracts)
        + _GAS_PER_CONTRACT_SIGNATURE_BYTE * sum(of_contracts)
    )
