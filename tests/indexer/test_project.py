"""Events become rows and differences; no database.

Branches: placed and settled cancel out · what is locked, by kind of market · settled twice, never
placed, paid without being settled · cashed out whole, in part, in the range that placed it, never
placed · exit and withdrawal told apart · results, disputes · forks are found wherever they are ·
ranges come in order and adapt · endpoints that share a host · a market's first block · a batch
placed twice.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chain.blocks import BlockRange, Header
from indexer.chain.endpoints import Endpoints
from indexer.chain.prefetch import RangeLength, fetched_ahead
from indexer.chain.rpc import Endpoint
from indexer.decode.events import (
    BatchPlaced,
    BatchSettled,
    CashedOut,
    Event,
    ExitRequested,
    FixtureResult,
    Logged,
    ResultDisputed,
    ResultsSet,
    Withdrawn,
)
from indexer.errors import Contradiction, Unlinked, Unreachable
from indexer.mirror.book_change import BookChange, locked_change_micro
from indexer.mirror.copy_format import placed_bets, prepare
from indexer.mirror.projection import batches_needed, project
from indexer.mirror.row_changes import Changes, length_of
from indexer.mirror.tables import (
    Bet,
    ExitChange,
    Leg,
    MirrorRow,
    Movement,
    ResultChange,
    Settlement,
)
from indexer.ops.verify import nonce_window
from indexer.sync.fork import last_common
from protocol.exposure import Exposure, locked_micro
from protocol.market_id import WIDE_KINDS, Kind, MarketId
from protocol.records import BetRecord, LegRecord, pack_markets
from tests.indexer.test_decode import BASE_S, MARKETS, placed_data


def changes_of(*events: Event, tx: bytes = b"t") -> Changes:
    logged = [Logged(1, index, tx, event) for index, event in enumerate(events)]
    return project(1, BlockRange([Header(1, b"h", b"p", 5, 0)], logged), {})


def row_counts(changes: Changes, *tables: type[MirrorRow]) -> list[int]:
    """Of both kinds: told row by row and column by column."""
    return [
        len(changes.rows[table]) + (length_of(changes.columns[table]) if changes.columns else 0)
        for table in tables
    ]


def exposures(changes: Changes) -> list[Exposure]:
    return [Exposure._make(amounts) for amounts in changes.book.exposures.values()]


def bet(account: int, stake: int, *odds: int) -> BetRecord:
    legs = tuple(LegRecord(index, 0, value) for index, value in enumerate(odds))
    return BetRecord(account, 1, stake, 0, legs)


def single_on(market: int) -> BetRecord:
    return BetRecord(1, 1, 5, 0, (LegRecord(market, 0, 20_000),))


def placed_parts(bets: list[BetRecord]) -> tuple[bytes, bytes]:
    return pack_markets(BASE_S, MARKETS), b"".join(bet.pack() for bet in bets)


PLACED = BatchPlaced(4, placed_data([bet(1, 100, 20_000), bet(2, 50, 30_000, 15_001)], []))


def test_bets_that_came_and_went_leave_no_exposure() -> None:
    changes = changes_of(PLACED, BatchSettled(4, 0b11, bytes((0, *bytes(7), 200))))
    assert exposures(changes) == [Exposure()]
    assert changes.book.open_stakes_micro == 0
    assert changes.book.accumulators_locked_micro == 0
    assert changes.book.pool_micro == 150 - 200
    assert changes.balances == {1: 100, 2: -50}
    assert changes.settled_bets == {4: 2}
    assert row_counts(changes, Bet, Leg, Movement) == [2, 3, 3]
    assert len(changes.rows[Settlement]) == 2
    assert changes.row_count == 1 + 1 + 2 + 3 + 3 + 2 + 1


def test_open_bets_are_exposed_and_locked_as_the_contract_counts() -> None:
    changes = changes_of(PLACED)
    book = changes.book
    assert exposures(changes) == [Exposure(200, 0, 0, 100)]
    assert book.accumulators_locked_micro == 50 * 30_000 * 15_001 // 10**8 - 50
    assert (book.pool_micro, book.open_stakes_micro, book.batches) == (150, 150, 1)


@pytest.mark.parametrize(
    ("kind", "in_play", "locked"),
    [
        (Kind.MATCH_RESULT, False, 40),
        (Kind.DOUBLE_CHANCE, False, 90),
        (Kind.MATCH_RESULT, True, 110),
        (Kind.CORRECT_SCORE, False, 110),
        (Kind.WINNING_MARGIN, False, 110),
    ],
)
def test_locked_is_the_worst_case_of_the_kind(kind: Kind, in_play: bool, locked: int) -> None:
    line_q = 12 if kind in WIDE_KINDS else 0
    market = MarketId(bytes(16), 1, kind, line_q=line_q, in_play=in_play).pack()
    assert locked_micro(market, Exposure(100, 50, 20, 60)) == locked
    assert locked_micro(market, Exposure(10, 10, 10, 60)) == 0


def test_exposures_add_up_and_never_fall_below_nothing() -> None:
    market = MarketId(bytes(16), 1, Kind.MATCH_RESULT).pack()
    change = BookChange()
    change.move_single(market, 2, 70, 30)
    after = {market: Exposure(20, 0, 70, 40)}
    assert locked_change_micro(after, change.exposures) == 30 - 10
    change.move_single(market, 2, -140, 0)
    with pytest.raises(Contradiction):
        locked_change_micro({market: Exposure(20, 0, -70, 40)}, change.exposures)
    wide = MarketId(bytes(16), 1, Kind.CORRECT_SCORE, line_q=12).pack()
    change.move_single(wide, 18, 70, 30)
    change.move_single(wide, 1, 5, 2)
    assert tuple(change.exposures[wide]) == Exposure(70, 5, 0, 32)


@pytest.mark.parametrize(
    "events",
    [
        (BatchSettled(4, 1, b""),),
        (BatchSettled(4, 0, b""),),
        (PLACED, BatchSettled(4, 0b100, b"")),
        (PLACED, BatchSettled(4, 0b01, bytes((1, *bytes(7), 9)))),
    ],
    ids=["batch unknown", "batch unknown, no bets", "bet unknown", "paid and not settled"],
)
def test_settlement_of_what_was_never_placed_is_a_contradiction(events: tuple[Event, ...]) -> None:
    with pytest.raises(Contradiction):
        changes_of(*events)


def test_batches_needed_are_those_placed_before_the_range() -> None:
    events: list[Event] = [PLACED, BatchSettled(4, 1, b""), BatchSettled(3, 1, b"")]
    assert batches_needed([Logged(1, i, b"", e) for i, e in enumerate(events)]) == {3}


def cash_out(bet_number: int, price: int, rest: int = 0, batch: int = 4) -> CashedOut:
    markets, records = placed_parts([bet(1, 100, 20_000)])
    return CashedOut(batch, bet_number, price, 9 if rest else 0, rest, markets, records)


def test_bet_that_is_cashed_out_leaves_nothing_behind() -> None:
    changes = changes_of(PLACED, cash_out(0, 90))
    assert exposures(changes) == [Exposure()]
    assert (changes.book.pool_micro, changes.book.open_stakes_micro) == (150 - 90, 50)
    assert changes.balances == {1: -100 + 90, 2: -50}
    assert changes.settled_bets == {4: 1}
    (row,) = changes.rows[Settlement]
    assert row[-2:] == (90, True)
    assert [row[5] for row in changes.rows[Movement]] == ["cash_out"]


def test_rest_of_a_bet_goes_on_as_a_batch_of_its_own() -> None:
    changes = changes_of(PLACED, cash_out(0, 70, rest=30), BatchSettled(9, 1, b""))
    assert changes.rows[Bet][-1][1:3] == (9, 0)
    assert changes.rows[Bet][-1][6] == 30
    assert changes.rows[Bet][-1][-1] == 4
    assert row_counts(changes, Leg) == [4]
    assert changes.settled_bets == {4: 1, 9: 1}
    assert changes.book.batches == 2
    assert changes.balances == {1: -100 + 70, 2: -50}
    open_ = changes_of(PLACED, cash_out(0, 70, rest=30))
    assert exposures(open_) == [Exposure(60, 0, 0, 30)]
    assert (open_.book.pool_micro, open_.book.open_stakes_micro) == (150 - 70, 80)


def test_market_is_remembered_by_the_block_of_its_first_bet() -> None:
    # A cash-out is told before the rows of the bets that its range places.
    events = [Logged(5, 0, b"t", PLACED), Logged(7, 0, b"t", cash_out(0, 70, rest=30))]
    headers = [Header(number, b"h", b"p", 5, 0) for number in (5, 6, 7)]
    changes = project(1, BlockRange(headers, events), {})
    assert changes.market_blocks == {MARKETS[0]: 5}
    # Legs of accumulators stand between those of singles, and count for nothing.
    other = BatchPlaced(5, placed_data([bet(1, 5, 20_000), single_on(3), single_on(3)], []))
    double = BatchPlaced(4, placed_data([bet(1, 5, 20_000, 20_000)], []))
    events = [Logged(5, 0, b"t", double), Logged(6, 0, b"t", other)]
    changes = project(1, BlockRange(headers, events), {})
    assert changes.market_blocks == {MARKETS[0]: 6, MARKETS[3]: 6}
    changes.bet_on(MARKETS[3], 7)
    changes.bet_on(MARKETS[0], 5)
    assert changes.market_blocks == {MARKETS[0]: 5, MARKETS[3]: 6}


def test_batch_that_is_placed_twice_is_a_contradiction() -> None:
    with pytest.raises(Contradiction, match="twice"):
        changes_of(PLACED, PLACED)


def test_cash_out_of_what_was_never_placed_is_a_contradiction() -> None:
    for event in (cash_out(2, 1), cash_out(0, 1, batch=5)):
        with pytest.raises(Contradiction):
            changes_of(PLACED, event)


@pytest.mark.parametrize("rest", [2**56, 2**64])
def test_rest_of_more_than_all_money_is_a_contradiction(rest: int) -> None:
    logged = [Logged(1, 0, b"t", PLACED), Logged(1, 1, b"t", cash_out(0, 70, rest=rest))]
    with pytest.raises(Contradiction):
        prepare(1, BlockRange([Header(1, b"h", b"p", 5, 0)], logged), {})


def test_batches_of_rests_are_not_needed_from_before_the_range() -> None:
    events: list[Event] = [cash_out(0, 70, rest=30), BatchSettled(9, 1, b"")]
    logged = [Logged(1, i, b"", e) for i, e in enumerate(events)]
    assert batches_needed(logged) == {4}
    placed = [Logged(1, 0, b"", PLACED)]
    assert placed_bets(placed + logged, {4, 9})[9][0].stake_micro == 30
    assert len(placed_bets(placed + logged, {4})[4]) == 2


def test_exit_and_withdrawal_are_told_apart() -> None:
    changes = changes_of(Withdrawn(7, 5, 100), ExitRequested(7, 0, 0), Withdrawn(7, 6, 0))
    assert [row[-1] for row in changes.rows[Movement]] == [False, True]
    assert changes.balances == {7: -11}


def test_exit_keeps_its_terms_in_order() -> None:
    changes = changes_of(ExitRequested(7, 2**56 - 1, 100))
    assert changes.rows[ExitChange] == [(1, 1, 0, 7, 2**56 - 1, 100)]


def test_result_keeps_its_terms_in_order() -> None:
    first, second = (FixtureResult(name * 16, 1, 2, 3, 4, 5, 6) for name in (b"f", b"g"))
    disputed = ResultDisputed(b"g" * 16, b"\1" * 20, 8, 9)
    changes = changes_of(ResultsSet([first, second], 7, 8), ResultsSet([first], None, 10), disputed)
    assert changes.rows[ResultChange] == [
        (1, 1, 0, 0, "published", b"f" * 16, 1, 2, 3, 4, 5, 6, 7, 8),
        (1, 1, 0, 1, "published", b"g" * 16, 1, 2, 3, 4, 5, 6, 7, 8),
        (1, 1, 1, 0, "corrected", b"f" * 16, 1, 2, 3, 4, 5, 6, None, 10),
        (1, 1, 2, 0, "disputed", b"g" * 16, *(None,) * 7, 9),
    ]
    assert changes.fixtures == {b"f" * 16, b"g" * 16}


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
    assert 40 < length.blocks < 100


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
    assert sum(later) / len(later) > 60


def test_empty_blocks_promise_nothing_of_full_ones() -> None:
    """Ranges that were asked for together say the same thing once, not one after the other."""
    length = RangeLength(first=16)
    for first in range(0, 96, 16):
        headers = [Header(n, b"", b"", n, 0) for n in range(first, first + 16)]
        length.learn(BlockRange(headers, []))
    assert length.blocks == 32


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
