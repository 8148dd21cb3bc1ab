"""Splits packed batches into records, and reads the records as bets; does no I/O.

Unlike `protocol.records`, which is strict, it accepts every batch that the contract accepts: a
listed market may have no bets, or a kind that does not exist.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from protocol.limits import BATCH_COUNTS_BYTES, LISTED_MARKET_BYTES, SKIP_BYTES
from protocol.payout import full_payout_down
from protocol.records import (
    RECORD_HEAD,
    RECORD_HEAD_BYTES,
    RECORD_LEG,
    RECORD_LEG_BYTES,
    PackedInvalid,
    unpack_markets,
)

_LEGS_AT = RECORD_HEAD_BYTES - 1
_SKIP = struct.Struct(">IBHB")


class Leg(NamedTuple):
    """A leg of a bet; `market` is the packed market id."""

    market: bytes
    outcome: int
    odds_e4: int


class Bet(NamedTuple):
    """A placed bet; `payout_max_micro` is paid when every leg wins."""

    account: int
    nonce: int
    stake_micro: int
    accepted_at_s: int
    payout_max_micro: int
    legs: list[Leg]


class Skip(NamedTuple):
    """A slip that the contract left out; `reason` as in `SkipReason`."""

    account: int
    nonce: int
    reason: int


class BatchParts(NamedTuple):
    """A batch split into its parts: packed markets and records as the mirror stores them, the
    offset of each bet's record, and the slips that were left out."""

    markets: bytes
    records: bytes
    starts: list[int]
    skips: list[Skip]

    @property
    def bets(self) -> list[Bet]:
        """The bets. Raises PackedInvalid."""
        return _read_bets(self.markets, self.records, self.starts)


def read_batch(data: bytes) -> BatchParts:
    """Split the data of a BatchPlaced event. Raises PackedInvalid."""
    if len(data) < BATCH_COUNTS_BYTES:
        raise PackedInvalid("the data of BatchPlaced is truncated")
    records_at = BATCH_COUNTS_BYTES + 5 + LISTED_MARKET_BYTES * data[2]
    starts, end = _starts(data, records_at, int.from_bytes(data[:2], "big"))
    if (len(data) - end) % SKIP_BYTES:
        raise PackedInvalid("the data of BatchPlaced is truncated, or has trailing bytes")
    skips = [
        Skip(account, high << 16 | low, reason)
        for account, high, low, reason in _SKIP.iter_unpack(data[end:])
    ]
    starts = [at - records_at for at in starts]
    return BatchParts(data[BATCH_COUNTS_BYTES:records_at], data[records_at:end], starts, skips)


def read_stored_batch(markets: bytes, records: bytes, placed: int) -> BatchParts:
    """Split a batch as the mirror stores it. Raises PackedInvalid."""
    starts, end = _starts(records, 0, placed)
    if end != len(records):
        raise PackedInvalid("the batch's records have trailing bytes")
    return BatchParts(markets, records, starts, [])


def _starts(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """The offsets of `count` records, the first at `at`, and where the last one ends."""
    starts: list[int] = []
    try:
        for _ in range(count):
            starts.append(at)
            legs = data[at + _LEGS_AT]
            if not legs:
                raise PackedInvalid("a bet has no legs")
            at += RECORD_HEAD_BYTES + RECORD_LEG_BYTES * legs
    except IndexError:
        at = len(data) + 1
    if at > len(data):
        raise PackedInvalid("the batch's records are truncated")
    return starts, at


def _read_bets(packed_markets: bytes, records: bytes, starts: list[int]) -> list[Bet]:
    base_s, markets = unpack_markets(packed_markets)
    bets: list[Bet] = []
    for at in starts:
        account, high, low, stake, accepted, leg_count = RECORD_HEAD.unpack_from(records, at)
        legs: list[Leg] = []
        for leg in range(leg_count):
            index, outcome, odds = RECORD_LEG.unpack_from(
                records, at + RECORD_HEAD_BYTES + leg * RECORD_LEG_BYTES
            )
            if index >= len(markets):
                raise PackedInvalid("a bet is on a market that its batch does not list")
            legs.append(Leg(markets[index], outcome, odds))
        payout = full_payout_down(stake, [leg.odds_e4 for leg in legs])
        bets.append(Bet(account, high << 16 | low, stake, base_s + accepted, payout, legs))
    return bets
