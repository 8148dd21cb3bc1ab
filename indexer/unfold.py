"""Owns unfolding packed batches into bets, fast; pure.

Unlike `indexer.packed`, which is strict, this takes every batch that the contract takes: a market
may be listed that no bet is on, and that does not exist.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from indexer.packed import PackedInvalid, unpack_markets

_COUNTS = 3
_MARKET_ID = 26
_SKIP_ENTRY = 8
_PAYOUT_ENTRY = 9
_ODDS_ONE = 10_000
_LEG = struct.Struct(">BBI")
# account 4, nonce 3 (in two parts), stake 8, accepted 2, legs 1; and the first leg
_SINGLE = struct.Struct(">IBHQHBBBI")
_HEAD_SIZE = _SINGLE.size - _LEG.size
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

    markets: bytes
    records: bytes
    bets: list[Bet]
    skips: list[Skip]


def unfold(data: bytes) -> Unfolded:
    """Read the data of a BatchPlaced event. Raises PackedInvalid."""
    try:
        records_at = _COUNTS + 5 + _MARKET_ID * data[2]
        markets = data[_COUNTS:records_at]
        bets, end = _bets(markets, data, records_at, int.from_bytes(data[:2], "big"))
        if (len(data) - end) % _SKIP_ENTRY:
            raise PackedInvalid("the batch's event is cut short or followed by more")
        skips = [
            Skip(account, high << 16 | low, reason)
            for account, high, low, reason in _SKIP.iter_unpack(data[end:])
        ]
    except (struct.error, IndexError) as error:
        raise PackedInvalid(f"the batch's event is cut short: {error}") from error
    return Unfolded(markets, data[records_at:end], bets, skips)


def unfold_records(markets: bytes, records: bytes, placed: int) -> list[Bet]:
    """The bets of a batch as the mirror keeps it. Raises PackedInvalid."""
    try:
        bets, end = _bets(markets, records, 0, placed)
    except (struct.error, IndexError) as error:
        raise PackedInvalid(f"the batch's records are cut short: {error}") from error
    if end != len(records):
        raise PackedInvalid("the batch's records are followed by more")
    return bets


def with_stake(record: bytes, stake_micro: int) -> bytes:
    """A bet's record with another stake: what is left of it after a part was cashed out."""
    return record[:7] + stake_micro.to_bytes(8, "big") + record[15:]


def unfold_payouts(data: bytes) -> dict[int, int]:
    """Payouts of a BatchSettled event by bet number; who is missing was paid nothing. Raises
    PackedInvalid."""
    if len(data) % _PAYOUT_ENTRY:
        raise PackedInvalid("the event's payouts are cut short")
    return {
        data[at]: int.from_bytes(data[at + 1 : at + _PAYOUT_ENTRY], "big")
        for at in range(0, len(data), _PAYOUT_ENTRY)
    }


def _bets(packed: bytes, data: bytes, at: int, count: int) -> tuple[list[Bet], int]:
    base_s, markets = unpack_markets(packed)
    bets: list[Bet] = []
    for _ in range(count):
        # Nearly every bet is a single, and no record is shorter.
        account, high, low, stake, accepted, leg_count, index, outcome, odds = _SINGLE.unpack_from(
            data, at
        )
        if leg_count == 1:
            at += _SINGLE.size
            payout = stake * odds // _ODDS_ONE
            legs = [Leg(markets[index], outcome, odds)]
        else:
            at += _HEAD_SIZE
            legs = []
            payout, one = stake, 1
            for _ in range(leg_count):
                index, outcome, odds = _LEG.unpack_from(data, at)
                at += _LEG.size
                legs.append(Leg(markets[index], outcome, odds))
                payout *= odds
                one *= _ODDS_ONE
            payout //= one
        bets.append(Bet(account, high << 16 | low, stake, base_s + accepted, payout, legs))
    return bets, at
