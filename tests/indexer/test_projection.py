"""Events become rows and differences of the state; no database.

Branches: placed and settled cancel out · locked amounts by kind of market · settled without being
placed, paid without being settled · cashed out whole, in part, in the range that placed it, never
placed · exit and withdrawal · results, disputes · a market's first block · a batch placed twice ·
replaced by a receipt · relayed with a fee · decided markets, marked by which settlements · where a
fixture is first seen.
"""

from __future__ import annotations

import pytest

from indexer.chain.blocks import BlockRange, Header
from indexer.decode.events import (
    BatchPlaced,
    BatchSettled,
    BetReplaced,
    CashedOut,
    Event,
    ExitRequested,
    Logged,
    Relayed,
    ResultDisputed,
    ResultsSet,
    Withdrawn,
)
from indexer.errors import Contradiction
from indexer.mirror.book_change import (
    BookChange,
    MarketBook,
    MarketChange,
    market_changes_micro,
)
from indexer.mirror.encoded_range import bets_placed, encode_range
from indexer.mirror.projection import earlier_batches, project
from indexer.mirror.row_changes import Changes, length_of
from indexer.mirror.tables import (
    Bet,
    ExitChange,
    Leg,
    MirrorRow,
    Movement,
    Relay,
    ResultChange,
    Settlement,
)
from protocol.exposure import Exposure, locked_micro
from protocol.market_id import WIDE_KINDS, Kind, MarketId
from protocol.records import BetRecord, LegRecord, pack_markets
from protocol.words import ResultWord, WithdrawalWord
from tests.indexer.test_decode import BASE_S, MARKETS, placed_data


def changes_of(*events: Event, tx: bytes = b"t") -> Changes:
    logged = [Logged(1, index, tx, event) for index, event in enumerate(events)]
    return project(1, BlockRange([Header(1, b"h", b"p", 5, 0)], logged), {})


def row_counts(changes: Changes, *tables: type[MirrorRow]) -> list[int]:
    """The numbers of new rows, of row lists and of columns."""
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


def withdrawn(account: int, amount_micro: int, deadline_s: int) -> Withdrawn:
    return Withdrawn(WithdrawalWord(account, amount_micro, deadline_s))


def placed_parts(bets: list[BetRecord]) -> tuple[bytes, bytes]:
    return pack_markets(BASE_S, MARKETS), b"".join(bet.pack() for bet in bets)


PLACED = BatchPlaced(4, placed_data([bet(1, 100, 20_000), bet(2, 50, 30_000, 15_001)], []))


def test_settled_bets_leave_no_exposure() -> None:
    changes = changes_of(PLACED, BatchSettled(4, 0b11, bytes((0, *bytes(7), 200))))
    assert exposures(changes) == [Exposure()]
    assert changes.book.accumulator_stakes_micro == 0
    assert changes.book.accumulators_locked_micro == 0
    assert changes.book.pool_micro == 150 - 200
    assert changes.balances == {1: 100, 2: -50}
    assert changes.settled_bets == {4: 2}
    assert row_counts(changes, Bet, Leg, Movement) == [2, 3, 3]
    assert len(changes.rows[Settlement]) == 2
    assert changes.row_count == 1 + 1 + 2 + 3 + 3 + 2 + 1


def test_open_bets_are_locked_as_in_the_contract() -> None:
    changes = changes_of(PLACED)
    book = changes.book
    assert exposures(changes) == [Exposure(200, 0, 0, 100)]
    assert book.accumulators_locked_micro == 50 * 30_000 * 15_001 // 10**8 - 50
    assert (book.pool_micro, book.accumulator_stakes_micro, book.batches) == (150, 50, 1)


@pytest.mark.parametrize(
    ("kind", "in_play", "locked"),
    [
        (Kind.MATCH_RESULT, False, 40),
        (Kind.DOUBLE_CHANCE, False, 90),
        (Kind.MATCH_RESULT, True, 110),
        (Kind.CORRECT_SCORE, False, 110),
        (Kind.WINNING_MARGIN, False, 110),
        (Kind.PROPOSITION, False, 110),
    ],
)
def test_locked_amount_is_the_worst_case_of_the_kind(
    kind: Kind, in_play: bool, locked: int
) -> None:
    line_q = 12 if kind in WIDE_KINDS else 0
    market = MarketId(bytes(16), 1, kind, line_q=line_q, in_play=in_play).pack()
    assert locked_micro(market, Exposure(100, 50, 20, 60)) == locked
    assert locked_micro(market, Exposure(10, 10, 10, 60)) == 0


