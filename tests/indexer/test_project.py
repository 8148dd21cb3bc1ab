"""Events become rows and differences; no database.

Branches: placed and settled cancel out · what is locked, by kind of market · settled twice, never
placed, paid without being settled · exit and withdrawal told apart · an exit above every balance ·
forks are found wherever they are · ranges come in order and adapt · endpoints
that share a host.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chain import BlockRange, Header
from indexer.endpoints import Endpoints
from indexer.errors import Contradiction, Unlinked, Unreachable
from indexer.events import (
    BatchPlaced,
    BatchSettled,
    Event,
    ExitRequested,
    Logged,
    ResultSet,
    Withdrawn,
)
from indexer.exposure import BookChange, Exposure, locked_micro, moved_exposures
from indexer.fork import last_common
from indexer.look_ahead import RangeLength, fetched_ahead
from indexer.market_id import Kind, MarketId
from indexer.packed import BetRecord, LegRecord
from indexer.project import Changes, batches_needed, project
from indexer.rpc import Endpoint
from indexer.tables import Bet, ExitChange, Leg, Movement, ResultChange, Settlement
from indexer.verify import nonce_window
from tests.indexer.test_decode import placed_data


def changes_of(*events: Event, tx: bytes = b"t") -> Changes:
    logged = [Logged(1, index, tx, event) for index, event in enumerate(events)]
    return project(1, BlockRange([Header(1, b"h", b"p", 5, 0)], logged), {})


def bet(account: int, stake: int, *odds: int) -> BetRecord:
    legs = tuple(LegRecord(index, 0, value) for index, value in enumerate(odds))
    return BetRecord(account, 1, stake, 0, legs)


PLACED = BatchPlaced(4, placed_data([bet(1, 100, 20_000), bet(2, 50, 30_000, 15_001)], []))


def test_bets_that_came_and_went_leave_no_exposure() -> None:
    changes = changes_of(PLACED, BatchSettled(4, 0b11, bytes((0, *bytes(7), 200))))
    assert {tuple(e) for e in changes.book.exposures.values()} == {(0, 0, 0, 0)}
    assert changes.book.open_stakes_micro == 0
    assert changes.book.accumulators_locked_micro == 0
    assert changes.book.pool_micro == 150 - 200
    assert changes.balances == {1: 100, 2: -50}
    assert changes.settled_bets == {4: 2}
    assert [len(changes.rows[t]) for t in (Bet, Leg, Settlement, Movement)] == [2, 3, 2, 3]


def test_open_bets_are_exposed_and_locked_as_the_contract_counts() -> None:
    book = changes_of(PLACED).book
    assert list(book.exposures.values()) == [Exposure(200, 0, 0, 100)]
    assert book.accumulators_locked_micro == 50 * 30_000 * 15_001 // 10**8 - 50
    assert (book.pool_micro, book.open_stakes_micro, book.batches) == (150, 150, 1)


@pytest.mark.parametrize(
    ("kind", "in_play", "locked"),
    [
        (Kind.MATCH_RESULT, False, 40),
        (Kind.DOUBLE_CHANCE, False, 90),
        (Kind.MATCH_RESULT, True, 110),
    ],
)
def test_locked_is_the_worst_case_of_the_kind(kind: Kind, in_play: bool, locked: int) -> None:
    market = MarketId(bytes(16), 1, kind, in_play=in_play).pack()
    assert locked_micro(market, Exposure(100, 50, 20, 60)) == locked
    assert locked_micro(market, Exposure(10, 10, 10, 60)) == 0


def test_exposures_add_up_and_never_fall_below_nothing() -> None:
    market = MarketId(bytes(16), 1, Kind.MATCH_RESULT).pack()
    change = BookChange()
    change.move_single(market, 2, 70, 30)
    moved, locked = moved_exposures({market: Exposure(20, 0, 0, 10)}, change.exposures)
    assert moved == {market: Exposure(20, 0, 70, 40)}
    assert locked == 30 - 10
    change.move_single(market, 2, -140, 0)
    with pytest.raises(Contradiction):
        moved_exposures({market: Exposure(20, 0, 0, 10)}, change.exposures)
    with pytest.raises(Contradiction):
        change.move_single(market, 3, 1, 1)


@pytest.mark.parametrize(
    "events",
    [
        (BatchSettled(4, 1, b""),),
        (PLACED, BatchSettled(4, 0b100, b"")),
        (PLACED, BatchSettled(4, 0b01, bytes((1, *bytes(7), 9)))),
    ],
    ids=["batch unknown", "bet unknown", "paid and not settled"],
)
def test_settlement_of_what_was_never_placed_is_a_contradiction(events: tuple[Event, ...]) -> None:
    with pytest.raises(Contradiction):
        changes_of(*events)


def test_batches_needed_are_those_placed_before_the_range() -> None:
    events: list[Event] = [PLACED, BatchSettled(4, 1, b""), BatchSettled(3, 1, b"")]
    assert batches_needed([Logged(1, i, b"", e) for i, e in enumerate(events)]) == {3}


@pytest.mark.parametrize(
    ("events", "by_exit"),
    [
        ((ExitRequested(7, 0, 0), Withdrawn(7, 5)), True),
        ((Withdrawn(7, 5),), False),
        ((ExitRequested(8, 0, 0), Withdrawn(7, 5)), False),
        ((ExitRequested(7, 9, 100), Withdrawn(7, 5)), False),
    ],
)
def test_exit_and_withdrawal_are_told_apart(events: tuple[Event, ...], by_exit: bool) -> None:
    changes = changes_of(*events)
    assert [row[-1] for row in changes.rows[Movement]] == [by_exit]
    assert changes.balances == {7: -5}


def test_exit_above_every_balance_is_held_as_the_highest() -> None:
    changes = changes_of(ExitRequested(7, 2**64 - 1, 100))
    assert changes.rows[ExitChange] == [(1, 1, 0, 7, 2**63 - 1, 100)]


def test_result_keeps_its_terms_in_order() -> None:
    changes = changes_of(ResultSet(b"f" * 16, 1, 2, 3, 4, 5, 6, 7, 8, True))
    assert changes.rows[ResultChange] == [(1, 1, 0, b"f" * 16, 1, 2, 3, 4, 5, 6, 7, 8, True)]
    assert changes.fixtures == {b"f" * 16}


def test_nonce_window_counts_the_eight_below_the_highest() -> None:
    assert nonce_window(0, []) == 0
    assert nonce_window(1, [1]) == 1
    assert nonce_window(2, [1, 2]) == 0b11
    assert nonce_window(12, [1, 10, 12]) == 0b10
    assert nonce_window(9, [9]) == 0
    assert nonce_window(8, [8]) == 0b1000_0000


@given(st.integers(0, 40), st.integers(1, 300), st.integers(0, 300))
def test_last_common_block_is_found_wherever_it_is(first: int, length: int, common: int) -> None:
    last, fork = first + length - 1, first + common - 1

    def stored(low: int, high: int) -> list[Header]:
        return [Header(n, f"{n}".encode(), b"", n, 0) for n in range(low, high + 1)]

    def on_chain(numbers: object) -> list[Header]:
        assert isinstance(numbers, range)
        return [Header(n, f"{n}{'' if n <= fork else '!'}".encode(), b"", n, 0) for n in numbers]

    found = last_common(stored, on_chain, first, last)
    assert (found.number if found else first - 1) == min(last, max(fork, first - 1))


def ranges(sizes: list[int]) -> object:
    def fetch(first: int, last: int) -> BlockRange:
        sizes.append(last - first + 1)
        return BlockRange(
            [Header(n, b"", b"", n, 0) for n in range(first, last + 1)],
            [Logged(n, 0, b"", BatchPlaced(n, bytes(6_000))) for n in range(first, last + 1)],
        )

    return fetch


def test_ranges_come_in_order_and_shrink_when_blocks_are_full() -> None:
    sizes: list[int] = []
    length = RangeLength(first=1_000)
    with ThreadPoolExecutor(3) as pool:
        numbers = [
            header.number
            for fetched in fetched_ahead(pool, ranges(sizes), length, 3, 9_000)  # type: ignore[arg-type]
            for header in fetched.headers
        ]
    assert numbers == list(range(3, 9_001))
    assert 100 < length.blocks < 250


def test_failed_range_is_raised_in_its_turn_and_the_rest_left() -> None:
    def fetch(first: int, last: int) -> BlockRange:
        if first > 10:
            raise Unlinked("changed")
        return BlockRange([Header(n, b"", b"", n, 0) for n in range(first, last + 1)], [])

    seen: list[int] = []
    with ThreadPoolExecutor(3) as pool:
        fetched = fetched_ahead(pool, fetch, RangeLength(first=5, longest=5), 1, 1_000)
        with pytest.raises(Unlinked):
            seen.extend(blocks.headers[-1].number for blocks in fetched)
    assert seen == [5, 10]


def test_refused_ranges_get_shorter_down_to_one_block() -> None:
    length = RangeLength(first=5)
    for expected in (2, 1, 1):
        length.too_much(length.blocks)
        assert length.blocks == expected


def test_ranges_stay_below_what_the_node_refuses() -> None:
    """A node gives 100 blocks at once and no more, which nobody has told."""
    asked: list[int] = []
    length = RangeLength(first=64)

    def fetch(first: int, last: int) -> BlockRange:
        asked.append(last - first + 1)
        if asked[-1] > 100:
            length.too_much(asked[-1])
            middle = (first + last) // 2
            left, right = fetch(first, middle), fetch(middle + 1, last)
            return BlockRange(left.headers + right.headers, [])
        return BlockRange([Header(n, b"", b"", n, 0) for n in range(first, last + 1)], [])

    with ThreadPoolExecutor(3) as pool:
        got = [h.number for r in fetched_ahead(pool, fetch, length, 0, 29_999) for h in r.headers]
    assert got == list(range(30_000))
    # Once it is found, looking for more now and then costs little, and most is asked for.
    later = asked[len(asked) // 2 :]
    assert sum(size > 100 for size in later) < len(later) / 15
    assert sum(later) / len(later) > 70


def test_range_that_came_too_late_once_is_asked_for_again() -> None:
    length = RangeLength(first=1_024)
    length.too_much(1_024, lasting=False)
    assert length.blocks == 512
    for blocks in (512, 1_024):
        length.learn(BlockRange([Header(n, b"", b"", n, 0) for n in range(blocks)], []))
    assert length.blocks == 2_000


def test_endpoints_that_share_a_host_rest_each_for_itself() -> None:
    urls = ("http://127.0.0.1:9/one", "http://127.0.0.1:9/two")
    endpoints = Endpoints([Endpoint(url, 1337) for url in urls])
    first, second = endpoints.rested()

    def action(endpoint: Endpoint) -> str:
        if endpoint is first:
            raise Unreachable("down")
        return "done"

    assert endpoints.run(action) == "done"
    assert endpoints.rested() == [second]
