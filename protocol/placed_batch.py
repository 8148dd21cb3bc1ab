"""Reads a batch as its event reports it, and proves the parts of it that are settled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from eth_utils.crypto import keccak

from protocol.limits import BATCH_COUNTS_BYTES, LISTED_MARKET_BYTES, PAYOUT_BYTES, SKIP_BYTES
from protocol.range_proof import commitment, prove, root
from protocol.records import (
    BetRecord,
    PackedInvalid,
    pack_markets,
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


@dataclass(frozen=True, slots=True)
class Skip:
    """A slip that the contract left out: whose, which nonce, why."""

    account: int
    nonce: int
    reason: SkipReason


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


def unpack_placed(data: bytes) -> tuple[PlacedBatch, tuple[Skip, ...]]:
    """Read the data of a BatchPlaced event. Raises PackedInvalid."""
    if len(data) < BATCH_COUNTS_BYTES:
        raise PackedInvalid("the counts of BatchPlaced are truncated")
    at = BATCH_COUNTS_BYTES + 5 + LISTED_MARKET_BYTES * data[2]
    base_s, markets = unpack_markets(data[BATCH_COUNTS_BYTES:at])
    records: list[BetRecord] = []
    for _ in range(int.from_bytes(data[:2], "big")):
        record, at = BetRecord.unpack(data, at)
        records.append(record)
    if (len(data) - at) % SKIP_BYTES:
        raise PackedInvalid("the skipped slips of BatchPlaced are truncated")
    skips = tuple(
        Skip(
            int.from_bytes(data[s : s + 4], "big"),
            int.from_bytes(data[s + 4 : s + 7], "big"),
            SkipReason(data[s + 7]),
        )
        for s in range(at, len(data), SKIP_BYTES)
    )
    return PlacedBatch(base_s, tuple(markets), tuple(records)), skips


def unpack_payouts(data: bytes) -> dict[int, int]:
    """Payouts of a BatchSettled event in micro-units by bet number; a bet that is settled but
    missing here was paid nothing."""
    if len(data) % PAYOUT_BYTES:
        raise PackedInvalid("the payouts of BatchSettled are truncated")
    return {
        data[at]: int.from_bytes(data[at + 1 : at + PAYOUT_BYTES], "big")
        for at in range(0, len(data), PAYOUT_BYTES)
    }
