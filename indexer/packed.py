"""Owns the packed bytes of batches as calls and events carry them; does no I/O.

All integers are big-endian. `Table` lists the fixtures and markets of a batch once, and a
`BetRecord` refers to them by index. Events and settlements name markets by their ids instead,
`pack_markets`. A leaf of the batch's Merkle tree says all about its bet and nothing about the
batch, `leaf_bytes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from eth_utils.crypto import keccak

from indexer.market_id import FIXTURE_BYTES, IN_PLAY_FLAG, Kind, MarketId, Period
from indexer.range_proof import commitment, prove, root

MAX_BETS = 256
MAX_LEGS = 12
MAX_NONCE = 2**24 - 1
ODDS_ONE_E4 = 10_000

_FIXTURE_ENTRY = 37
_MARKET_ENTRY = 6
_RECORD_HEAD = 18
_LEG_ENTRY = 6
_SKIP_ENTRY = 8
_PAYOUT_ENTRY = 9
_MARKET_ID = 26
_EVENT_HEAD = 3


class PackedInvalid(ValueError):
    """The bytes are not what the contract emits or takes."""


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
class TableFixture:
    """A fixture of the table: full hash of its name (32 bytes) and its start (unix seconds)."""

    name_hash: bytes
    starts_at_s: int


@dataclass(frozen=True, slots=True)
class TableMarket:
    """A market of the table; `fixture` is an index into the table's fixtures."""

    fixture: int
    kind: Kind
    period: Period
    line_q: int
    in_play: bool


@dataclass(frozen=True, slots=True)
class Table:
    """What the records of one batch refer to. Times of records count from `base_s`."""

    base_s: int
    fixtures: tuple[TableFixture, ...]
    markets: tuple[TableMarket, ...]

    def pack(self) -> bytes:
        """The bytes that start a batch call."""
        parts = [self.base_s.to_bytes(5, "big"), bytes((len(self.fixtures),))]
        parts += [f.name_hash + f.starts_at_s.to_bytes(5, "big") for f in self.fixtures]
        parts.append(bytes((len(self.markets),)))
        parts += [
            bytes((m.fixture, m.kind, m.period))
            + m.line_q.to_bytes(2, "big", signed=True)
            + bytes((IN_PLAY_FLAG if m.in_play else 0,))
            for m in self.markets
        ]
        return b"".join(parts)

    @classmethod
    def unpack(cls, data: bytes) -> tuple[Table, int]:
        """Read the table at the start of `data`; returns it and its length in bytes."""
        end = table_length(data)
        fixtures_end = 6 + _FIXTURE_ENTRY * data[5]
        fixtures = tuple(
            TableFixture(data[at : at + 32], int.from_bytes(data[at + 32 : at + 37], "big"))
            for at in range(6, fixtures_end, _FIXTURE_ENTRY)
        )
        markets = tuple(
            TableMarket(
                fixture=data[at],
                kind=Kind(data[at + 1]),
                period=Period(data[at + 2]),
                line_q=int.from_bytes(data[at + 3 : at + 5], "big", signed=True),
                in_play=bool(data[at + 5]),
            )
            for at in range(fixtures_end + 1, end, _MARKET_ENTRY)
        )
        return cls(int.from_bytes(data[:5], "big"), fixtures, markets), end

    @classmethod
    def build(cls, base_s: int, markets: Iterable[tuple[bytes, MarketId]]) -> Table:
        """The table of a batch from (full hash of the fixture's name, market) pairs, each market
        once and in ascending order of id, as the contract demands. Raises PackedInvalid when a
        fixture comes with two starts, which no batch can carry."""
        by_id = {market.pack(): (name_hash, market) for name_hash, market in markets}
        ordered = [by_id[key] for key in sorted(by_id)]
        fixtures = list(dict.fromkeys(TableFixture(h, m.starts_at_s) for h, m in ordered))
        if len({fixture.name_hash for fixture in fixtures}) < len(fixtures):
            raise PackedInvalid("a fixture with two starts does not fit one batch")
        return cls(
            base_s,
            tuple(fixtures),
            tuple(
                TableMarket(
                    fixtures.index(TableFixture(name_hash, market.starts_at_s)),
                    market.kind,
                    market.period,
                    market.line_q,
                    market.in_play,
                )
                for name_hash, market in ordered
            ),
        )

    def market_id(self, index: int) -> MarketId:
        """The self-describing id of the table's market number `index`."""
        market = self.markets[index]
        fixture = self.fixtures[market.fixture]
        return MarketId(
            fixture=fixture.name_hash[:FIXTURE_BYTES],
            starts_at_s=fixture.starts_at_s,
            kind=market.kind,
            period=market.period,
            line_q=market.line_q,
            in_play=market.in_play,
        )


