"""Attempts to be paid more by a cash-out than the bet is worth.

Branches: a result that came too late, or never · a market in play, a proposition · a match that was
brought forward · parts of a bet · bids that a thief wrote.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from backend.cash_outs.pricing import LegValue, price_down
from backend.cash_outs.relaying import CashOutRelayer
from backend.services import Services
from protocol.market_id import Kind, MarketId
from protocol.outcomes import ResultStatus
from protocol.typed_data import Result
from tests.backend.api.cashing_out import (
    ODDS_E4,
    STAKE_MICRO,
    accept,
    ask,
    balance,
    bettor,
    bid,
    delivery,
    engine,
    land,
    match,
    offered,
    opened,
    place,
    poor,
    relayer,
    ripen,
    services,
)
from tests.backend.api.client import is_problem
from tests.backend.api.signing_in import signed_in
from tests.support.accepted_slips import Game
from tests.support.house import House, Wanted
from tests.support.mirror import follow
from tests.support.people import Bettor
from tests.support.slips import Pick
from tests.support.terms import DISPUTE_WINDOW_S, UNIT, VOID_AFTER_S

__all__ = ["bettor", "delivery", "engine", "land", "match", "relayer", "services"]

LATE_S = 10 * 86_400


async def two_legs(
    api: httpx.AsyncClient, engine: Engine, house: House, redis_url: str, bettor: Bettor
) -> tuple[Game, int, dict[str, str]]:
    """An accumulator: a match that starts soon, and one that starts when its result is too late."""
    soon = opened(engine, house, redis_url, "One v Two, 2030-01-01", 1_000)
    later = opened(engine, house, redis_url, "Three v Four, 2030-01-11", LATE_S)
    batch = place(house, bettor, soon, later)
    ripen(engine, house)
    return soon, batch, await signed_in(api, bettor)  # type: ignore[arg-type]


async def test_leg_whose_result_came_too_late_is_bought_back_as_void(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    redis_url: str,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    """The result says that the leg has won at odds of 2. The contract refunds it all the same."""
    soon, batch, headers = await two_legs(api, engine, house, redis_url, bettor)
    house.travel(1_000 + VOID_AFTER_S)
    house.publish(Result(soon.market.fixture, ResultStatus.PLAYED, 1, 0, 2, 0, house.now_s()))
    ripen(engine, house, DISPUTE_WINDOW_S + 1)
    offer = await offered(api, headers, batch)
    # 10 x 1 x (2 x 0.45), not 10 x 2 x (2 x 0.45).
    assert offer["price_micro"] == str(9 * UNIT)
    before = balance(house, bettor)
    await accept(api, house, offer, bettor.key)
    assert relayer.relay(house.now_s()) == 1
    land()
    assert balance(house, bettor) == before + 9 * UNIT


async def test_leg_without_a_result_in_time_is_bought_back_as_void(
    api: httpx.AsyncClient, engine: Engine, house: House, redis_url: str, bettor: Bettor
) -> None:
    soon, batch, headers = await two_legs(api, engine, house, redis_url, bettor)
    at_s = soon.starts_at_s + VOID_AFTER_S
    ripen(engine, house, at_s - house.now_s() - 10)
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    ripen(engine, house, 11)
    assert (await offered(api, headers, batch))["price_micro"] == str(9 * UNIT)


async def test_single_that_is_void_is_not_bought_back(
    api: httpx.AsyncClient, engine: Engine, house: House, redis_url: str, bettor: Bettor
) -> None:
    soon = opened(engine, house, redis_url, "One v Two, 2030-01-01", 1_000)
    batch = place(house, bettor, soon)
    ripen(engine, house, 1_000 + VOID_AFTER_S + 1)
    answer = await ask(api, await signed_in(api, bettor), batch)  # type: ignore[arg-type]
    is_problem(answer, 409, "cash-out-unavailable")
    assert "void" in answer.json()["detail"]


@pytest.mark.parametrize(
    "market",
    [{"in_play": True}, {"kind": Kind.PROPOSITION}],
    ids=["in play", "proposition"],
)
async def test_market_that_other_rules_settle_is_not_bought_back(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    redis_url: str,
    bettor: Bettor,
    market: dict[str, Any],
) -> None:
    """In play a result counts from the acceptance on, and no score decides a proposition: by the
    rules of other markets its lost bets would be refunded."""
    first = opened(engine, house, redis_url, "One v Two, 2030-01-01", 1_000)
    second = opened(engine, house, redis_url, "Three v Four, 2030-01-11", LATE_S)
    odd = MarketId(
        **{
            "fixture": first.market.fixture,
            "starts_at_s": first.starts_at_s,
            "kind": Kind.MATCH_RESULT,
            **market,
        }
    )
    picks = (Pick(odd, 0, ODDS_E4, first.name), Pick(second.market, 0, ODDS_E4, second.name))
    batch = house.place(Wanted(bettor, picks, STAKE_MICRO))
    ripen(engine, house, 1_001)
    house.publish(Result(first.market.fixture, ResultStatus.PLAYED, 0, 0, 0, 1, house.now_s()))
    ripen(engine, house, DISPUTE_WINDOW_S + 1)
    answer = await ask(api, await signed_in(api, bettor), batch)  # type: ignore[arg-type]
    is_problem(answer, 409, "cash-out-unavailable")
    assert "cannot be cashed out" in answer.json()["detail"]


async def test_offer_ends_before_a_match_that_was_brought_forward(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    """The contract knows only the start that the market names: until the deadline, the owner could
    watch the match and choose."""
    batch = place(house, bettor, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    start_s = house.now_s() + 12
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.fixture SET starts_at_s = :s"), {"s": start_s})
    offer = await offered(api, headers, batch)
    assert offer["deadline_s"] == start_s - 1
    house.travel(start_s - house.now_s())
    follow(engine, house)
    is_problem(await accept(api, house, offer, bettor.key), 409, "cash-out-expired")
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")


def test_parts_of_a_bet_are_never_worth_more_than_the_whole() -> None:
    rng = random.Random(7)
    for _ in range(2_000):
        legs = []
        for _ in range(rng.randint(1, 4)):
            win = rng.randint(0, 10**6)
            refund = rng.randint(0, 10**6 - win)
            legs.append(LegValue(rng.randint(10_100, 90_000), win, refund, 10**6))
        parts = [rng.randint(1, 10**7) for _ in range(rng.randint(2, 6))]
        assert sum(price_down(part, legs) for part in parts) <= price_down(sum(parts), legs)


async def test_whoever_writes_to_redis_sets_the_price_up_to_the_payout(
    api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What docs/trust.md says of it: never more than the bet pays, nor than the key may commit."""
    batch = place(house, bettor, match)
    ripen(engine, house)
    bid(redis_url, match, ((900_000_000, 900_000_000),) * 3)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    assert (await offered(api, headers, batch))["price_micro"] == str(2 * STAKE_MICRO)
    poor(services, monkeypatch, 2 * STAKE_MICRO - 1)
    is_problem(await ask(api, headers, batch), 503, "cash-out-budget")
