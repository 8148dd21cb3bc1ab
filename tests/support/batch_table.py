"""Reads the table at the start of a batch call, as the contract does."""

from __future__ import annotations

from protocol.batch_call import Table, TableFixture, TableMarket
from protocol.limits import TABLE_FIXTURE_BYTES, TABLE_MARKET_BYTES
from protocol.market_id import Kind, Period
from protocol.records import PackedInvalid


def unpack_table(data: bytes) -> tuple[Table, int]:
    """Read the table at the start of `data`; returns it and its length in bytes. Raises
    PackedInvalid."""
    end = table_length(data)
    fixtures_end = 6 + TABLE_FIXTURE_BYTES * data[5]
    fixtures = tuple(
        TableFixture(data[at : at + 32], int.from_bytes(data[at + 32 : at + 37], "big"))
        for at in range(6, fixtures_end, TABLE_FIXTURE_BYTES)
    )
    markets = tuple(
        TableMarket(
            fixture=data[at],
            kind=Kind(data[at + 1]),
            period=Period(data[at + 2]),
            line_q=int.from_bytes(data[at + 3 : at + 5], "big", signed=True),
            in_play=bool(data[at + 5]),
        )
        for at in range(fixtures_end + 1, end, TABLE_MARKET_BYTES)
    )
    return Table(int.from_bytes(data[:5], "big"), fixtures, markets), end


def table_length(data: bytes) -> int:
    """Length in bytes of the table at the start of `data`. Raises PackedInvalid when truncated."""
    if len(data) < 7:
        raise PackedInvalid("a table has at least 7 bytes")
    markets_at = 6 + TABLE_FIXTURE_BYTES * data[5]
    if len(data) <= markets_at:
        raise PackedInvalid("the table of fixtures is truncated")
    end = markets_at + 1 + TABLE_MARKET_BYTES * data[markets_at]
    if len(data) < end:
        raise PackedInvalid("the table of markets is truncated")
    return end