def test_exposures_add_up_and_are_never_negative() -> None:
    market = MarketId(bytes(16), 1, Kind.MATCH_RESULT).pack()
    change = BookChange()
    change.move_single(market, 2, 70, 30)
    after = MarketChange(market, Exposure(20, 0, 70, 40), None, None)
    assert market_changes_micro([after], change.exposures) == MarketBook(30, 30 - 10)
    change.move_single(market, 2, -140, 0)
    with pytest.raises(Contradiction):
        market_changes_micro([after._replace(after=Exposure(20, 0, -70, 40))], change.exposures)
    wide = MarketId(bytes(16), 1, Kind.CORRECT_SCORE, line_q=12).pack()
    change.move_single(wide, 18, 70, 30)
    change.move_single(wide, 1, 5, 2)
    assert tuple(change.exposures[wide]) == Exposure(70, 5, 0, 32)


def test_marked_market_owes_what_it_pays_and_locks_nothing() -> None:
    market = MarketId(bytes(16), 1, Kind.MATCH_RESULT).pack()
    change = BookChange()
    change.move_single(market, 2, -70, -30)
    after = MarketChange(market, Exposure(90, 0, 0, 40), None, 90)
    # Before, stakes of 70 were owed and 20 locked above them.
    assert market_changes_micro([after], change.exposures) == MarketBook(90 - 70, -20)
    marked_before = after._replace(decided_before_micro=90)
    assert market_changes_micro([marked_before], change.exposures) == MarketBook(0, 0)
    undone = MarketChange(market, Exposure(90, 0, 0, 40), 90, None)
    assert market_changes_micro([undone], change.exposures) == MarketBook(40 - 90, 50)


def test_first_settlement_by_a_result_marks_a_market_that_shares_one_fate() -> None:
    def marked(market: MarketId, *events: Event) -> dict[bytes, int]:
        packed = pack_markets(BASE_S, [market.pack()])
        pair = b"".join(single_on(0).pack() for _ in range(2))
        placed = BatchPlaced(4, (2).to_bytes(2, "big") + b"\1" + packed + pair)
        logged = [Logged(5 + n, n, b"t", event) for n, event in enumerate((placed, *events))]
        headers = [Header(5 + n, b"h", b"p", 5, 0) for n in range(len(logged))]
        return project(1, BlockRange(headers, logged), {}).book.marked

    settled = BatchSettled(4, 1, b""), BatchSettled(4, 2, b"")
    netted = MarketId(bytes(16), 1, Kind.MATCH_RESULT)
    assert marked(netted) == {}
    assert marked(netted, *settled) == {netted.pack(): 6}
    for gross in (
        MarketId(bytes(16), 1, Kind.MATCH_RESULT, in_play=True),
        MarketId(bytes(16), 1, Kind.PROPOSITION),
        MarketId(bytes(16), 1, Kind.CORRECT_SCORE, line_q=12),
    ):
        assert marked(gross, *settled) == {}
    # Neither a cash-out nor an accumulator marks a market.
    assert changes_of(PLACED, cash_out(0, 90)).book.marked == {}
    assert changes_of(PLACED, BatchSettled(4, 0b10, b"")).book.marked == {}
    assert changes_of(PLACED, BatchSettled(4, 0b11, b"")).book.marked == {MARKETS[0]: 1}


def test_fixture_is_seen_where_it_is_first_listed_with_a_bet_or_published() -> None:
    empty = BatchPlaced(3, placed_data([], [(1, 2, 3)]))
    published = ResultsSet([ResultWord(MARKETS[0][:16], 1, 0, 0, 0, 0, 6)], 7, 8)
    late = ResultsSet([ResultWord(b"g" * 16, 1, 0, 0, 0, 0, 6)], 7, 8)
    corrected = ResultsSet([ResultWord(b"h" * 16, 1, 0, 0, 0, 0, 6)], None, 8)
    assert changes_of(empty).first_seen == {}
    listed = {market[:16]: (1, 1) for market in MARKETS}
    assert changes_of(empty, PLACED, published, late, corrected).first_seen == {
        **listed,
        b"g" * 16: (1, 3),
    }
    assert changes_of(published, PLACED).first_seen[MARKETS[0][:16]] == (1, 0)


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
def test_settlement_without_placement_is_a_contradiction(events: tuple[Event, ...]) -> None:
    with pytest.raises(Contradiction):
        changes_of(*events)


