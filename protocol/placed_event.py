"""Reads a batch as its event reports it, and proves the parts of it that are settled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from protocol.keccak import keccak
from protocol.limits import BATCH_COUNTS_BYTES, LISTED_MARKET_BYTES, PAYOUT_BYTES
from protocol.range_proof import commitment, prove, root
from protocol.records import (
    BASE_BYTES,
    BetRecord,
    PackedInvalid,
    nonce_of,
    pack_markets,
    record_starts,
    unpack_markets,
    unpack_records,
)


class SkipReason(IntEnum):
    """Why the contract left a slip out of a batch."""

    ACCOUNT_UNKNOWN = 1
    SIGNATURE_INVALID = 2
    NONCE_USED = 3
    SLIP_EXPIRED = 4
    BALANCE_INSUFFICIENT = 5
    ODDS_BELOW_MINIMUM = 6
    MARKET_UNKNOWN = 7
    MARKET_CLOSED = 8
    ACCEPTANCE_OUTSIDE_WINDOW = 9
    STAKE_INVALID = 10
    EXPOSURE_EXCEEDED = 11
    PAYOUT_TOO_LARGE = 12
    ODDS_INVALID = 13
    EXCLUDED = 14
    LEGS_INVALID = 15
    CAP_EXCEEDED = 16
    NONCE_CANCELLED = 17
    NONCE_TOO_FAR = 18


SKIP = Struct(">IBHB")
"""account 4 | nonce 3 (high byte, low two) | reason 1"""


class Skip(NamedTuple):
    """A slip that the contract left out: whose, which nonce, why. `reason` is a SkipReason where
    the batch was read strictly; the indexer keeps the number, known or not."""

    account: int
    nonce: int
    reason: int


class PlacedParts(NamedTuple):
    """A batch split into its parts: packed markets and records, the offset of each bet's record,
    and the slips that were left out."""

    markets: bytes
    records: bytes
    starts: list[int]
    skips: list[Skip]


@dataclass(frozen=True, slots=True)
class BatchPart:
    """Some bets of a batch as a settlement sends them. The records refer to markets of `markets`.
    The proof of a part begins with the hash of the whole batch; the proof of all bets, when there
    are several, is the root."""

    first: int
    markets: bytes
    records: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PlacedBatch:
    """The bets of a batch: the time that their records count from, the packed ids of the markets
    that these refer to, and the records."""

    base_s: int
    markets: tuple[bytes, ...]
    records: tuple[BetRecord, ...]

    @property
    def market_bytes(self) -> bytes:
        """The batch's markets as the event has them."""
        return pack_markets(self.base_s, self.markets)

    @property
    def record_bytes(self) -> bytes:
        """The batch's records as the event has them."""
        return b"".join(record.pack() for record in self.records)

    @property
    def whole(self) -> bytes:
        """Hash of the number of markets, the markets and the records."""
        return keccak(bytes((len(self.markets),)) + self.market_bytes + self.record_bytes)

    @property
    def leaves(self) -> list[bytes]:
        """The Merkle leaves of the bets."""
        return [keccak(record.leaf_bytes(self.base_s, self.markets)) for record in self.records]

    @property
    def commitment(self) -> bytes:
        """What the contract stores for the batch."""
        return commitment(self.whole, self.leaves)

    def part(self, first: int = 0, bets: int | None = None) -> BatchPart:
        """The bets from `first` on, with only the markets that they need. Raises ValueError
        outside the batch."""
        if (first, bets) in ((0, None), (0, len(self.records))) and len(self.records) > 1:
            return BatchPart(0, self.market_bytes, self.record_bytes, (root(self.leaves),))
        bets = len(self.records) - first if bets is None else bets
        proof = prove(self.leaves, first, bets)
        records = self.records[first : first + bets]
        needed = sorted({leg.market for record in records for leg in record.legs})
        place = {index: i for i, index in enumerate(needed)}
        moved = (
            replace(r, legs=tuple(replace(leg, market=place[leg.market]) for leg in r.legs))
            for r in records
        )
        return BatchPart(
            first,
            pack_markets(self.base_s, [self.markets[index] for index in needed]),
            b"".join(record.pack() for record in moved),
            (self.whole, *proof),
        )


def unpack_batch(markets: bytes, records: bytes) -> PlacedBatch:
    """The batch of markets and records as its event has them. Raises PackedInvalid."""
    base_s, ids = unpack_markets(markets)
    return PlacedBatch(base_s, tuple(ids), tuple(unpack_records(records)))


def split_placed(data: bytes) -> PlacedParts:
    """Split the data of a BatchPlaced event: number of records 2 | number of markets 1 | base time
    and markets | records | skips. Raises PackedInvalid."""
    if len(data) < BATCH_COUNTS_BYTES:
        raise PackedInvalid("the data of BatchPlaced is truncated")
    records_at = BATCH_COUNTS_BYTES + BASE_BYTES + LISTED_MARKET_BYTES * data[2]
    starts, end = record_starts(data, records_at, int.from_bytes(data[:2], "big"))
    if (len(data) - end) % SKIP.size:
        raise PackedInvalid("the data of BatchPlaced is truncated, or has trailing bytes")
    skips = [
        Skip(account, nonce_of(high, low), reason)
        for account, high, low, reason in SKIP.iter_unpack(data[end:])
    ]
    starts = [at - records_at for at in starts]
    return PlacedParts(data[BATCH_COUNTS_BYTES:records_at], data[records_at:end], starts, skips)


def unpack_placed(data: bytes) -> tuple[PlacedBatch, tuple[Skip, ...]]:
    """Read the data of a BatchPlaced event strictly. Raises PackedInvalid, also for a reason that
    is not a SkipReason."""
    parts = split_placed(data)
    base_s, markets = unpack_markets(parts.markets)
    records = tuple(BetRecord.unpack(parts.records, at)[0] for at in parts.starts)
    try:
        skips = tuple(skip._replace(reason=SkipReason(skip.reason)) for skip in parts.skips)
    except ValueError as error:
        raise PackedInvalid(f"a slip was left out for an unknown reason: {error}") from error
    return PlacedBatch(base_s, tuple(markets), records), skips


def unpack_payouts(data: bytes) -> dict[int, int]:
    """Payouts of a BatchSettled event in micro-units by bet number; a bet that is settled but
    missing here was paid nothing."""
    if len(data) % PAYOUT_BYTES:
        raise PackedInvalid("the payouts of BatchSettled are truncated")
    return {
        data[at]: int.from_bytes(data[at + 1 : at + PAYOUT_BYTES], "big")
        for at in range(0, len(data), PAYOUT_BYTES)
    }
