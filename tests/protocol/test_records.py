"""Records, batches and market ids refuse what does not fit their layout.

Branches: a field of a record, of its leaf, of a slip, of a table or of a withdrawal that does not
fit · bets without legs · a reason that is not known, read strictly and as the indexer reads it ·
where the parts of a market id stand · every kind with every period · one payout for ints and
arrays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protocol.batch_call import SlipEntry, Table, TableFixture, TableMarket, pack_batch
from protocol.limits import (
    MAX_ACCOUNT,
    MAX_MIN_ODDS_E4,
    MAX_SECONDS_AFTER_BASE,
    MAX_TIME_S,
    TABLE_MARKET_BYTES,
)
from protocol.market_id import (
    FLAGS_AT,
    KIND_AT,
    LINE_AT,
    PERIOD_AT,
    STARTS_AT,
    ZEROS_AT,
    Kind,
    MarketId,
    MarketInvalid,
    Period,
    line_fits,
)
from protocol.payout import full_payout_down, single_payout_down
from protocol.placed_event import split_placed, unpack_placed
from protocol.records import BetRecord, LegRecord, PackedInvalid, pack_markets
from protocol.words import read_withdrawal_word, withdrawal_word

BASE_S = 1_748_180_000
MARKET = MarketId(b"f" * 16, 1_748_185_200, Kind.ASIAN_HANDICAP, Period.FIRST_HALF, -3, True)
BET = BetRecord(1, 1, 10, 0, (LegRecord(0, 0, 20_000),))


def placed(*records: bytes, skip: bytes = b"") -> bytes:
    counts = len(records).to_bytes(2, "big") + bytes((1,))
    return counts + pack_markets(BASE_S, [MARKET.pack()]) + b"".join(records) + skip


@pytest.mark.parametrize(
    "record",
    [
        replace(BET, account=MAX_ACCOUNT + 1),
        replace(BET, accepted_after_s=MAX_SECONDS_AFTER_BASE + 1),
        replace(BET, stake_micro=2**64),
        replace(BET, legs=(LegRecord(0, 256, 20_000),)),
        replace(BET, legs=(LegRecord(0, 0, 2**32),)),
    ],
)
def test_field_that_does_not_fit_is_invalid(record: BetRecord) -> None:
    with pytest.raises(PackedInvalid, match="does not fit"):
        record.pack()
    with pytest.raises(PackedInvalid, match="does not fit"):
        record.leaf_bytes(BASE_S, [MARKET.pack()])


def test_leaf_contains_the_market_instead_of_its_index() -> None:
    leaf = BET.leaf_bytes(BASE_S, [MARKET.pack()])
    leg, head = leaf[:32], leaf[32:]
    assert leg == MARKET.pack()[:ZEROS_AT] + bytes((0, 0)) + (20_000).to_bytes(4, "big")
    assert head == BET.pack()[:18] + BASE_S.to_bytes(5, "big")


def test_bet_without_legs_is_invalid() -> None:
    data = placed(replace(BET, legs=()).pack())
    for read in (split_placed, unpack_placed):
        with pytest.raises(PackedInvalid, match="no legs"):
            read(data)


def test_unknown_reason_is_invalid_where_a_batch_is_read_strictly() -> None:
    data = placed(BET.pack(), skip=bytes((0, 0, 0, 7, 0, 0, 9, 200)))
    assert split_placed(data).skips == [(7, 9, 200)]
    with pytest.raises(PackedInvalid, match="200"):
        unpack_placed(data)


def test_parts_of_a_market_id_stand_at_the_named_offsets() -> None:
    packed = MARKET.pack()
    assert packed[:STARTS_AT] == MARKET.fixture
    assert int.from_bytes(packed[STARTS_AT:KIND_AT], "big") == MARKET.starts_at_s
    assert (packed[KIND_AT], packed[PERIOD_AT]) == (MARKET.kind, MARKET.period)
    assert int.from_bytes(packed[LINE_AT:FLAGS_AT], "big", signed=True) == MARKET.line_q
    assert (packed[FLAGS_AT], packed[ZEROS_AT:]) == (1, bytes(6))
    assert MarketId.unpack(packed) == MARKET


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("kind", Kind)
def test_market_of_every_kind_and_period_is_read_back_or_refused_both_ways(
    kind: Kind, period: Period
) -> None:
    line_q = next(line_q for line_q in (0, 4) if line_fits(kind, line_q))
    market = replace(MARKET, kind=kind, period=period, line_q=line_q)
    if kind is not Kind.PROPOSITION or period is Period.FULL_TIME:
        assert MarketId.unpack(market.pack()) == market
        return
    with pytest.raises(MarketInvalid, match="no periods"):
        market.pack()
    packed = bytearray(replace(market, period=Period.FULL_TIME).pack())
    packed[PERIOD_AT] = period
    with pytest.raises(MarketInvalid, match="no periods"):
        MarketId.unpack(bytes(packed))


def test_withdrawal_is_read_back() -> None:
    for fields in ((0, 0, 0), (1, 2, 3), (MAX_ACCOUNT, 2**64 - 1, MAX_TIME_S)):
        assert read_withdrawal_word(withdrawal_word(*fields)) == fields


@pytest.mark.parametrize(
    "fields", [(MAX_ACCOUNT + 1, 1, 1), (0, 2**64, 1), (1, 1, MAX_TIME_S + 1), (1, -1, 1)]
)
def test_withdrawal_that_does_not_fit_is_invalid(fields: tuple[int, int, int]) -> None:
    with pytest.raises(PackedInvalid, match="does not fit"):
        withdrawal_word(*fields)


SLIP = SlipEntry(BET, MAX_MIN_ODDS_E4, MAX_SECONDS_AFTER_BASE, bytes(64))
TABLE = Table(
    BASE_S,
    (TableFixture(bytes(32), BASE_S),),
    (TableMarket(0, Kind.MATCH_RESULT, Period.FULL_TIME, 0, in_play=False),),
)


@pytest.mark.parametrize(
    "slip",
    [
        replace(SLIP, min_odds_e4=MAX_MIN_ODDS_E4 + 1),
        replace(SLIP, deadline_after_s=MAX_SECONDS_AFTER_BASE + 1),
        replace(SLIP, deadline_after_s=-1),
    ],
)
def test_slip_that_does_not_fit_is_invalid(slip: SlipEntry) -> None:
    assert SLIP.pack()
    with pytest.raises(PackedInvalid, match="does not fit"):
        slip.pack()


@pytest.mark.parametrize(
    "table",
    [
        replace(TABLE, base_s=MAX_TIME_S + 1),
        replace(TABLE, fixtures=(TableFixture(bytes(32), MAX_TIME_S + 1),)),
        replace(TABLE, fixtures=256 * TABLE.fixtures),
        replace(TABLE, markets=256 * TABLE.markets),
        replace(TABLE, markets=(replace(TABLE.markets[0], fixture=256),)),
        replace(TABLE, markets=(replace(TABLE.markets[0], line_q=2**15),)),
    ],
)
def test_table_that_does_not_fit_is_invalid(table: Table) -> None:
    assert len(TABLE.pack()) > TABLE_MARKET_BYTES
    with pytest.raises(PackedInvalid, match="does not fit"):
        table.pack()


@pytest.mark.parametrize("count", [0, 257])
def test_batch_has_1_to_256_slips(count: int) -> None:
    with pytest.raises(PackedInvalid, match="1 to 256 slips"):
        pack_batch(TABLE, count * (SLIP,))


def test_payout_of_a_single_bet_is_the_same_for_ints_and_arrays() -> None:
    stakes, odds = [1, 9_999, 123_456_789, 2**40 + 1], [10_001, 19_999, 2**32 - 1, 13_333]
    expected = [full_payout_down(stake, [one]) for stake, one in zip(stakes, odds, strict=True)]
    assert list(map(single_payout_down, stakes, odds)) == expected
    assert single_payout_down(np.array(stakes), np.array(odds)).tolist() == expected
