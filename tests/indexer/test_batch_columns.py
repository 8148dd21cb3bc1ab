"""Bets read as columns equal bets read one by one, and PostgreSQL reads the columns.

Branches: bets of several batches, of none · without legs · a market that the batch does not list ·
stakes and payouts at the maximum and above it, of singles and accumulators · sums by group above 64
bits · integers too large for 64 bits, for a column · binary columns in PostgreSQL.
"""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chain.blocks import BlockRange, Header
from indexer.decode.batch_columns import ints, read_columns, sums_by
from indexer.decode.bet_reader import Bet as PlacedBet
from indexer.decode.bet_reader import read_bets
from indexer.decode.events import BatchPlaced, Logged
from indexer.errors import Contradiction
from indexer.mirror.copy_format import copy_binary, copy_text
from indexer.mirror.encoded_range import encode_range
from indexer.mirror.row_changes import Column
from indexer.mirror.tables import Bet, Leg, MirrorRow, Movement, columns_of
from protocol.placed_event import split_placed
from protocol.records import BetRecord, LegRecord, PackedInvalid
from scripts.devnet.postgres import plain_url
from tests.indexer.test_decode import MARKETS, placed_data

MAX_MICRO = 2**56 - 1
# As the contract accepts: up to twelve legs, and a payout of at most MAX_MICRO.
amounts = st.one_of(st.integers(1, 10**9), st.integers(MAX_MICRO - 5, MAX_MICRO))
odds = st.one_of(st.integers(10_000, 100_000), st.just(10_000))
legs = st.builds(LegRecord, st.integers(0, len(MARKETS) - 1), st.integers(0, 255), odds)
bets = st.builds(
    BetRecord,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**24 - 1),
    amounts,
    st.integers(0, 2**16 - 1),
    st.lists(legs, min_size=1, max_size=12).map(tuple),
).filter(lambda bet: bet.payout_max_micro <= MAX_MICRO)


@given(st.lists(st.lists(bets, max_size=5), max_size=4))
def test_columns_equal_single_bets(batches: list[list[BetRecord]]) -> None:
    parts_of = [split_placed(placed_data(batch, [(1, 2, 3)])) for batch in batches]
    columns = read_columns(parts_of)
    found: list[tuple[int, int, PlacedBet]] = []
    for batch, number, account, nonce, stake, time_s, _, most in zip(*columns.bets, strict=True):
        found.append((batch, number, PlacedBet(account, nonce, stake, time_s, most, [])))
    for bet, number, market, outcome, price in zip(*columns.legs, strict=True):
        assert len(found[bet][2].legs) == number
        found[bet][2].legs.append((columns.markets[market], outcome, price))
    assert found == [
        (batch, number, bet)
        for batch, parts in enumerate(parts_of)
        for number, bet in enumerate(read_bets(parts))
    ]
    assert columns.bets.legs.tolist() == [len(bet.legs) for _, _, bet in found]


def bet(stake_micro: int, *prices_e4: int, market: int = 0) -> BetRecord:
    return BetRecord(7, 1, stake_micro, 0, tuple(LegRecord(market, 0, e4) for e4 in prices_e4))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (bet(MAX_MICRO + 1, 10_000), "stake"),
        (bet(2**64 - 1, 1), "stake"),
        (bet(MAX_MICRO, 10_001), "pay"),
        (bet(MAX_MICRO, 2**32 - 1), "pay"),
        (bet(2**43, 2**32 - 1), "pay"),
        (bet(2**38, 2**32 - 1), "pay"),
        (bet(MAX_MICRO, 10_000, 10_001), "pay"),
        (bet(1, *[2**32 - 1] * 12), "pay"),
        (bet(1, 10_000, market=len(MARKETS)), "market"),
        (bet(1, 10_000, 10_000, market=255), "market"),
    ],
)
def test_bet_that_the_contract_would_refuse_is_invalid(record: BetRecord, words: str) -> None:
    data = placed_data([bet(5, 20_000), record], [])
    with pytest.raises(PackedInvalid, match=words):
        read_columns([split_placed(data)])


@pytest.mark.parametrize(
    "record",
    [
        bet(MAX_MICRO, 10_000),
        bet(MAX_MICRO, 10_000, 10_000),
        bet(10_000 * (MAX_MICRO // 2**32), 2**32 - 1),
    ],
)
def test_bet_of_the_maximum_is_read(record: BetRecord) -> None:
    columns = read_columns([split_placed(placed_data([record], []))])
    assert columns.bets.payout_max_micro.tolist() == [record.payout_max_micro]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**63 - 1)), max_size=30))
