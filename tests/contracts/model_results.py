"""Says what results mean for the ledger in plain Python (tests.contracts.model): what a leg earns,
and which offers for a cash-out they end."""

from __future__ import annotations

from protocol.market_id import Kind, MarketId
from tests.contracts.model_values import Bet, ResultModel
from tests.contracts.oracle import BACK, Earned, market_earns, proposition_earns
from tests.support.terms import VOID_AFTER_S

FRACTION = 5


def leg_earns(
    result: ResultModel | None, market: MarketId, outcome: int, accepted_at_s: int, now_s: int
) -> Earned | None:
    """What a leg earns by its fixture's result; None while it is not decided."""
    void_from_s = market.starts_at_s + VOID_AFTER_S
    if result is None:
        return BACK if now_s > void_from_s else None
    if result.published_at_s > void_from_s:
        return BACK
    if now_s < result.final_at_s:
        return None
    if result.settled_at_s < (accepted_at_s if market.in_play else market.starts_at_s):
        return BACK
    if market.kind is Kind.PROPOSITION:
        if result.status != FRACTION:
            return BACK
        return proposition_earns(*result.score[:3])[outcome]
    return market_earns(market, result.status, result.score)[outcome]


def is_outdated(
    result: ResultModel | None, bet: Bet, market: MarketId, offered_at_s: int, now_s: int
) -> bool:
    """Whether something has happened on a market of a bet that an offer's price could not know."""

    def passed(time_s: int) -> bool:
        return offered_at_s < time_s <= now_s

    void_from_s = market.starts_at_s + VOID_AFTER_S + 1
    if passed(market.starts_at_s):
        return True
    if len(bet.markets) == 1:
        return result is not None or now_s >= void_from_s
    if result is None or result.published_at_s >= void_from_s:
        return passed(void_from_s)
    return offered_at_s < result.final_at_s
