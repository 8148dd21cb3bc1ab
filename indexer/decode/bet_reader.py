"""Reads the records of split batches as bets; does no I/O.

Unlike `protocol.records`, which is strict, it accepts every batch that the contract accepts: a
listed market may have no bets, or a kind that does not exist.
"""

from __future__ import annotations

from typing import NamedTuple

from protocol.payout import full_payout_down
from protocol.placed_event import PlacedParts
from protocol.records import (
    RECORD_HEAD,
    RECORD_HEAD_BYTES,
    RECORD_LEG,
    RECORD_LEG_BYTES,
    PackedInvalid,
    nonce_of,
    record_starts,
    unpack_markets,
)


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


def split_stored(markets: bytes, records: bytes, placed: int) -> PlacedParts:
    """Split a batch as the mirror stores it. Raises PackedInvalid."""
    starts, end = record_starts(records, 0, placed)
    if end != len(records):
        raise PackedInvalid("the batch's records have trailing bytes")
    return PlacedParts(markets, records, starts, [])


def read_bets(parts: PlacedParts) -> list[Bet]:
    """The bets of a batch. Raises PackedInvalid."""
    base_s, markets = unpack_markets(parts.markets)
    records = parts.records
    bets: list[Bet] = []
    for at in parts.starts:
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
        bets.append(Bet(account, nonce_of(high, low), stake, base_s + accepted, payout, legs))
    return bets