def test_sums_are_exact(pairs: list[tuple[int, int]]) -> None:
    groups, values = (ints([pair[part] for pair in pairs]) for part in (0, 1))
    names, sums, same = sums_by(groups, values, values)
    expected = {n: sum(v for g, v in pairs if g == n) for n, _ in pairs}
    assert dict(zip(names, sums, strict=True)) == expected
    assert names == sorted(expected)
    assert same == sums


def range_of(*events: tuple[int, BatchPlaced]) -> BlockRange:
    logged = [Logged(1, index, b"t", event) for index, event in events]
    return BlockRange([Header(1, b"h", b"p", 5, 0)], logged)


@pytest.mark.parametrize("index", [2**31, 2**63, 2**200])
def test_integer_too_large_for_its_column_is_a_contradiction(index: int) -> None:
    event = BatchPlaced(1, placed_data([bet(5, 20_000)], []))
    encode_range(1, range_of((2**31 - 1, event)), {})
    with pytest.raises(Contradiction):
        encode_range(1, range_of((index, event)), {})
    encode_range(1, range_of((0, BatchPlaced(2**63 - 1, event.data))), {})
    with pytest.raises(Contradiction):
        encode_range(1, range_of((0, BatchPlaced(2**32 * index, event.data))), {})


def test_batch_without_bets_is_written() -> None:
    none = encode_range(1, range_of((0, BatchPlaced(1, placed_data([], [(1, 2, 3)])))), {})
    assert [table.__name__ for table, _ in none.copies] == [
        *("Block", "Batch", "Skip", "Transaction")
    ]


def test_bet_without_legs_is_a_contradiction() -> None:
    # Also with another record behind it, whose bytes a careless reader would take for a leg.
    for others in ([], [bet(5, 20_000)]):
        with pytest.raises(Contradiction, match="no legs"):
            encode_range(1, range_of((0, BatchPlaced(1, placed_data([bet(5), *others], [])))), {})


ROWS: list[tuple[type[MirrorRow], tuple[Column, ...]]] = [
    (
        Bet,
        (
            *(32_767, ints([0, 2**63 - 1]), ints([0, 255]), ints([1, 2]), ints([0, 2**32 - 1])),
            *(ints([0, 2**24 - 1]), ints([1, MAX_MICRO]), ints([0, 2**40]), ints([1, 12])),
            *(ints([1, MAX_MICRO]), None, None),
        ),
    ),
    (
        Leg,
        (
            *(1, ints([1, 2]), ints([0, 255]), ints([0, 11]), 9),
            *(b"m" * 26 + bytes(6), bytes(16), ints([0, 255]), ints([10_000, 2**32 - 1])),
        ),
    ),
    (
        Movement,
        (
            *(1, ints([1, 2]), ints([0, 2**31 - 1]), ints([0, 255]), ints([1, 2**32 - 1])),
            *(b"stake", ints([-1, -MAX_MICRO]), ints([1, 2]), ints([0, 255]), None, None),
        ),
    ),
]


@pytest.mark.parametrize(("table", "columns"), ROWS, ids=[table.__name__ for table, _ in ROWS])
def test_binary_columns_equal_text_rows_in_postgresql(
    fresh_database: str, table: type[MirrorRow], columns: tuple[Column, ...]
) -> None:
    values = [[c] * 2 if c is None or isinstance(c, int | bytes) else c.tolist() for c in columns]
    rows = [
        tuple(v.decode() if v == b"stake" else v for v in row) for row in zip(*values, strict=True)
    ]
    names = ", ".join(columns_of(table))
    name = f"mirror.{table.__tablename__}"
    with psycopg.connect(plain_url(fresh_database), autocommit=True) as connection:
        for statement, data in (
            (f"COPY {name} ({names}) FROM STDIN (FORMAT binary)", copy_binary(table, columns)),
            (f"COPY {name} ({names}) FROM STDIN (NULL 'None')", copy_text(table, rows)),
        ):
            with connection.cursor().copy(statement) as copy:
                copy.write(data)
            read = connection.execute(f"SELECT {names} FROM {name} ORDER BY 1, 2, 3").fetchall()
            assert read == rows
            connection.execute(f"DELETE FROM {name}")
