"""Encodes the call with which a quoted bet is placed; pure."""

from __future__ import annotations

from protocol.batch_call import SlipEntry, Table, pack_batch
from protocol.calls import encode_call
from protocol.market_id import fixture_name_hash
from protocol.records import BetRecord, LegRecord
from protocol.signatures import COMPACT_BYTES
from protocol.typed_data import Quote

# The time of the block is the base of a quoted bet, and its deadline is the quote's.
_NO_DEADLINE_S = 2**16 - 1


def quoted_batch(quote: Quote, min_odds_e4: int) -> bytes:
    """The argument `batch` of `placeQuoted`: the bet at the whole stake, without a signature."""
    table = Table.build(
        0, [(fixture_name_hash(leg.fixture_name), leg.market) for leg in quote.legs]
    )
    index = {table.market_id(number).pack(): number for number in range(len(table.markets))}
    record = BetRecord(
        account=quote.account,
        nonce=quote.nonce,
        stake_micro=quote.max_stake_micro,
        accepted_after_s=0,
        legs=tuple(
            LegRecord(index[leg.market.pack()], leg.outcome, odds_e4)
            for leg, odds_e4 in zip(quote.legs, quote.odds_e4, strict=True)
        ),
    )
    entry = SlipEntry(record, min_odds_e4, _NO_DEADLINE_S, bytes(COMPACT_BYTES))
    return pack_batch(table, [entry])[:-COMPACT_BYTES]


def place_quoted(quote: Quote, batch: bytes, house: tuple[bytes, bytes]) -> bytes:
    """The call data of `placeQuoted`."""
    terms = (quote.account, quote.nonce, quote.max_stake_micro, quote.deadline_s)
    return encode_call("Sportsbook", "placeQuoted", batch, terms, house)