def table_length(data: bytes) -> int:
    """Bytes that the table at the start of `data` takes. Raises PackedInvalid when cut short."""
    if len(data) < 7:
        raise PackedInvalid("a table has at least 7 bytes")
    markets_at = 6 + _FIXTURE_ENTRY * data[5]
    if len(data) <= markets_at:
        raise PackedInvalid("the table's fixtures are cut short")
    end = markets_at + 1 + _MARKET_ENTRY * data[markets_at]
    if len(data) < end:
        raise PackedInvalid("the table's markets are cut short")
    return end


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One leg: index of the market in the table, outcome number, odds x 10^4."""

    market: int
    outcome: int
    odds_e4: int


@dataclass(frozen=True, slots=True)
class BetRecord:
    """A placed bet. Its legs refer to markets by index."""

    account: int
    nonce: int
    stake_micro: int
    accepted_after_s: int
    legs: tuple[LegRecord, ...]

    def pack(self) -> bytes:
        """18 + 6 x legs bytes."""
        return (
            self.account.to_bytes(4, "big")
            + self.nonce.to_bytes(3, "big")
            + self.stake_micro.to_bytes(8, "big")
            + self.accepted_after_s.to_bytes(2, "big")
            + bytes((len(self.legs),))
            + b"".join(
                bytes((leg.market, leg.outcome)) + leg.odds_e4.to_bytes(4, "big")
                for leg in self.legs
            )
        )

    @classmethod
    def unpack(cls, data: bytes, at: int = 0) -> tuple[BetRecord, int]:
        """Read the record at offset `at`; returns it and the offset behind it."""
        if len(data) < at + _RECORD_HEAD:
            raise PackedInvalid("a record is cut short")
        legs_at = at + _RECORD_HEAD
        end = legs_at + _LEG_ENTRY * data[at + 17]
        if len(data) < end:
            raise PackedInvalid("a record's legs are cut short")
        legs = tuple(
            LegRecord(data[leg], data[leg + 1], int.from_bytes(data[leg + 2 : leg + 6], "big"))
            for leg in range(legs_at, end, _LEG_ENTRY)
        )
        return (
            cls(
                account=int.from_bytes(data[at : at + 4], "big"),
                nonce=int.from_bytes(data[at + 4 : at + 7], "big"),
                stake_micro=int.from_bytes(data[at + 7 : at + 15], "big"),
                accepted_after_s=int.from_bytes(data[at + 15 : at + 17], "big"),
                legs=legs,
            ),
            end,
        )

    def leaf_bytes(self, base_s: int, markets: Sequence[bytes]) -> bytes:
        """What the Merkle leaf hashes: 32 bytes a leg, then 23. `markets` are packed ids."""
        legs = b"".join(
            markets[leg.market][:_MARKET_ID]
            + bytes((0, leg.outcome))
            + leg.odds_e4.to_bytes(4, "big")
            for leg in self.legs
        )
        return legs + self.pack()[:_RECORD_HEAD] + base_s.to_bytes(5, "big")

    @property
    def payout_max_micro(self) -> int:
        """What the bet pays when every leg wins, rounded down."""
        payout = self.stake_micro
        for leg in self.legs:
            payout *= leg.odds_e4
        return int(payout // ODDS_ONE_E4 ** len(self.legs))


@dataclass(frozen=True, slots=True)
class Skip:
    """A slip that the contract left out: whose, which nonce, why."""

    account: int
    nonce: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Run:
    """Some bets of a batch as a settlement takes them. The records refer to markets of `markets`;
    the proof begins with the hash of the whole batch or, for all of several bets, is the root."""

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

    def run(self, first: int = 0, bets: int | None = None) -> Run:
        """The bets from `first` on, with only the markets that they need. Raises ValueError
        outside the batch."""
        if (first, bets) in ((0, None), (0, len(self.records))) and len(self.records) > 1:
            return Run(0, self.market_bytes, self.record_bytes, (root(self.leaves),))
        bets = len(self.records) - first if bets is None else bets
        proof = prove(self.leaves, first, bets)
        records = self.records[first : first + bets]
        needed = sorted({leg.market for record in records for leg in record.legs})
        place = {index: i for i, index in enumerate(needed)}
        moved = (
            replace(r, legs=tuple(replace(leg, market=place[leg.market]) for leg in r.legs))
            for r in records
        )
        return Run(
            first,
            pack_markets(self.base_s, [self.markets[index] for index in needed]),
            b"".join(record.pack() for record in moved),
            (self.whole, *proof),
        )


def unpack_batch(markets: bytes, records: bytes) -> PlacedBatch:
    """The batch of markets and records as its event has them. Raises PackedInvalid."""
    base_s, ids = unpack_markets(markets)
    return PlacedBatch(base_s, tuple(ids), tuple(unpack_records(records)))


def unpack_records(data: bytes) -> Iterator[BetRecord]:
    """Records that stand behind each other. Raises PackedInvalid."""
    at = 0
    while at < len(data):
        record, at = BetRecord.unpack(data, at)
        yield record


def unpack_placed(data: bytes) -> tuple[PlacedBatch, tuple[Skip, ...]]:
    """Read the data of a BatchPlaced event. Raises PackedInvalid."""
    if len(data) < _EVENT_HEAD:
        raise PackedInvalid("the event's counts are cut short")
    at = _EVENT_HEAD + 5 + _MARKET_ID * data[2]
    base_s, markets = unpack_markets(data[_EVENT_HEAD:at])
    records: list[BetRecord] = []
    for _ in range(int.from_bytes(data[:2], "big")):
        record, at = BetRecord.unpack(data, at)
        records.append(record)
    if (len(data) - at) % _SKIP_ENTRY:
        raise PackedInvalid("the event's skipped slips are cut short")
    skips = tuple(
        Skip(
            int.from_bytes(data[s : s + 4], "big"),
            int.from_bytes(data[s + 4 : s + 7], "big"),
            SkipReason(data[s + 7]),
        )
        for s in range(at, len(data), _SKIP_ENTRY)
    )
    return PlacedBatch(base_s, tuple(markets), tuple(records)), skips


def pack_markets(base_s: int, markets: Iterable[bytes]) -> bytes:
    """The markets of a run from packed ids, and the time from which its records count."""
    return base_s.to_bytes(5, "big") + b"".join(market[:_MARKET_ID] for market in markets)


def unpack_markets(data: bytes) -> tuple[int, list[bytes]]:
    """The inverse of `pack_markets`. Raises PackedInvalid."""
    if len(data) < 5 or (len(data) - 5) % _MARKET_ID:
        raise PackedInvalid("the markets of a run are cut short")
    ids = [data[at : at + _MARKET_ID] + bytes(6) for at in range(5, len(data), _MARKET_ID)]
    return int.from_bytes(data[:5], "big"), ids


def split_records(data: bytes) -> Iterator[bytes]:
    """Cut concatenated records into one bytes object each."""
    at = 0
    while at < len(data):
        _, end = BetRecord.unpack(data, at)
        yield data[at:end]
        at = end


def unpack_payouts(data: bytes) -> dict[int, int]:
    """Payouts of a BatchSettled event in micro-units by bet number; a bet that is settled but
    missing here was paid nothing."""
    if len(data) % _PAYOUT_ENTRY:
        raise PackedInvalid("the event's payouts are cut short")
    return {
        data[at]: int.from_bytes(data[at + 1 : at + _PAYOUT_ENTRY], "big")
        for at in range(0, len(data), _PAYOUT_ENTRY)
    }


@dataclass(frozen=True, slots=True)
class SlipEntry:
    """A slip as `placeBatch` takes it: the record that it would become, what the bettor asked
    for, and the signature (64 bytes compact, or `contract_signature` of an ERC-1271 wallet)."""

    record: BetRecord
    min_odds_e4: int
    deadline_after_s: int
    signature: bytes
    contract_signature: bool = False

    def pack(self) -> bytes:
        """The slip's bytes in the batch call. Raises PackedInvalid for a malformed signature."""
        if not self.contract_signature and len(self.signature) != 64:
            raise PackedInvalid("an owner's signature is 64 bytes, in the compact form of EIP-2098")
        if self.contract_signature and not 0 < len(self.signature) < 2**16:
            raise PackedInvalid("a contract wallet's signature has 1 to 65,535 bytes")
        length = len(self.signature) if self.contract_signature else 0
        return (
            self.record.pack()
            + self.min_odds_e4.to_bytes(5, "big")
            + self.deadline_after_s.to_bytes(2, "big")
            + length.to_bytes(2, "big")
            + self.signature
        )


def pack_batch(table: Table, slips: Sequence[SlipEntry]) -> bytes:
    """The argument of `placeBatch`. Raises PackedInvalid above 256 slips."""
    if not 0 < len(slips) <= MAX_BETS:
        raise PackedInvalid(f"a batch holds 1 to {MAX_BETS} slips, not {len(slips)}")
    return table.pack() + len(slips).to_bytes(2, "big") + b"".join(s.pack() for s in slips)