def test_earlier_batches_are_those_placed_before_the_range() -> None:
    events: list[Event] = [PLACED, BatchSettled(4, 1, b""), BatchSettled(3, 1, b"")]
    assert earlier_batches([Logged(1, i, b"", e) for i, e in enumerate(events)]) == {3}


def cash_out(bet_number: int, price: int, rest: int = 0, batch: int = 4) -> CashedOut:
    markets, records = placed_parts([bet(1, 100, 20_000)])
    return CashedOut(batch, bet_number, price, 9 if rest else 0, rest, markets, records)


def test_cashed_out_bet_leaves_no_exposure() -> None:
    changes = changes_of(PLACED, cash_out(0, 90))
    assert exposures(changes) == [Exposure()]
    assert (changes.book.pool_micro, changes.book.accumulator_stakes_micro) == (150 - 90, 50)
    assert changes.balances == {1: -100 + 90, 2: -50}
    assert changes.settled_bets == {4: 1}
    (row,) = changes.rows[Settlement]
    assert row[-3:] == (90, True, False)
    assert [row[5] for row in changes.rows[Movement]] == ["cash_out"]


def instead(bet_number: int = 0, batch: int = 4) -> tuple[Event, Event]:
    """A bet of batch 4 that ends, and the one that takes its nonce."""
    packed = pack_markets(BASE_S, MARKETS[:1]) + bet(1, 30, 40_000).pack()
    return BetReplaced(batch, bet_number), BatchPlaced(9, b"\0\1\1" + packed)


def test_replaced_bet_is_refunded_and_another_has_its_nonce() -> None:
    changes = changes_of(PLACED, *instead())
    assert exposures(changes) == [Exposure(120, 0, 0, 30)]
    assert changes.book.pool_micro == 150 - 100 + 30
    assert changes.book.marked == {}
    assert changes.balances == {1: -30, 2: -50}
    (settled,) = changes.rows[Settlement]
    assert settled[-3:] == (100, False, True)
    (row,) = changes.rows[Bet]
    assert (row[1], row[-2:]) == (9, (None, 4))
    assert [(row[5], row[6], row[7]) for row in changes.rows[Movement]] == [
        ("refund", 100, 4),
        ("stake", -30, 9),
    ]
    later = changes_of(PLACED, *instead(), BatchSettled(9, 1, b""))
    assert later.settled_bets == {4: 1, 9: 1}
    assert exposures(later) == [Exposure()]


def test_replacement_that_cannot_be_is_a_contradiction() -> None:
    ended, placed = instead()
    for events in (
        (PLACED, ended),  # nothing is placed
        (PLACED, *instead(bet_number=1)),  # a bet of another account
        (PLACED, *instead(bet_number=2)),  # no such bet
        (ended, placed),
        (PLACED, ended, BatchPlaced(9, placed_data([bet(1, 5, 20_000), bet(1, 6, 20_000)], []))),
        (PLACED, ended, placed, placed),
    ):
        with pytest.raises(Contradiction):
            changes_of(*events)
    logged = [Logged(1, i, b"", e) for i, e in enumerate((ended, placed))]
    assert earlier_batches(logged) == {4}


def test_fee_of_a_relayed_request_is_a_movement() -> None:
    changes = changes_of(Relayed(7, 0, 5, b"\1" * 20), Relayed(7, 1, 0, b"\1" * 20))
    assert changes.balances == {7: -5}
    assert [row[5:7] for row in changes.rows[Movement]] == [("fee", -5)]
    sender = "0x" + "01" * 20
    assert changes.rows[Relay] == [(1, 7, 0, 1, 0, 5, sender), (1, 7, 1, 1, 1, 0, sender)]


def test_remainder_of_a_bet_is_a_batch_with_one_bet() -> None:
    changes = changes_of(PLACED, cash_out(0, 70, rest=30), BatchSettled(9, 1, b""))
    assert changes.rows[Bet][-1][1:3] == (9, 0)
    assert changes.rows[Bet][-1][6] == 30
    assert changes.rows[Bet][-1][-2:] == (4, None)
    assert row_counts(changes, Leg) == [4]
    assert changes.settled_bets == {4: 1, 9: 1}
    assert changes.book.batches == 2
    assert changes.balances == {1: -100 + 70, 2: -50}
    open_ = changes_of(PLACED, cash_out(0, 70, rest=30))
    assert exposures(open_) == [Exposure(60, 0, 0, 30)]
    assert (open_.book.pool_micro, open_.book.accumulator_stakes_micro) == (150 - 70, 50)


