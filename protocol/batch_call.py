"""Packs the argument of `placeBatch`: a table of fixtures and markets, then the slips.

All integers are big-endian. `Table` lists the fixtures and markets of a batch once, each market
in ascending order of its id, and the slips' records refer to them by index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from protocol.limits import MAX_BETS
from protocol.market_id import FIXTURE_BYTES, IN_PLAY_FLAG, STARTS_BYTES, Kind, MarketId, Period
from protocol.records import BASE_BYTES, BetRecord, PackedInvalid
from protocol.signatures import COMPACT_BYTES


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
        """The bytes that start a batch call. Raises PackedInvalid when a field, or the number of
        fixtures or markets, does not fit."""
        parts = [_uint(self.base_s, BASE_BYTES), _uint(len(self.fixtures), 1)]
        parts += [f.name_hash + _uint(f.starts_at_s, STARTS_BYTES) for f in self.fixtures]
        parts.append(_uint(len(self.markets), 1))
        parts += [
            _uint(m.fixture, 1)
            + bytes((m.kind, m.period))
            + _uint(m.line_q, 2, signed=True)
            + bytes((IN_PLAY_FLAG if m.in_play else 0,))
            for m in self.markets
        ]
        return b"".join(parts)

    @classmethod
    def build(cls, base_s: int, markets: Iterable[tuple[bytes, MarketId]]) -> Table:
        """The table of a batch from (full hash of the fixture's name, market) pairs, each market
        once and in ascending order of id, as the contract requires. Raises PackedInvalid when a
        fixture has two different starts, which a batch cannot express."""
        by_id = {market.pack(): (name_hash, market) for name_hash, market in markets}
        ordered = [by_id[key] for key in sorted(by_id)]
        fixtures = list(dict.fromkeys(TableFixture(h, m.starts_at_s) for h, m in ordered))
        if len({fixture.name_hash for fixture in fixtures}) < len(fixtures):
            raise PackedInvalid("a batch cannot hold a fixture with two different starts")
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


@dataclass(frozen=True, slots=True)
class SlipEntry:
    """A slip as `placeBatch` reads it: the record it would become, the bettor's minimum odds and
    deadline, and the signature: 64 bytes compact, or `contract_signature` for ERC-1271 wallets."""

    record: BetRecord
    min_odds_e4: int
    deadline_after_s: int
    signature: bytes
    contract_signature: bool = False

    def pack(self) -> bytes:
        """The slip's bytes in the batch call. Raises PackedInvalid when a field does not fit or the
        signature is malformed."""
        if not self.contract_signature and len(self.signature) != COMPACT_BYTES:
            raise PackedInvalid("an owner's signature is 64 bytes, in the compact form of EIP-2098")
        if self.contract_signature and not 0 < len(self.signature) < 2**16:
            raise PackedInvalid("a contract wallet's signature has 1 to 65,535 bytes")
        length = len(self.signature) if self.contract_signature else 0
        return (
            self.record.pack()
            + _uint(self.min_odds_e4, 5)
            + _uint(self.deadline_after_s, 2)
            + _uint(length, 2)
            + self.signature
        )


def pack_batch(table: Table, slips: Sequence[SlipEntry]) -> bytes:
    """The argument of `placeBatch`. Raises PackedInvalid for no slips or more than 256, and when a
    slip or the table cannot be packed."""
    if not 0 < len(slips) <= MAX_BETS:
        raise PackedInvalid(f"a batch holds 1 to {MAX_BETS} slips, not {len(slips)}")
    return table.pack() + _uint(len(slips), 2) + b"".join(s.pack() for s in slips)


def _uint(value: int, size: int, *, signed: bool = False) -> bytes:
    """Big-endian bytes of an integer. Raises PackedInvalid when it does not fit."""
    try:
        return value.to_bytes(size, "big", signed=signed)
    except OverflowError as error:
        raise PackedInvalid(f"{value} does not fit {size} bytes") from error
