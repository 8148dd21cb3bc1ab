"""Packs and unpacks the records of bets and the lists of markets that they refer to.

All integers are big-endian. A `BetRecord` refers to markets by index. Events and settlements list
the markets by id (`pack_markets`). A leaf of the batch's Merkle tree holds everything
about its bet and nothing about the batch (`leaf_bytes`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from protocol.limits import LISTED_MARKET_BYTES, MAX_MICRO
from protocol.market_id import MARKET_BYTES
from protocol.payout import Ints, full_payout_down

RECORD_HEAD = Struct(">IBHQHB")
"""account 4 | nonce 3 (high byte, low two) | stake 8 | seconds after the base 2 | legs 1"""

RECORD_LEG = Struct(">BBI")
"""index of the market 1 | outcome 1 | odds x 10^4 4"""

RECORD_HEAD_BYTES, RECORD_LEG_BYTES = RECORD_HEAD.size, RECORD_LEG.size
_STAKE_AT, _STAKE_BYTES = struct.calcsize(">IBH"), struct.calcsize(">Q")
_LEG_COUNT_AT = RECORD_HEAD_BYTES - 1
_NONCE_LOW_BITS = 16
BASE_BYTES = 5
"""The base time before a list of markets, from which acceptance times count."""


class PackedInvalid(ValueError):
    """The bytes are not in the layout that the contract emits or accepts."""


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
        """18 + 6 x legs bytes. Raises PackedInvalid when a field does not fit."""
        return self._head() + b"".join(
            _pack(RECORD_LEG, leg.market, leg.outcome, leg.odds_e4) for leg in self.legs
        )

    @classmethod
    def unpack(cls, data: bytes, at: int = 0) -> tuple[BetRecord, int]:
        """Reads the record at offset `at`; returns it and the offset after it. Raises PackedInvalid
        when it is truncated."""
        legs_at = at + RECORD_HEAD_BYTES
        if len(data) < legs_at:
            raise PackedInvalid("a record is truncated")
        account, high, low, stake, accepted_after, leg_count = RECORD_HEAD.unpack_from(data, at)
        end = legs_at + RECORD_LEG_BYTES * leg_count
        if len(data) < end:
            raise PackedInvalid("the legs of a record are truncated")
        legs = tuple(
            LegRecord(*RECORD_LEG.unpack_from(data, leg))
            for leg in range(legs_at, end, RECORD_LEG_BYTES)
        )
        return cls(account, nonce_of(high, low), stake, accepted_after, legs), end

    def leaf_bytes(self, base_s: int, markets: Sequence[bytes]) -> bytes:
        """The preimage of the Merkle leaf: 32 bytes per leg, then 23. `markets` are packed ids. The
        market of a leg is written out, so its index is zero. Raises PackedInvalid when a field does
        not fit."""
        legs = b"".join(
            markets[leg.market][:LISTED_MARKET_BYTES]
            + _pack(RECORD_LEG, 0, leg.outcome, leg.odds_e4)
            for leg in self.legs
        )
        return legs + self._head() + base_s.to_bytes(BASE_BYTES, "big")

    def _head(self) -> bytes:
        high, low = self.nonce >> _NONCE_LOW_BITS, self.nonce & (1 << _NONCE_LOW_BITS) - 1
        fields = (self.account, high, low, self.stake_micro, self.accepted_after_s, len(self.legs))
        return _pack(RECORD_HEAD, *fields)

    @property
    def payout_max_micro(self) -> int:
        """Payout when every leg wins, rounded down."""
        return full_payout_down(self.stake_micro, [leg.odds_e4 for leg in self.legs])


def nonce_of(high: Ints, low: Ints) -> Ints:
    """The nonce of its high byte and low two bytes, of one bet or of an array of them."""
    return high << _NONCE_LOW_BITS | low


def unpack_records(data: bytes) -> Iterator[BetRecord]:
    """Reads concatenated records. Raises PackedInvalid."""
    at = 0
    while at < len(data):
        record, at = BetRecord.unpack(data, at)
        yield record


def record_starts(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """The offsets of `count` records, the first at `at`, and where the last one ends. Raises
    PackedInvalid."""
    starts: list[int] = []
    try:
        for _ in range(count):
            starts.append(at)
            legs = data[at + _LEG_COUNT_AT]
            if not legs:
                raise PackedInvalid("a bet has no legs")
            at += RECORD_HEAD_BYTES + RECORD_LEG_BYTES * legs
    except IndexError:
        at = len(data) + 1
    if at > len(data):
        raise PackedInvalid("the batch's records are truncated")
    return starts, at


def with_stake(record: bytes, stake_micro: int) -> bytes:
    """A packed record with another stake, as it continues after a part of the bet was cashed out.
    Raises PackedInvalid when the stake exceeds what the contract can hold."""
    if stake_micro > MAX_MICRO:
        raise PackedInvalid("the stake exceeds what the contract can hold")
    stake = stake_micro.to_bytes(_STAKE_BYTES, "big")
    return record[:_STAKE_AT] + stake + record[_STAKE_AT + _STAKE_BYTES :]


def pack_markets(base_s: int, markets: Iterable[bytes]) -> bytes:
    """Lists packed market ids after the base time from which acceptance times count."""
    return base_s.to_bytes(BASE_BYTES, "big") + b"".join(
        market[:LISTED_MARKET_BYTES] for market in markets
    )


def unpack_markets(data: bytes) -> tuple[int, list[bytes]]:
    """The inverse of `pack_markets`. Raises PackedInvalid."""
    if len(data) < BASE_BYTES or (len(data) - BASE_BYTES) % LISTED_MARKET_BYTES:
        raise PackedInvalid("the list of markets is truncated")
    ids = [
        data[at : at + LISTED_MARKET_BYTES] + bytes(MARKET_BYTES - LISTED_MARKET_BYTES)
        for at in range(BASE_BYTES, len(data), LISTED_MARKET_BYTES)
    ]
    return int.from_bytes(data[:BASE_BYTES], "big"), ids


def _pack(layout: Struct, *fields: int) -> bytes:
    try:
        return layout.pack(*fields)
    except struct.error as error:
        raise PackedInvalid(f"a field of the record does not fit: {error}") from error
