"""Owns unfolding packed batches into bets, fast; pure.

Unlike `indexer.packed`, which is strict, this takes every table that the contract takes: whoever
enforces a receipt chooses the batch's table, and may list markets in it that do not exist.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from indexer.packed import PackedInvalid, table_length

_FIXTURE_ENTRY = 37
_MARKET_ENTRY = 6
_SKIP_ENTRY = 8
_PAYOUT_ENTRY = 9
_ODDS_ONE = 10_000
# account 4, nonce 3 (in two parts), stake 8, accepted 2, legs 1
_HEAD = struct.Struct(">IBHQHB")
_LEG = struct.Struct(">BBI")
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
    """A BatchPlaced event's data: its parts as bytes, and what they mean."""

    table: bytes
    records: bytes
    bets: list[Bet]
    skips: list[Skip]


def unfold(data: bytes) -> Unfolded:
    """Read the data of a BatchPlaced event. Raises PackedInvalid."""
    try:
        records_at = table_length(data) + 2
        table = data[: records_at - 2]
        placed = int.from_bytes(data[records_at - 2 : records_at], "big")
        bets, end = _bets(table, data, records_at, placed)
        skipped = int.from_bytes(data[end : end + 2], "big")
        if len(data) != end + 2 + _SKIP_ENTRY * skipped:
            raise PackedInvalid("the batch's event is cut short or followed by more")
        skips = [
            Skip(account, high << 16 | low, reason)
            for account, high, low, reason in _SKIP.iter_unpack(data[end + 2 :])
        ]
    except (struct.error, IndexError) as error:
        raise PackedInvalid(f"the batch's event is cut short: {error}") from error
    return Unfolded(table, data[records_at:end], bets, skips)


def unfold_records(table: bytes, records: bytes, placed: int) -> list[Bet]:
    """The bets of a batch as the mirror keeps it. Raises PackedInvalid."""
    try:
        bets, end = _bets(table, records, 0, placed)
    except (struct.error, IndexError) as error:
        raise PackedInvalid(f"the batch's records are cut short: {error}") from error
    if end != len(records):
        raise PackedInvalid("the batch's records are followed by more")
    return bets


def split_records(records: bytes) -> list[bytes]:
    """Cut concatenated records into one bytes object each: the leaves of the batch's tree. Raises
    PackedInvalid."""
    parts: list[bytes] = []
    at = 0
    while at < len(records):
        legs_at = at + _HEAD.size
        end = legs_at + _LEG.size * records[legs_at - 1] if legs_at <= len(records) else legs_at
        if end > len(records):
            raise PackedInvalid("the batch's records are cut short")
        parts.append(records[at:end])
        at = end
    return parts


def unfold_payouts(data: bytes) -> dict[int, int]:
    """Payouts of a BatchSettled event by bet number; who is missing was paid nothing. Raises
    PackedInvalid."""
    if len(data) % _PAYOUT_ENTRY:
        raise PackedInvalid("the event's payouts are cut short")
    return {
        data[at]: int.from_bytes(data[at + 1 : at + _PAYOUT_ENTRY], "big")
        for at in range(0, len(data), _PAYOUT_ENTRY)
    }


def markets_of(table: bytes) -> list[bytes]:
    """The market ids of a table, by index."""
    fixtures = [
        table[at : at + 16] + table[at + 32 : at + _FIXTURE_ENTRY]
        for at in range(6, 6 + _FIXTURE_ENTRY * table[5], _FIXTURE_ENTRY)
    ]
    first = 7 + _FIXTURE_ENTRY * table[5]
    return [
        fixtures[table[at]] + table[at + 1 : at + _MARKET_ENTRY] + bytes(6)
        for at in range(first, len(table), _MARKET_ENTRY)
    ]


def _bets(table: bytes, data: bytes, at: int, count: int) -> tuple[list[Bet], int]:
    markets = markets_of(table)
    base_s = int.from_bytes(table[:5], "big")
    bets: list[Bet] = []
    for _ in range(count):
        account, high, low, stake, accepted, leg_count = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        legs: list[Leg] = []
        payout, one = stake, 1
        for _ in range(leg_count):
            index, outcome, odds = _LEG.unpack_from(data, at)
            at += _LEG.size
            legs.append(Leg(markets[index], outcome, odds))
            payout *= odds
            one *= _ODDS_ONE
        bets.append(Bet(account, high << 16 | low, stake, base_s + accepted, payout // one, legs))
    return bets, at
