"""Says which slips the ledger in plain Python (tests.contracts.model) refuses for their terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from protocol.market_id import MarketId
from protocol.placed_event import SkipReason
from tests.contracts.model_values import By, ResultModel, SlipModel
from tests.support.terms import BATCH_WINDOW_S, MAX_MICRO, RECEIPT_WINDOW_S, VOID_AFTER_S

MAX_LEGS = 12


def refused_terms(
    slip: SlipModel,
    markets: Sequence[MarketId],
    results: Mapping[bytes, ResultModel],
    base_s: int,
    now_s: int,
    by: By,
) -> SkipReason | None:
    """Why a slip is left out by its own terms and by the results of its fixtures."""
    record = slip.record
    accepted_at_s = base_s + record.accepted_after_s
    window_s = RECEIPT_WINDOW_S if by is By.RECEIPT else BATCH_WINDOW_S
    if not now_s - window_s <= accepted_at_s <= now_s:
        return SkipReason.ACCEPTANCE_OUTSIDE_WINDOW
    if record.accepted_after_s > slip.deadline_after_s:
        return SkipReason.SLIP_EXPIRED
    if not 0 < record.stake_micro <= MAX_MICRO:
        return SkipReason.STAKE_INVALID
    if not 0 < len(record.legs) <= MAX_LEGS:
        return SkipReason.LEGS_INVALID
    product = one = 1
    fixtures: set[bytes] = set()
    for leg in record.legs:
        if leg.market >= len(markets):
            return SkipReason.MARKET_UNKNOWN
        market = markets[leg.market]
        if leg.outcome >= len(market.outcomes):
            return SkipReason.MARKET_UNKNOWN
        if accepted_at_s >= _closes_at_s(market, results.get(market.fixture), by):
            return SkipReason.MARKET_CLOSED
        if market.fixture in fixtures:
            return SkipReason.LEGS_INVALID
        fixtures.add(market.fixture)
        if leg.odds_e4 <= 10_000:
            return SkipReason.ODDS_INVALID
        product *= leg.odds_e4
        one *= 10_000
        if record.stake_micro * product // one > MAX_MICRO:
            return SkipReason.PAYOUT_TOO_LARGE
    if product * 10_000 < slip.min_odds_e4 * one:
        return SkipReason.ODDS_BELOW_MINIMUM
    return None


def _closes_at_s(market: MarketId, result: ResultModel | None, by: By) -> int:
    """The first second in which slips can no longer be accepted."""
    closes_at_s = market.starts_at_s + (VOID_AFTER_S if market.in_play else 0)
    if result is None:
        return closes_at_s
    return min(closes_at_s, result.published_at_s) if by is By.RECEIPT else 0
