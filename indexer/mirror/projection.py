"""Turns the events of a range into rows and deltas of the state; does no I/O.

Rows of events are complete here. Balances, exposures and the book are deltas, which
`head_state` adds to the stored amounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from indexer.chain.blocks import BlockRange
from indexer.decode import events as ev
from indexer.decode.bet_reader import Bet as PlacedBet
from indexer.errors import Contradiction
from indexer.mirror.account_rows import ACCOUNT_HANDLERS
from indexer.mirror.bet_rows import BET_HANDLERS, BetRows
from indexer.mirror.house_rows import HOUSE_HANDLERS
from indexer.mirror.placed_bets import add_placed
from indexer.mirror.range_rows import Handlers
from indexer.mirror.result_rows import RESULT_HANDLERS
from indexer.mirror.row_changes import Changes
from indexer.mirror.tables import Block, Transaction

_HANDLERS: Handlers[BetRows] = {
    **ACCOUNT_HANDLERS,
    **BET_HANDLERS,
    **HOUSE_HANDLERS,
    **RESULT_HANDLERS,
}


def earlier_batches(events: Sequence[ev.Logged]) -> set[int]:
    """The batches with bets that are settled in a range but were placed before it."""
    placed: set[int] = set()
    settled: set[int] = set()
    for logged in events:
        match logged.event:
            case ev.BatchPlaced(batch):
                placed.add(batch)
            case ev.BatchSettled(batch) | ev.BetReplaced(batch):
                settled.add(batch)
            case ev.CashedOut(batch, next=following):
                settled.add(batch)
                placed.add(following)
    return settled - placed


def project(
    deployment: int, blocks: BlockRange, earlier: Mapping[int, Sequence[PlacedBet]]
) -> Changes:
    """The changes that a range makes. `earlier` has the bets of `earlier_batches`. Raises
    Contradiction for events that cannot follow each other, PackedInvalid for unreadable ones."""
    rows = BetRows(deployment, bets=dict(earlier))
    rows.changes.rows[Block] = [
        (deployment, h.number, h.hash, h.parent_hash, h.timestamp_s) for h in blocks.headers
    ]
    for logged in blocks.events:
        _HANDLERS[type(logged.event)](rows, logged, logged.event)
    if rows.replaced:
        raise Contradiction("a bet is replaced, and none is placed instead")
    add_placed(rows.changes, deployment, rows.placed_batches)
    slips, settled = rows.tx_slips, rows.tx_settled
    rows.changes.rows[Transaction] = [
        (deployment, *at, slips[at], settled[at], None, None)
        for at in dict.fromkeys((*slips, *settled))
    ]
    return rows.changes
