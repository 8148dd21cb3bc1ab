"""Turns the bets that a range places into columns of rows and deltas of the state.

They are most of a chain's rows. `projection` handles everything else, event by event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from indexer.decode.batch_columns import BetColumns, Ints, LegColumns, ints, read_columns, sums_by
from indexer.decode.events import Logged
from indexer.mirror.row_changes import Changes
from indexer.mirror.tables import Bet, Leg, Movement
from protocol.market_id import FIXTURE_BYTES, MARKET_BYTES
from protocol.placed_event import PlacedParts

_OUTCOME_BITS = 8


def add_placed(
    changes: Changes, deployment: int, batches: Mapping[int, tuple[Logged, PlacedParts]]
) -> None:
    """Add the bets of batches (by number) to `changes`. Raises PackedInvalid."""
    if not batches:
        return
    events, parts = zip(*batches.values(), strict=True)
    bets, legs, markets = read_columns(parts)
    batch = ints(list(batches))[bets.batch]
    block = ints([logged.block for logged in events])[bets.batch]
    log_index = ints([logged.log_index for logged in events])[bets.batch]
    market = np.array(markets, f"S{MARKET_BYTES}")[legs.market]
    changes.columns |= {
        Bet: (
            *(deployment, batch, bets.number, block, bets.account, bets.nonce),
            *(bets.stake_micro, bets.accepted_at_s, bets.legs, bets.payout_max_micro, None, None),
        ),
        Leg: (
            *(deployment, batch[legs.bet], bets.number[legs.bet], legs.number),
            *(block[legs.bet], market, market.astype(f"S{FIXTURE_BYTES}")),
            *(legs.outcome, legs.odds_e4),
        ),
        Movement: (
            *(deployment, block, log_index, bets.number, bets.account, b"stake"),
            *(-bets.stake_micro, batch, bets.number, None, None),
        ),
    }
    _subtract_stakes(changes, bets)
    _add_exposures(changes, bets, legs, markets, block)


def _subtract_stakes(changes: Changes, bets: BetColumns) -> None:
    for account, stakes in zip(*sums_by(bets.account, bets.stake_micro), strict=True):
        changes.balances[account] -= stakes
    accumulator = bets.legs != 1
    stakes = _sum(bets.stake_micro[accumulator])
    locked = _sum(bets.payout_max_micro[accumulator]) - stakes
    changes.book.place(_sum(bets.stake_micro), stakes, locked)


def _add_exposures(
    changes: Changes, bets: BetColumns, legs: LegColumns, markets: Sequence[bytes], block: Ints
) -> None:
    """Add the payouts of single bets on each outcome."""
    single = bets.legs[legs.bet] == 1
    bet, market = legs.bet[single], legs.market[single]
    outcome = market << _OUTCOME_BITS | legs.outcome[single]
    sums = sums_by(outcome, bets.payout_max_micro[bet], bets.stake_micro[bet])
    for number, payout, stake in zip(*sums, strict=True):
        market_id, won = markets[number >> _OUTCOME_BITS], number & (1 << _OUTCOME_BITS) - 1
        changes.book.move_single(market_id, won, payout, stake)
    for number, first in zip(*np.unique(market, return_index=True), strict=True):
        changes.add_market(markets[number], int(block[bet[first]]))


def _sum(amounts: Ints) -> int:
    return sum(amounts.tolist())
