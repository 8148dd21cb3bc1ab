"""Runs cover exactly what is decided, and carry a proof that the batch's commitment confirms."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.settlement.publishing import MAX_RESULTS_PER_SHEET, results_per_sheet
from backend.settlement.publishing import gas_limit as sheet_gas_limit
from backend.settlement.runs import (
    MAX_GAP,
    fill_transactions,
    fitting_runs,
    gas_limit,
    prove_run,
    share_markets,
    spans,
)
from backend.settlement.sheets import sign_sheet
from backend.transactions.gas import GAS_CAP_MIN
from backend.transactions.signer import LocalSigner
from protocol.limits import MARKET_LIST_MAX, MAX_BETS, MAX_LEGS, TRANSACTION_GAS_MAX
from protocol.placed_event import PlacedBatch, unpack_batch
from protocol.range_proof import root
from protocol.records import BetRecord, LegRecord, pack_markets, unpack_markets
from protocol.signatures import recover
from protocol.typed_data import RESULTS_NAME, Domain, Result, ResultSheet

MARKETS = 20
RESULT = Result(bytes(16), 1, 1, 0, 2, 1, 8_200)
bet_sets = st.sets(st.integers(0, 255), min_size=1)


def batch(width: int) -> PlacedBatch:
    """Bets of one to three legs; bet n is on market n and the next ones."""
    records = [
        BetRecord(
            *(n, n + 1, 1_000, 0),
            tuple(LegRecord((n + leg) % MARKETS, 0, 20_000) for leg in range(1 + n % 3)),
        )
        for n in range(width)
    ]
    ids = tuple(bytes((n,)).ljust(32, b"\0") for n in range(MARKETS))
    return PlacedBatch(1_000, ids, tuple(records))


@given(bets=bet_sets, max_gap=st.integers(0, 20))
def test_spans_cover_every_bet_once_and_no_wide_gap(bets: set[int], max_gap: int) -> None:
    found = spans(bets, max_gap)
    covered = [bet for first, count in found for bet in range(first, first + count)]
    assert bets <= set(covered)
    assert len(covered) == len(set(covered))
    for first, count in found:
        assert {first, first + count - 1} <= bets
    ends = [(first + count, later) for (first, count), (later, _) in pairwise(found)]
    assert all(later - end > max_gap for end, later in ends)


def test_spans_join_neighbours_over_a_small_gap() -> None:
    assert spans([0, 1, 2]) == [(0, 3)]
    assert spans([0, MAX_GAP + 1]) == [(0, MAX_GAP + 2)]
    assert spans([0, MAX_GAP + 2]) == [(0, 1), (MAX_GAP + 2, 1)]


@given(width=st.integers(1, 256), data=st.data())
def test_run_carries_the_records_of_its_bets(width: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, width - 1))
    count = data.draw(st.integers(1, width - first))
    placed = batch(width)
    made = prove_run(7, placed, first, count)
    assert (made.batch, made.first, made.bets) == (7, first, count)
    part = unpack_batch(made.markets, made.records)
    assert part.leaves == placed.leaves[first : first + count]
    if count == width > 1:
        assert made.proof == (root(placed.leaves),)
        assert part == placed
    else:
        assert made.proof[0] == placed.whole
        assert len(made.proof) <= 1 + 2 * width.bit_length()
        assert not set(part.leaves) & set(made.proof)
        used = {leg.market for record in part.records for leg in record.legs}
        assert used == set(range(len(part.markets)))


def many_markets(number: int, width: int, kinds: int) -> PlacedBatch:
    """Bets of two legs each, on markets that other batches also have."""
    ids = tuple(bytes((number % 3, n)).ljust(32, b"\0") for n in range(kinds))
    records = tuple(
        BetRecord(n, number + 1, 1_000, 0, (LegRecord(n % kinds, 0, 20_000),) * 2)
        for n in range(width)
    )
    return PlacedBatch(1_000 + number, ids, records)


@given(
    shapes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=14),
    data=st.data(),
)
def test_shared_runs_are_the_same_with_each_market_listed_once(
    shapes: list[tuple[int, int]], data: st.DataObject
) -> None:
    runs, leaves = [], {}
    for number, (width, kinds) in enumerate(shapes):
        placed = many_markets(number, width, kinds)
        first = data.draw(st.integers(0, width - 1))
        count = data.draw(st.integers(1, width - first))
        runs.append(prove_run(number, placed, first, count))
        leaves[number] = placed.leaves[first : first + count]
    listed: list[bytes] = []
    lists: list[list[bytes]] = []
    joint = share_markets(runs)
    assert sorted(r.batch for r in joint) == [r.batch for r in runs]
    for part in joint:
        before = runs[part.batch]
        is_whole = len(before.proof) == 1 and before.bets > 1
        assert replace(part, markets=b"", records=b"") == replace(before, markets=b"", records=b"")
        base_s, own = unpack_markets(part.markets)
        assert base_s == 1_000 + part.batch
        if is_whole:
            assert part == before
        elif own:
            listed = own
            lists.append(own)
        assert len(listed) < 256
        read = unpack_batch(
            part.markets if is_whole else pack_markets(base_s, listed), part.records
        )
        assert read.leaves == leaves[part.batch]
    # A new list begins only where the last one would be too long.
    for markets in lists:
        assert len(set(markets)) == len(markets)
    distinct = {market for markets in lists for market in markets}
    assert len(lists) <= 1 or len(distinct) > 40


def test_shared_markets_stay_below_what_a_list_holds() -> None:
    placed = [
        PlacedBatch(
            1_000,
            tuple(bytes((number, n)).ljust(32, b"\0") for n in range(100)),
            tuple(BetRecord(n, 1, 5, 0, (LegRecord(n, 0, 20_000),)) for n in range(101))[:100],
        )
        for number in range(4)
    ]
    runs = share_markets(prove_run(number, batch_, 0, 99) for number, batch_ in enumerate(placed))
    assert [len(unpack_markets(r.markets)[1]) for r in runs] == [198, 0, 198, 0]


@given(
    widths=st.lists(st.integers(1, 256), max_size=12), gas_target=st.integers(100_000, 10_000_000)
)
def test_fill_keeps_order_and_stays_below_the_target(widths: list[int], gas_target: int) -> None:
    runs = [prove_run(number, batch(width), 0, width) for number, width in enumerate(widths)]
    transactions = fill_transactions(runs, gas_target)
    assert [r for t in transactions for r in t] == runs
    for transaction in transactions:
        assert len(transaction) == 1 or gas_limit(transaction) <= gas_target


@given(width=st.integers(1, 256), bets=bet_sets, gas_cap=st.integers(1, 4_000_000))
def test_runs_that_fit_cover_the_same_bets_within_the_cap(
    width: int, bets: set[int], gas_cap: int
) -> None:
    wanted = {bet % width for bet in bets}
    placed = batch(width)
    runs = list(fitting_runs(7, placed, list(wanted), gas_cap))
    covered = [bet for r in runs for bet in range(r.first, r.first + r.bets)]
    assert wanted <= set(covered)
    assert covered == sorted(set(covered))
    for made in runs:
        assert made == prove_run(7, placed, made.first, made.bets)
        assert made.bets == 1 or gas_limit([made]) <= gas_cap
        assert {made.first, made.first + made.bets - 1} <= wanted


def largest_batch() -> PlacedBatch:
    """As many bets, legs and markets as a batch can have."""
    ids = tuple(bytes((n,)).ljust(32, b"\0") for n in range(MARKET_LIST_MAX))
    records = tuple(
        BetRecord(
            *(n + 1, 1, 1_000, 0),
            tuple(
                LegRecord((n * MAX_LEGS + at) % MARKET_LIST_MAX, 0, 10_400)
                for at in range(MAX_LEGS)
            ),
        )
        for n in range(MAX_BETS)
    )
    return PlacedBatch(1_000, ids, records)


def test_largest_batch_is_settled_within_any_cap() -> None:
    placed = largest_batch()
    for cap in (GAS_CAP_MIN, TRANSACTION_GAS_MAX):
        runs = list(fitting_runs(7, placed, range(MAX_BETS), cap))
        assert sum(r.bets for r in runs) == MAX_BETS
        assert all(r.bets > 1 and gas_limit([r]) <= cap for r in runs)


@given(gas_cap=st.integers(GAS_CAP_MIN, 2 * TRANSACTION_GAS_MAX), signatures=st.integers(1, 20))
def test_sheet_has_as_many_results_as_fit(gas_cap: int, signatures: int) -> None:
    most = results_per_sheet(gas_cap, signatures)
    results = [RESULT] * (most + 1)
    assert sheet_gas_limit(results[:most], signatures) <= gas_cap
    assert most == MAX_RESULTS_PER_SHEET or sheet_gas_limit(results, signatures) > gas_cap


@given(keys=st.lists(st.integers(1, 10**9), min_size=1, max_size=5, unique=True))
def test_sheet_is_signed_in_ascending_order_of_signers(keys: list[int]) -> None:
    domain = Domain(1337, "0x" + "12" * 20, RESULTS_NAME)
    results = [RESULT]
    raw = [key.to_bytes(32, "big") for key in keys]
    sheet = ResultSheet(3, 20_000, tuple(results))
    signed = sign_sheet(sheet, raw, len(raw), domain)
    digest = domain.digest(sheet.struct_hash())
    signers = [recover(digest, signature) for signature in signed.signatures]
    assert signers == sorted((LocalSigner(key).address for key in raw), key=str.lower)
