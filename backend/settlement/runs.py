"""Plans which decided bets are settled together: in runs of a batch, and runs in a transaction.

Pure: it reads neither the database nor the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from protocol.limits import LISTED_MARKET_BYTES, MARKET_LIST_MAX
from protocol.placed_event import PlacedBatch
from protocol.records import (
    BASE_BYTES,
    RECORD_HEAD_BYTES,
    RECORD_LEG_BYTES,
    pack_markets,
    unpack_markets,
    unpack_records,
)

# A bet in the middle of a run that is settled already, or not decided yet, costs its call data and
# its hash, some 800 gas; a run of its own costs markets, a proof and an event, some 9,000.
MAX_GAP = 8

# Upper bounds, at least a quarter above the most that was measured, call data included, and what is
# refunded at the end not deducted: a winner of another account 6,200, a leg in play on an outcome
# that is not cached 2,700, a market that releases exposure 10,200.
_GAS_PER_TRANSACTION = 60_000
_GAS_PER_RUN = 60_000
_GAS_PER_BET = 8_000
_GAS_PER_LEG = 3_500
_GAS_PER_MARKET = 13_000


@dataclass(frozen=True, slots=True)
class Run:
    """Bets `first` to `first + bets - 1` of a batch, as `Sportsbook.settle` takes them."""

    batch: int
    first: int
    bets: int
    markets: bytes
    records: bytes
    proof: tuple[bytes, ...]


def settle_arguments(runs: Iterable[Run]) -> list[tuple[Any, ...]]:
    """Runs as the ABI has them (ISportsbook.Run)."""
    return [(run.batch, run.first, run.markets, run.records, list(run.proof)) for run in runs]


def spans(bets: Iterable[int], max_gap: int = MAX_GAP) -> list[tuple[int, int]]:
    """Spans (first bet, number of bets) that cover the given bets of a batch; up to `max_gap` other
    bets between two of them are included."""
    found: list[tuple[int, int]] = []
    for bet in sorted(set(bets)):
        first, count = found[-1] if found else (bet, 0)
        if bet - (first + count) <= max_gap:
            found[-1:] = [(first, bet - first + 1)]
        else:
            found.append((bet, 1))
    return found


def prove_run(number: int, batch: PlacedBatch, first: int, bets: int) -> Run:
    """A run of the batch of this number, with its proof."""
    part = batch.part(first, bets)
    return Run(number, first, bets, part.markets, part.records, part.proof)


def fitting_runs(
    number: int, batch: PlacedBatch, bets: Sequence[int], gas_cap: int
) -> Iterator[Run]:
    """Runs of the batch of this number that cover the given bets, in their order, each small enough
    for a transaction of `gas_cap` gas. A run of one bet is never refused."""
    for first, count in spans(bets):
        run = prove_run(number, batch, first, count)
        if count == 1 or gas_limit([run]) <= gas_cap:
            yield run
            continue
        covered = sorted(bet for bet in set(bets) if first <= bet < first + count)
        middle = len(covered) // 2
        yield from fitting_runs(number, batch, covered[:middle], gas_cap)
        yield from fitting_runs(number, batch, covered[middle:], gas_cap)


def share_markets(runs: Iterable[Run]) -> list[Run]:
    """The same runs, with each market listed once for as many runs as can share it.

    Parts of batches come first, and refer to the markets that the first of them lists. Whole
    batches keep their own list, because it is part of their proof.
    """
    sharing: list[Run] = []
    whole_batches: list[Run] = []
    group: list[Run] = []
    ids: dict[bytes, int] = {}
    for run in runs:
        if _is_whole(run):
            whole_batches.append(run)
            continue
        _, own = unpack_markets(run.markets)
        if len(ids.keys() | set(own)) > MARKET_LIST_MAX:
            sharing += _sharing(group, ids)
            group, ids = [], {}
        for market in own:
            ids.setdefault(market, len(ids))
        group.append(run)
    return [*sharing, *_sharing(group, ids), *whole_batches]


def _is_whole(run: Run) -> bool:
    """Whether the root alone proves it, without the hashes of neighbours."""
    return run.bets > 1 and len(run.proof) == 1


def _sharing(runs: Sequence[Run], ids: Mapping[bytes, int]) -> Iterator[Run]:
    """Runs whose records refer to `ids`, which the first of them lists."""
    for place, run in enumerate(runs):
        base_s, own = unpack_markets(run.markets)
        records = b"".join(
            replace(
                record,
                legs=tuple(replace(leg, market=ids[own[leg.market]]) for leg in record.legs),
            ).pack()
            for record in unpack_records(run.records)
        )
        listed = [] if place else list(ids)
        yield replace(run, markets=pack_markets(base_s, listed), records=records)


def gas_of(run: Run) -> int:
    """An upper bound of the gas of a run."""
    legs = (len(run.records) - RECORD_HEAD_BYTES * run.bets) // RECORD_LEG_BYTES
    markets = (len(run.markets) - BASE_BYTES) // LISTED_MARKET_BYTES
    return _GAS_PER_RUN + _GAS_PER_MARKET * markets + _GAS_PER_BET * run.bets + _GAS_PER_LEG * legs


def gas_limit(runs: Iterable[Run]) -> int:
    """An upper bound of the gas of a transaction that settles runs."""
    return _GAS_PER_TRANSACTION + sum(map(gas_of, runs))


def fill_transactions(runs: Sequence[Run], gas_target: int) -> list[tuple[Run, ...]]:
    """Group runs, in their order, into transactions with a gas limit of at most `gas_target`; a
    larger run is alone in its transaction."""
    transactions: list[tuple[Run, ...]] = []
    current: list[Run] = []
    used = _GAS_PER_TRANSACTION
    for run in runs:
        gas = gas_of(run)
        if current and used + gas > gas_target:
            transactions.append(tuple(current))
            current, used = [], _GAS_PER_TRANSACTION
        current.append(run)
        used += gas
    if current:
        transactions.append(tuple(current))
    return transactions
