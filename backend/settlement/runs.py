"""Owns which decided bets are settled together: runs within a batch, runs within a transaction;
pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backend.transactions.contracts import Run
from indexer.packed import PlacedBatch

# A bet in the middle of a run that is settled already, or not decided yet, costs its call data and
# its hash, some 800 gas; a run of its own costs markets, a proof and an event, some 9,000.
MAX_GAP = 8

# The most that each can take: every bet of another account on another market, call data included.
_GAS_A_TRANSACTION = 60_000
_GAS_A_RUN = 60_000
_GAS_A_BET = 12_000
_GAS_A_LEG = 16_000
_GAS_A_MARKET_BYTE = 120

# Bytes of a record's head, which its legs follow, and of a leg.
_HEAD_BYTES, _LEG_BYTES = 18, 6


def spans(bets: Iterable[int], max_gap: int = MAX_GAP) -> list[tuple[int, int]]:
    """Runs (first bet, number of bets) that cover the given bets of a batch; up to `max_gap` other
    bets between two of them are taken along."""
    found: list[tuple[int, int]] = []
    for bet in sorted(set(bets)):
        if found and bet - (found[-1][0] + found[-1][1]) <= max_gap:
            found[-1] = (found[-1][0], bet - found[-1][0] + 1)
        else:
            found.append((bet, 1))
    return found


def run(number: int, batch: PlacedBatch, first: int, bets: int) -> Run:
    """A run of the batch of this number, with its proof."""
    part = batch.run(first, bets)
    return Run(number, first, bets, part.markets, part.records, part.proof)


def gas_of(run_: Run) -> int:
    """The most gas that a run takes."""
    legs = (len(run_.records) - _HEAD_BYTES * run_.bets) // _LEG_BYTES
    return (
        _GAS_A_RUN
        + _GAS_A_MARKET_BYTE * len(run_.markets)
        + _GAS_A_BET * run_.bets
        + _GAS_A_LEG * legs
    )


def gas_limit(runs: Iterable[Run]) -> int:
    """Gas to allow a transaction that settles runs."""
    return _GAS_A_TRANSACTION + sum(map(gas_of, runs))


def fill(runs: Sequence[Run], gas_target: int) -> list[tuple[Run, ...]]:
    """Cut runs, in their order, into transactions of about `gas_target` gas; a run that is larger
    goes alone."""
    transactions: list[tuple[Run, ...]] = []
    current: list[Run] = []
    used = 0
    for run_ in runs:
        gas = gas_of(run_)
        if current and used + gas > gas_target:
            transactions.append(tuple(current))
            current, used = [], 0
        current.append(run_)
        used += gas
    if current:
        transactions.append(tuple(current))
    return transactions
