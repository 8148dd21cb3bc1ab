"""Reads the bets of many batches at once, column by column, with numpy; does no I/O.

`batch_reader` reads single bets, where few are needed. Here every bet becomes a row, and numpy does
for all of them what Python would do for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.limits import MAX_MICRO, ODDS_ONE_E4
from protocol.payout import full_payout_down, single_payout_down
from protocol.placed_event import PlacedParts
from protocol.records import (
    RECORD_HEAD_BYTES,
    RECORD_LEG_BYTES,
    PackedInvalid,
    nonce_of,
    unpack_markets,
)

Ints = NDArray[np.int64]

_HEAD = np.dtype(
    [
        *(("account", ">u4"), ("nonce_high", "u1"), ("nonce_low", ">u2"), ("stake", ">u8")),
        *(("accepted", ">u2"), ("legs", "u1")),
    ]
)
_LEG = np.dtype([("market", "u1"), ("outcome", "u1"), ("odds", ">u4")])
assert (_HEAD.itemsize, _LEG.itemsize) == (RECORD_HEAD_BYTES, RECORD_LEG_BYTES)
_PAYOUT_TOO_LARGE = "the payout of a bet exceeds what the contract can hold"
_LIMB = 32


class BetColumns(NamedTuple):
    """One entry per bet, batch after batch. `batch` is an index into the batches that were read,
    `number` the bet's number in its batch. Amounts are in micro-units, times in unix seconds."""

    batch: Ints
    number: Ints
    account: Ints
    nonce: Ints
    stake_micro: Ints
    accepted_at_s: Ints
    legs: Ints
    payout_max_micro: Ints


class LegColumns(NamedTuple):
    """One entry per leg, bet after bet. `bet` and `market` are indexes into `Columns`, `number` is
    the leg's number in its bet."""

    bet: Ints
    number: Ints
    market: Ints
    outcome: Ints
    odds_e4: Ints


class Columns(NamedTuple):
    """The bets of some batches, their legs, and the markets that the batches list, each once."""

    bets: BetColumns
    legs: LegColumns
    markets: list[bytes]


def read_columns(batches: Sequence[PlacedParts]) -> Columns:
    """Read the bets of some batches. Raises PackedInvalid."""
    counts = ints([len(parts.starts) for parts in batches])
    batch, number = _enumerate_parts(counts)
    sizes = ints([len(parts.records) for parts in batches])
    starts = ints(list(chain.from_iterable(parts.starts for parts in batches)))
    starts += (np.cumsum(sizes) - sizes)[batch]
    records = b"".join(parts.records for parts in batches)

    head = _structs_at(records, _HEAD, starts)
    leg_counts = head["legs"].astype(np.int64)
    bet, leg = _enumerate_parts(leg_counts)
    at_leg = _structs_at(records, _LEG, starts[bet] + _HEAD.itemsize + leg * _LEG.itemsize)
    markets = _list_markets(batches)
    if (at_leg["market"] >= np.diff(markets.starts)[batch[bet]]).any():
        raise PackedInvalid("a bet is on a market that its batch does not list")
    odds = at_leg["odds"].astype(np.int64)
    if (head["stake"] > MAX_MICRO).any():
        raise PackedInvalid("a stake exceeds what the contract can hold")
    stake = head["stake"].astype(np.int64)
    return Columns(
        BetColumns(
            batch,
            number,
            head["account"].astype(np.int64),
            nonce_of(head["nonce_high"].astype(np.int64), head["nonce_low"].astype(np.int64)),
            stake,
            markets.bases_s[batch] + head["accepted"],
            leg_counts,
            _payouts(stake, leg_counts, odds),
        ),
        LegColumns(
            bet,
            leg,
            markets.listed[markets.starts[batch[bet]] + at_leg["market"]],
            at_leg["outcome"].astype(np.int64),
            odds,
        ),
        markets.distinct,
    )


def sums_by(groups: Ints, *amounts: Ints) -> tuple[list[int], ...]:
    """The distinct groups in ascending order and, for each list of amounts, its sums by group.
    Amounts are not negative; sums may exceed 64 bits."""
    names, place = np.unique(groups, return_inverse=True)
    found = [names.tolist()]
    for values in amounts:
        low, high = np.zeros((2, len(names)), np.int64)
        np.add.at(low, place, values & (1 << _LIMB) - 1)
        np.add.at(high, place, values >> _LIMB)
        found.append(
            [(h << _LIMB) + part for h, part in zip(high.tolist(), low.tolist(), strict=True)]
        )
    return tuple(found)


def ints(values: Sequence[int]) -> Ints:
    """Values as an array. Raises PackedInvalid when one does not fit 64 bits."""
    try:
        return np.array(values, np.int64)
    except OverflowError as error:
        raise PackedInvalid("an event has an integer of more than 64 bits") from error


class _ListedMarkets(NamedTuple):
    """The base time of each batch; the markets that batches list, as indexes into `distinct`, and
    where each batch's start (and the last one's end) in `listed`."""

    bases_s: Ints
    listed: Ints
    starts: Ints
    distinct: list[bytes]


def _list_markets(batches: Sequence[PlacedParts]) -> _ListedMarkets:
    numbers: dict[bytes, int] = {}
    bases: list[int] = []
    listed: list[int] = []
    starts = [0]
    for parts in batches:
        base_s, markets = unpack_markets(parts.markets)
        bases.append(base_s)
        listed += [numbers.setdefault(market, len(numbers)) for market in markets]
        starts.append(len(listed))
    return _ListedMarkets(ints(bases), ints(listed), ints(starts), list(numbers))


def _payouts(stake: Ints, leg_counts: Ints, odds: Ints) -> Ints:
    """The payout of each bet when all its legs win, rounded down."""
    firsts = np.cumsum(leg_counts) - leg_counts
    payout = stake.copy()
    single = leg_counts == 1
    stakes, prices = stake[single], odds[firsts[single]]
    # Compared as floats first, because a payout may not fit 64 bits.
    if (stakes * prices.astype(np.float64) > 2 * MAX_MICRO * ODDS_ONE_E4).any():
        raise PackedInvalid(_PAYOUT_TOO_LARGE)
    payout[single] = single_payout_down(stakes, prices)
    several = np.flatnonzero(~single)
    for index, first, count in zip(
        *(column.tolist() for column in (several, firsts[several], leg_counts[several])),
        strict=True,
    ):
        amount = full_payout_down(int(stake[index]), odds[first : first + count].tolist())
        if amount > MAX_MICRO:
            raise PackedInvalid(_PAYOUT_TOO_LARGE)
        payout[index] = amount
    if (payout > MAX_MICRO).any():
        raise PackedInvalid(_PAYOUT_TOO_LARGE)
    return payout


def _enumerate_parts(counts: Ints) -> tuple[Ints, Ints]:
    """For parts with these numbers of entries: the part of each entry, and its number there."""
    part = np.repeat(np.arange(len(counts)), counts)
    return part, np.arange(len(part)) - (np.cumsum(counts) - counts)[part]


def _structs_at(data: bytes, kind: np.dtype[Any], starts: Ints) -> NDArray[Any]:
    """The structs of a kind at these offsets."""
    # Padded, because the view covers an offset past the last byte.
    padded = data + bytes(kind.itemsize)
    return np.ndarray((len(data) + 1,), kind, padded, strides=(1,))[starts]
