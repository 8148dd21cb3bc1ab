"""Values the legs of a bet: by what they have earned, or by the odds of now.

It follows the contract's rules on when a leg is decided and when it is void, or the house would pay
for a leg that earns less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from backend.cash_outs.pricing import LegValue
from backend.cash_outs.refusals import CashOutUnavailable
from backend.formatting import utc
from backend.odds import redis_messages
from backend.odds.pricing_units import BID_ONE_E6
from backend.services import Services
from backend.settlement.result_preview import earns
from backend.slips.refusals import OddsStale
from backend.stream_services import REDIS_TIMEOUT_S
from protocol.limits import VOID_AFTER_S
from protocol.market_id import FIXTURE_BYTES, Kind, MarketId
from protocol.typed_data import Result

Row = Mapping[str, Any]

# Of a leg that is void.
_REFUND, _PARTS = 1, 1


@dataclass(frozen=True, slots=True)
class ValuedLegs:
    """What each leg is worth, and when the first of those without a result closes; None if all have
    one."""

    values: list[LegValue]
    closes_at_s: int | None


async def value_legs(
    services: Services, legs: Sequence[Row], now_s: int, offered_at_s: int
) -> ValuedLegs:
    """What the legs are worth now, in an offer that states the time `offered_at_s`. Raises
    CashOutUnavailable and OddsStale."""
    markets = [MarketId.unpack(bytes.fromhex(leg["market"])) for leg in legs]
    decided = [
        _decided(leg, market, offered_at_s, single=len(legs) == 1)
        for leg, market in zip(legs, markets, strict=True)
    ]
    waiting = [
        (leg, market)
        for leg, market, value in zip(legs, markets, decided, strict=True)
        if value is None
    ]
    closings = [_closes_at_s(leg, market, now_s) for leg, market in waiting]
    bids = iter(await _bids(services, [leg for leg, _ in waiting]))
    values = [next(bids) if value is None else value for value in decided]
    return ValuedLegs(values, min(closings, default=None))


def _decided(leg: Row, market: MarketId, offered_at_s: int, *, single: bool) -> LegValue | None:
    """What a leg has earned; None while it waits for its result. Raises CashOutUnavailable."""
    name, result = leg["name"], leg["result"]
    if market.in_play or market.kind is Kind.PROPOSITION:
        raise CashOutUnavailable(f"{name}: bets on this kind of market cannot be cashed out.")
    published_at_s = offered_at_s if result is None else leg["published_at_s"]
    if published_at_s > market.starts_at_s + VOID_AFTER_S:
        # Whatever it says: the contract refunds the leg.
        if single:
            raise CashOutUnavailable(
                f"{name} had no result within seven days of its start: the bet is"
                " void, and its stake is refunded."
            )
        return LegValue(leg["odds_e4"], 0, _REFUND, _PARTS)
    if result is None:
        return None
    if single:
        raise CashOutUnavailable(f"{name} has a result: the bet is settled by it.")
    if leg["final_at_s"] > offered_at_s:
        raise CashOutUnavailable(
            f"The result of {name} becomes final at {utc(leg['final_at_s'])}; try again then."
        )
    earned = earns(market, leg["outcome"], Result(market.fixture, **result))
    return LegValue(leg["odds_e4"], earned.win, earned.refund, earned.parts)


def _closes_at_s(leg: Row, market: MarketId, now_s: int) -> int:
    """When bets on a leg close. Raises CashOutUnavailable for one that no odds of now can price."""
    closes_at_s = min(market.starts_at_s, leg["closes_at_s"] or market.starts_at_s)
    if closes_at_s <= now_s:
        raise CashOutUnavailable(
            f"{leg['name']} has started: no offer is made until it has a result."
        )
    if leg["status"] != "scheduled" or leg["market_status"] != "open":
        raise CashOutUnavailable(f"{leg['name']}: this market is suspended; try again later.")
    return int(closes_at_s)


async def _bids(services: Services, legs: Sequence[Row]) -> list[LegValue]:
    """What legs without a result are worth by the odds process. Raises CashOutUnavailable and
    OddsStale."""
    if not legs:
        return []
    markets = [bytes.fromhex(leg["market"]) for leg in legs]
    try:
        async with (
            asyncio.timeout(REDIS_TIMEOUT_S),
            services.redis.pipeline(transaction=True) as pipeline,
        ):
            pipeline.get(redis_messages.HEARTBEAT_KEY)
            for market in markets:
                pipeline.hget(redis_messages.bids_key(market[:FIXTURE_BYTES]), f"0x{market.hex()}")
            heartbeat, *fields = await pipeline.execute()
    except (RedisError, OSError) as error:
        services.redis_fault.began(type(error).__name__)
        raise OddsStale("The odds cannot be read; try again.", retry_after_s=2) from None
    services.redis_fault.ended()
    age_ms = redis_messages.now_ms() - int(heartbeat or 0)
    if age_ms > services.settings.max_odds_age_ms:
        raise OddsStale("No current odds are available; try again.", retry_after_s=2)
    return [_bid(leg, field) for leg, field in zip(legs, fields, strict=True)]


def _bid(leg: Row, field: bytes | None) -> LegValue:
    if field is None:
        raise CashOutUnavailable(f"{leg['name']}: no odds are offered on this market now.")
    win, refund = redis_messages.read_bids(field)[leg["outcome"]]
    return LegValue(leg["odds_e4"], win, refund, BID_ONE_E6)
