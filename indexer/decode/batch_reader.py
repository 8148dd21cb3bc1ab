"""Owns cutting packed batches into records, and reading these as bets; pure.

Unlike `protocol.records`, which is strict, this takes every batch that the contract takes: a market
may be listed that no bet is on, and that does not exist.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from protocol.limits import BATCH_COUNTS_BYTES, LISTED_MARKET_BYTES, MAX_MICRO, SKIP_BYTES
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
    market: bytes
    outcome: int
    odds_e4: int


class Bet(NamedTuple):
    account: int
    nonce: int
    stake_micro: int
    accepted_at_s: int
    payout_max_micro: int
    legs: list[Leg]


class Skip(NamedTuple):
    account: int
    nonce: int
    reason: int


class Unfolded(NamedTuple):
    """A batch in its parts: its markets and records as the mirror keeps them, where in these
    each bet's record starts, and the slips that were left out."""

    markets: bytes
    records: bytes
    starts: list[int]
    skips: list[Skip]

    @property
    def bets(self) -> list[Bet]:
        """The bets. Raises PackedInvalid."""
        return _bets(*self[:3])


def unfold(data: bytes) -> Unfolded:
    """The parts of a BatchPlaced event's data. Raises PackedInvalid."""
    if len(data) < BATCH_COUNTS_BYTES:
        raise PackedInvalid("the batch's event is cut short")
    records_at = BATCH_COUNTS_BYTES + 5 + LISTED_MARKET_BYTES * data[2]
    starts, end = _starts(data, records_at, int.from_bytes(data[:2], "big"))
    if (len(data) - end) % SKIP_BYTES:
        raise PackedInvalid("the batch's event is cut short or followed by more")
    skips = [
        Skip(account, high << 16 | low, reason)
        for account, high, low, reason in _SKIP.iter_unpack(data[end:])
    ]
    starts = [at - records_at for at in starts]
    return Unfolded(data[BATCH_COUNTS_BYTES:records_at], data[records_at:end], starts, skips)


def unfold_records(markets: bytes, records: bytes, placed: int) -> Unfolded:
    """The parts of a batch as the mirror keeps it. Raises PackedInvalid."""
    starts, end = _starts(records, 0, placed)
    if end != len(records):
        raise PackedInvalid("the batch's records are followed by more")
    return Unfolded(markets, records, starts, [])


def with_stake(record: bytes, stake_micro: int) -> bytes:
    """A bet's record with another stake: what is left of it after a part was cashed out. Raises
    PackedInvalid for more than the contract can hold."""
    if stake_micro > MAX_MICRO:
        raise PackedInvalid("a stake is more than the contract can hold")
    return record[:7] + stake_micro.to_bytes(8, "big") + record[15:]


def _starts(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """Where so many records start, the first of them at `at`, and where the last one ends."""
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
        raise PackedInvalid("the batch's records are cut short")
    return starts, at


def _bets(packed: bytes, records: bytes, starts: list[int]) -> list[Bet]:
    base_s, markets = unpack_markets(packed)
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
