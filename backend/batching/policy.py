"""Decides which waiting slips are sent now, in which batches and in which order; pure.

Order matters for one reason: the contract keeps an account's highest nonce and a window of the 8
below it. A slip that is placed after a far higher nonce of its account would be skipped, so no slip
is sent after a later one of its account.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from protocol.limits import MARKET_LIST_MAX, MAX_BETS, MAX_SECONDS_AFTER_BASE
from protocol.market_id import MarketId


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
    contract wallet."""

    id: uuid.UUID
    account: int
    nonce: int
    stake_micro: int
    min_odds_e4: int
    deadline_s: int
    accepted_at_s: int
    signature: bytes
    contract_signature: bool
    legs: tuple[WaitingLeg, ...]

    @property
    def settles(self) -> tuple[int, bytes]:
        """The last start among its legs, and that leg's market: bets that are settled together lie
        side by side in a batch, so that one run covers them."""
        return max((leg.market.starts_at_s, leg.market.pack()) for leg in self.legs)


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """Maximum number of slips in a batch, and how long a slip waits for others, in seconds."""

    max_slips: int
    max_age_s: int

    def __post_init__(self) -> None:
        if not 0 < self.max_slips <= MAX_BETS:
            raise ValueError(f"a batch holds 1 to {MAX_BETS} slips, not {self.max_slips}")
        if self.max_age_s < 0:
            raise ValueError("a slip cannot wait less than 0 seconds")


class HoldReason(StrEnum):
    """Why a waiting slip is not sent this time."""

    AHEAD_OF_CHAIN = "accepted later than the chain's clock"
    BEHIND_NONCE = "an earlier nonce of its account is held"
    NOT_ENCODABLE = "its times do not fit into a batch"


def ready(
    slips: Iterable[WaitingSlip], chain_clock_s: int
) -> tuple[list[WaitingSlip], dict[uuid.UUID, HoldReason]]:
    """The slips that the next block can place, by account and nonce, and why each of the others is
    held. A block must not be earlier than the acceptance of the slips in it."""
    sendable: list[WaitingSlip] = []
    held: dict[uuid.UUID, HoldReason] = {}
    waiting_accounts: set[int] = set()
    for slip in sorted(slips, key=lambda s: (s.account, s.nonce)):
        if not 0 <= slip.deadline_s - slip.accepted_at_s <= MAX_SECONDS_AFTER_BASE:
            held[slip.id] = HoldReason.NOT_ENCODABLE
        elif slip.accepted_at_s > chain_clock_s:
            held[slip.id] = HoldReason.AHEAD_OF_CHAIN
            waiting_accounts.add(slip.account)
        elif slip.account in waiting_accounts:
            held[slip.id] = HoldReason.BEHIND_NONCE
        else:
            sendable.append(slip)
    return sendable, held


def plan(
    slips: Sequence[WaitingSlip], now_s: int, policy: BatchPolicy
) -> list[tuple[WaitingSlip, ...]]:
    """The batches to send now, in order; slips that settle together are sent together.

    Once any slip has waited long enough, everything is sent, since a fuller batch is cheaper per
    slip. Before that only full batches are sent, and the slips that settle last wait.
    """
    if not slips:
        return []
    batches = list(_cut(_ordered(slips), policy.max_slips))
    due = min(slip.accepted_at_s for slip in slips) + policy.max_age_s <= now_s
    if not due and len(batches[-1]) < policy.max_slips:
        batches.pop()
    return batches


def _ordered(slips: Iterable[WaitingSlip]) -> list[WaitingSlip]:
    """Sort by the time at which they settle and by market, or earlier where a later nonce of the
    same account comes earlier; then by account and nonce."""
    keyed: list[tuple[tuple[int, bytes], int, int, WaitingSlip]] = []
    earliest: dict[int, tuple[int, bytes]] = {}
    for slip in sorted(slips, key=lambda s: (s.account, s.nonce), reverse=True):
        key = min(slip.settles, earliest.get(slip.account, slip.settles))
        earliest[slip.account] = key
        keyed.append((key, slip.account, slip.nonce, slip))
    return [slip for *_, slip in sorted(keyed, key=lambda entry: entry[:3])]


def _cut(slips: Iterable[WaitingSlip], max_slips: int) -> Iterable[tuple[WaitingSlip, ...]]:
    """Cut a sequence into batches that the packed layout can hold."""
    batch: list[WaitingSlip] = []
    for slip in slips:
        if batch and not fits([*batch, slip], max_slips):
            yield tuple(batch)
            batch = []
        batch.append(slip)
    if batch:
        yield tuple(batch)


def fits(slips: Sequence[WaitingSlip], max_slips: int) -> bool:
    """Whether one batch can hold these slips."""
    base_s = min(slip.accepted_at_s for slip in slips)
    last_s = max(max(slip.deadline_s, slip.accepted_at_s) for slip in slips)
    markets = {leg.market for slip in slips for leg in slip.legs}
    starts = {(market.fixture, market.starts_at_s) for market in markets}
    return (
        len(slips) <= max_slips
        and last_s - base_s <= MAX_SECONDS_AFTER_BASE
        and len(markets) <= MARKET_LIST_MAX
        # A table has one start per fixture, also for one that was postponed.
        and len({fixture for fixture, _ in starts}) == len(starts)
    )
