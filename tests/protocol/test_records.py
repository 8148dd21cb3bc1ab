"""Records, batches and market ids refuse what does not fit their layout.

Branches: a field of a record or of its leaf that does not fit · bets without legs · a reason that
is not known, read strictly and as the indexer reads it · where the parts of a market id stand.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.limits import MAX_ACCOUNT, MAX_SECONDS_AFTER_BASE
from protocol.market_id import (
    FLAGS_AT,
    KIND_AT,
    LINE_AT,
    PERIOD_AT,
    STARTS_AT,
    ZEROS_AT,
    Kind,
    MarketId,
    Period,
)
from protocol.placed_batch import split_placed, unpack_placed
from protocol.records import BetRecord, LegRecord, PackedInvalid, pack_markets

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
