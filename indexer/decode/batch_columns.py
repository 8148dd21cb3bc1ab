"""Owns reading the bets of many batches at once, column by column; pure.

`batch_reader` reads a bet at a time, where few are looked for. Here every bet becomes a row, and
what Python would do for each of them numpy does for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.decode.batch_reader import Unfolded
from protocol.limits import MAX_MICRO, ODDS_ONE_E4
from protocol.payout import full_payout_down
from protocol.records import RECORD_HEAD_BYTES, RECORD_LEG_BYTES, PackedInvalid, unpack_markets

Ints = NDArray[np.int64]

_HEAD = np.dtype(
    [
        *(("account", ">u4"), ("nonce_high", ">u2"), ("nonce_low", "u1"), ("stake", ">u8")),
        *(("accepted", ">u2"), ("legs", "u1")),
    ]
)
_LEG = np.dtype([("market", "u1"), ("outcome", "u1"), ("odds", ">u4")])
assert (_HEAD.itemsize, _LEG.itemsize) == (RECORD_HEAD_BYTES, RECORD_LEG_BYTES)
_PAYS_TOO_MUCH = "a bet would pay more than the contract can hold"
_LIMB = 32


class BetColumns(NamedTuple):
    """A bet an entry, one batch after the other: which of the batches, which of its bets; amounts
    in micro-units, time in unix seconds."""

    batch: Ints
    number: Ints
    account: Ints
    nonce: Ints
    stake_micro: Ints
    accepted_at_s: Ints
    legs: Ints
    payout_max_micro: Ints


class LegColumns(NamedTuple):
    """A leg an entry, one bet after the other: which of the bets, which of its legs, which of the
    markets."""

    bet: Ints
    number: Ints
    market: Ints
    outcome: Ints
    odds_e4: Ints


class Columns(NamedTuple):
    """The bets of batches, their legs, and each market that the batches list once."""

    bets: BetColumns
    legs: LegColumns
    markets: list[bytes]


def read_columns(batches: Sequence[Unfolded]) -> Columns:
    """The bets of these batches. Raises PackedInvalid."""
    counts = ints([len(unfolded.starts) for unfolded in batches])
    batch, number = _spread(counts)
    sizes = ints([len(unfolded.records) for unfolded in batches])
    starts = ints(list(chain.from_iterable(unfolded.starts for unfolded in batches)))
    starts += (np.cumsum(sizes) - sizes)[batch]
    records = b"".join(unfolded.records for unfolded in batches)

    head = _structs(records, _HEAD, starts)
    leg_counts = head["legs"].astype(np.int64)
    bet, leg = _spread(leg_counts)
    at_leg = _structs(records, _LEG, starts[bet] + _HEAD.itemsize + leg * _LEG.itemsize)
    bases, listed, firsts, markets = _markets(batches)
    if (at_leg["market"] >= np.diff(firsts)[batch[bet]]).any():
        raise PackedInvalid("a bet is on a market that its batch does not list")
    odds = at_leg["odds"].astype(np.int64)
    if (head["stake"] > MAX_MICRO).any():
        raise PackedInvalid("a stake is more than the contract can hold")
    stake = head["stake"].astype(np.int64)
    return Columns(
        BetColumns(
            batch,
            number,
            head["account"].astype(np.int64),
            head["nonce_high"].astype(np.int64) << 8 | head["nonce_low"],
            stake,
            bases[batch] + head["accepted"],
            leg_counts,
            _payouts(stake, leg_counts, odds),
        ),
        LegColumns(
            bet,
            leg,
            listed[firsts[batch[bet]] + at_leg["market"]],
            at_leg["outcome"].astype(np.int64),
            odds,
        ),
        markets,
    )


def sums_by(groups: Ints, *amounts: Ints) -> tuple[list[int], ...]:
    """The groups that there are, and for each kind of amounts their sums by group. No amount is
    below nothing; sums need not fit 64 bits."""
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
    """Raises PackedInvalid for what 64 bits do not hold."""
    try:
        return np.array(values, np.int64)
    except OverflowError as error:
        raise PackedInvalid("an event holds an integer of more than 64 bits") from error


def _markets(batches: Sequence[Unfolded]) -> tuple[Ints, Ints, Ints, list[bytes]]:
    """The time that each batch counts from; the markets that batches list, as numbers, and where
    each batch's begin and the last one's end; the markets by number."""
    numbers: dict[bytes, int] = {}
    bases: list[int] = []
    listed: list[int] = []
    firsts = [0]
    for unfolded in batches:
        base_s, markets = unpack_markets(unfolded.markets)
        bases.append(base_s)
        listed += [numbers.setdefault(market, len(numbers)) for market in markets]
        firsts.append(len(listed))
    return ints(bases), ints(listed), ints(firsts), list(numbers)


def _payouts(stake: Ints, leg_counts: Ints, odds: Ints) -> Ints:
    """What each bet pays when all its legs win, rounded down."""
    firsts = np.cumsum(leg_counts) - leg_counts
    payout = stake.copy()
    single = leg_counts == 1
    stakes, prices = stake[single], odds[firsts[single]]
    whole, part = np.divmod(stakes, ODDS_ONE_E4)
    # In floats first, since a product may not fit 64 bits.
    if (whole * prices.astype(np.float64) > 2 * MAX_MICRO).any():
        raise PackedInvalid(_PAYS_TOO_MUCH)
    payout[single] = whole * prices + part * prices // ODDS_ONE_E4
    several = np.flatnonzero(~single)
    for index, first, count in zip(
        *(column.tolist() for column in (several, firsts[several], leg_counts[several])),
        strict=True,
    ):
        amount = full_payout_down(int(stake[index]), odds[first : first + count].tolist())
        if amount > MAX_MICRO:
            raise PackedInvalid(_PAYS_TOO_MUCH)
        payout[index] = amount
    if (payout > MAX_MICRO).any():
        raise PackedInvalid(_PAYS_TOO_MUCH)
    return payout


def _spread(counts: Ints) -> tuple[Ints, Ints]:
    """For parts that have so many entries: of each entry, its part and its number there."""
    part = np.repeat(np.arange(len(counts)), counts)
    return part, np.arange(len(part)) - (np.cumsum(counts) - counts)[part]


def _structs(data: bytes, kind: np.dtype[Any], starts: Ints) -> NDArray[Any]:
    """The structs of a kind that start at these bytes."""
    # Behind the last byte no struct starts, but where there are none the view needs room, too.
    padded = data + bytes(kind.itemsize)
    return np.ndarray((len(data) + 1,), kind, padded, strides=(1,))[starts]
