"""Packs slips into batches, and bets into the runs that settle them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.batch_call import SlipEntry, Table, pack_batch
from protocol.market_id import fixture_name_hash
from protocol.placed_event import PlacedBatch
from protocol.records import BetRecord, LegRecord
from tests.support.people import Bettor
from tests.support.slips import Pick, Signed
from tests.support.terms import UNIT

SIGNATURE_SIZE = 64


def table_of(base_s: int, picks: Sequence[Pick]) -> Table:
    """The fixtures and markets of a batch."""
    return Table.build(base_s, [(fixture_name_hash(p.name), p.market) for p in picks])


def leg_records(table: Table, picks: Sequence[Pick]) -> tuple[LegRecord, ...]:
    """The picks as a record has them."""
    ids = [table.market_id(i) for i in range(len(table.markets))]
    return tuple(LegRecord(ids.index(p.market), p.outcome, p.odds_e4) for p in picks)


def entry(signed: Signed, table: Table) -> SlipEntry:
    """The slip as the batch call takes it."""
    slip = signed.slip
    record = BetRecord(
        account=slip.account,
        nonce=slip.nonce,
        stake_micro=slip.stake_micro,
        accepted_after_s=signed.accepted_at_s - table.base_s,
        legs=leg_records(table, signed.picks),
    )
    return SlipEntry(
        record,
        slip.min_odds_e4,
        slip.deadline_s - table.base_s,
        signed.signature,
        signed.contract_signature,
    )


def pack(*signed: Signed, base_s: int | None = None) -> bytes:
    """The argument of placeBatch. Times count from `base_s`, or from the first acceptance."""
    base_s = min(s.accepted_at_s for s in signed) if base_s is None else base_s
    table = table_of(base_s, [pick for s in signed for pick in s.picks])
    return pack_batch(table, [entry(s, table) for s in signed])


def pack_unsigned(
    bettor: Bettor,
    *picks: Pick,
    stake_micro: int = UNIT,
    nonce: int = 1,
    min_odds_e4: int = 0,
    accepted_after_s: int = 0,
) -> bytes:
    """The argument of placeQuoted: one slip without a signature."""
    table = table_of(0, picks)
    legs = leg_records(table, picks)
    record = BetRecord(bettor.account, nonce, stake_micro, accepted_after_s, legs)
    slip = SlipEntry(record, min_odds_e4, 2**16 - 1, bytes(SIGNATURE_SIZE))
    return pack_batch(table, [slip])[:-SIGNATURE_SIZE]


def run(
    number: int, batch: PlacedBatch, first: int = 0, bets: int | None = None
) -> tuple[Any, ...]:
    """A run as `settle` takes it; all bets from `first` on when `bets` is not given."""
    part = batch.part(first, bets)
    return (number, part.first, part.markets, part.records, list(part.proof))