def test_market_has_the_block_of_its_first_bet() -> None:
    # A cash-out is handled before the columns of the placed bets are added.
    events = [Logged(5, 0, b"t", PLACED), Logged(7, 0, b"t", cash_out(0, 70, rest=30))]
    headers = [Header(number, b"h", b"p", 5, 0) for number in (5, 6, 7)]
    changes = project(1, BlockRange(headers, events), {})
    assert changes.market_blocks == {MARKETS[0]: 5}
    # Legs of accumulators do not count.
    other = BatchPlaced(5, placed_data([bet(1, 5, 20_000), single_on(3), single_on(3)], []))
    double = BatchPlaced(4, placed_data([bet(1, 5, 20_000, 20_000)], []))
    events = [Logged(5, 0, b"t", double), Logged(6, 0, b"t", other)]
    changes = project(1, BlockRange(headers, events), {})
    assert changes.market_blocks == {MARKETS[0]: 6, MARKETS[3]: 6}
    changes.add_market(MARKETS[3], 7)
    changes.add_market(MARKETS[0], 5)
    assert changes.market_blocks == {MARKETS[0]: 5, MARKETS[3]: 6}


def test_batch_placed_twice_is_a_contradiction() -> None:
    with pytest.raises(Contradiction, match="twice"):
        changes_of(PLACED, PLACED)


def test_cash_out_without_placement_is_a_contradiction() -> None:
    for event in (cash_out(2, 1), cash_out(0, 1, batch=5)):
        with pytest.raises(Contradiction):
            changes_of(PLACED, event)


@pytest.mark.parametrize("rest", [2**56, 2**64])
def test_remainder_above_the_maximum_is_a_contradiction(rest: int) -> None:
    logged = [Logged(1, 0, b"t", PLACED), Logged(1, 1, b"t", cash_out(0, 70, rest=rest))]
    with pytest.raises(Contradiction):
        encode_range(1, BlockRange([Header(1, b"h", b"p", 5, 0)], logged), {})


def test_batch_of_a_remainder_is_not_an_earlier_batch() -> None:
    events: list[Event] = [cash_out(0, 70, rest=30), BatchSettled(9, 1, b"")]
    logged = [Logged(1, i, b"", e) for i, e in enumerate(events)]
    assert earlier_batches(logged) == {4}
    placed = [Logged(1, 0, b"", PLACED)]
    assert bets_placed(placed + logged, {4, 9})[9][0].stake_micro == 30
    assert len(bets_placed(placed + logged, {4})[4]) == 2


def test_exit_and_withdrawal_are_distinguished() -> None:
    changes = changes_of(withdrawn(7, 5, 100), ExitRequested(7, 0, 0), withdrawn(7, 6, 0))
    assert [row[-2] for row in changes.rows[Movement]] == [False, True]
    assert changes.balances == {7: -11}


def test_exit_row_has_its_fields_in_order() -> None:
    changes = changes_of(ExitRequested(7, 2**56 - 1, 100))
    assert changes.rows[ExitChange] == [(1, 1, 0, 7, 2**56 - 1, 100)]


def test_result_rows_have_their_fields_in_order() -> None:
    first, second = (ResultWord(name * 16, 1, 2, 3, 4, 5, 6) for name in (b"f", b"g"))
    disputed = ResultDisputed(b"g" * 16, b"\1" * 20, 8, 9)
    changes = changes_of(ResultsSet([first, second], 7, 8), ResultsSet([first], None, 10), disputed)
    assert changes.rows[ResultChange] == [
        (1, 1, 0, 0, "published", b"f" * 16, 1, 2, 3, 4, 5, 6, 7, 8),
        (1, 1, 0, 1, "published", b"g" * 16, 1, 2, 3, 4, 5, 6, 7, 8),
        (1, 1, 1, 0, "corrected", b"f" * 16, 1, 2, 3, 4, 5, 6, None, 10),
        (1, 1, 2, 0, "disputed", b"g" * 16, *(None,) * 7, 9),
    ]
    assert changes.fixtures == {b"f" * 16, b"g" * 16}
