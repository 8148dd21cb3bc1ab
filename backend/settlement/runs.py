"""Owns which decided bets are settled together: runs within a batch, runs within a transaction;
pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from backend.transactions.contracts import Run
from protocol.limits import MARKET_LIST_MAX
from protocol.placed_batch import PlacedBatch
from protocol.records import (
    RECORD_HEAD_BYTES,
    RECORD_LEG_BYTES,
    pack_markets,
    unpack_markets,
    unpack_records,
)

# A bet in the middle of a run that is settled already, or not decided yet, costs its call data and
# its hash, some 800 gas; a run of its own costs markets, a proof and an event, some 9,000.
MAX_GAP = 8

# The most that each can take: every bet of another account on another market, call data included.
_GAS_A_TRANSACTION = 60_000
_GAS_A_RUN = 60_000
_GAS_A_BET = 12_000
_GAS_A_LEG = 16_000
_GAS_A_MARKET_BYTE = 120


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


def shared(runs: Iterable[Run]) -> list[Run]:
    """The same runs, each market listed once for as many as can share it: parts of batches come
    first, and refer to the markets of the first of them. Whole batches keep their own, which are
    what they are proven by."""
    parts: list[Run] = []
    wholes: list[Run] = []
    group: list[Run] = []
    ids: dict[bytes, int] = {}
    for run_ in runs:
        if _is_whole(run_):
            wholes.append(run_)
            continue
        _, own = unpack_markets(run_.markets)
        if len(ids.keys() | set(own)) > MARKET_LIST_MAX:
            parts += _sharing(group, ids)
            group, ids = [], {}
        for market in own:
            ids.setdefault(market, len(ids))
        group.append(run_)
    return [*parts, *_sharing(group, ids), *wholes]


def _is_whole(run_: Run) -> bool:
    """Whether it is proven by the root alone, not by its neighbours."""
    return run_.bets > 1 and len(run_.proof) == 1


def _sharing(runs: Sequence[Run], ids: Mapping[bytes, int]) -> Iterator[Run]:
    """Runs whose records refer to `ids`, which the first of them lists."""
    for place, run_ in enumerate(runs):
        base_s, own = unpack_markets(run_.markets)
        records = b"".join(
            replace(
                record,
                legs=tuple(replace(leg, market=ids[own[leg.market]]) for leg in record.legs),
            ).pack()
            for record in unpack_records(run_.records)
        )
        listed = [] if place else list(ids)
        yield replace(run_, markets=pack_markets(base_s, listed), records=records)


def gas_of(run_: Run) -> int:
    """The most gas that a run takes."""
    legs = (len(run_.records) - RECORD_HEAD_BYTES * run_.bets) // RECORD_LEG_BYTES
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
