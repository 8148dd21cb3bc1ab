"""Tests slips that the state of markets, odds, house or account does not allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from backend.markets.tables import FixtureStatus
from backend.slips.refusals import SLIP_REFUSALS
from tests.backend.api.bettors import (
    ALPHA,
    GAMMA,
    NOW_S,
    START_S,
    UNIT,
    Bettor,
    leg,
    signed,
)
from tests.backend.api.client import is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.refusing_states import (
    announce_exit,
    cancel,
    close_fixture,
    close_market,
    empty_house,
    exclude,
    lost,
    pause,
    spent,
)
from tests.backend.api.test_refused_requests import BAD
from tests.backend.api.world import World

STATES: dict[str, tuple[Callable[[World], Any], int, str]] = {
    "market_suspended": (close_market, 409, "market-closed"),
    "fixture_postponed": (close_fixture, 409, "market-closed"),
    "placing_paused": (pause, 409, "market-closed"),
    "odds_withdrawn": (lambda w: w.offer(ALPHA.result), 409, "market-closed"),
    "odds_moved": (lambda w: w.offer(ALPHA.result, 19_400, 33_000, 42_000), 409, "odds-moved"),
    "odds_stale": (lambda w: w.beat(ago_ms=6_000), 503, "odds-stale"),
    "odds_never_heard": (lambda w: w.redis.delete("odds:heartbeat"), 503, "odds-stale"),
    "house_too_poor": (empty_house, 409, "exposure-exceeded"),
    "exit_announced": (announce_exit, 409, "balance-insufficient"),
    "nonce_cancelled": (lambda w: cancel(w, last=1), 409, "nonce-cancelled"),
    "account_excluded": (exclude(NOW_S + 1), 403, "account-excluded"),
    "mirror_empty": (lambda w: w.execute("DELETE FROM mirror.deployment"), 503, "not-ready"),
    "book_empty": (lambda w: w.execute("DELETE FROM mirror.book"), 503, "not-ready"),
}


# The slip could pay 5 units above its stake.
CHAIN_STATES: dict[str, tuple[Callable[[FakeChain], Any], int, str]] = {
    "market_capped": (lambda c: c.set_limits(market_cap_micro=5 * UNIT - 1), 409, "cap-exceeded"),
    "fixture_capped": (
        lambda c: c.set_limits(fixture_cap_micro=5 * UNIT - 1),
        409,
        "cap-exceeded",
    ),
    "budget_spent": (spent(5 * UNIT - 1), 503, "receipt-budget"),
    "reserve_too_small": (
        lambda c: c.set_limits(receipt_reserve_micro=5 * UNIT - 1),
        409,
        "receipt-too-large",
    ),
    "node_lost": (lost, 503, "chain-unreachable"),
}


@pytest.mark.parametrize("name", [*STATES, *CHAIN_STATES])
async def test_slip_is_refused_in_this_state(
    name: str, api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    if name in STATES:
        change, status, code = STATES[name]
        change(world)
    else:
        change_chain, status, code = CHAIN_STATES[name]
        change_chain(chain)
    before = world.contents()
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, status, code)
    assert world.contents() == before


async def test_expired_exclusion_allows_bets(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    exclude(NOW_S)(world)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201


@pytest.mark.parametrize("status", [one for one in FixtureStatus if one != "scheduled"])
async def test_closed_fixture_is_named_with_its_status(
    status: FixtureStatus, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    """Only a postponed match can accept bets again."""
    world.execute("UPDATE backend.fixture SET status = %s", status.value)
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, 409, "market-closed")
    found = answer.json()
    assert ALPHA.name in found["detail"]
    assert (found["fixture_status"], found["market_status"]) == (status, "open")
    assert ("later" in found["detail"]) is (status is FixtureStatus.POSTPONED)
    assert "suspended" not in found["detail"]


async def test_suspended_market_is_named(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    close_market(world)
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, 409, "market-closed")
    found = answer.json()
    assert (found["fixture_status"], found["market_status"]) == ("scheduled", "suspended")
    assert found["detail"] == f"{ALPHA.name}: this market is suspended; try again later."


async def test_started_market_is_refused_at_its_start(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.clock(START_S)
    late = await api.post("/v1/slips", json=signed(bettor, deadline_s=START_S + 60))
    is_problem(late, 409, "market-started")
    world.clock(START_S - 1)
    last = await api.post("/v1/slips", json=signed(bettor, deadline_s=START_S + 60))
    assert last.status_code == 201


async def test_odds_moved_problem_shows_the_new_odds(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.offer(ALPHA.result, 19_400, 33_000, 42_000)
    answer = (await api.post("/v1/slips", json=signed(bettor))).json()
    assert (answer["odds_e4"], answer["product_odds_e4"]) == ([19_400], 19_400)
    world.offer(ALPHA.result, 15_000, 33_000, 42_000)
    world.offer(GAMMA.result, 15_000, 33_000, 42_000)
    legs = (*leg(ALPHA), *leg(GAMMA))
    several = await api.post("/v1/slips", json=signed(bettor, legs=legs, min_odds_e4=23_000))
    assert several.json()["detail"] == (
        "The odds are now 2.25 (1.5 x 1.5), below your minimum of 2.3; to accept them, sign a slip"
        " with a lower minimum."
    )


async def test_product_of_odds_is_compared_exactly(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    legs = (*leg(ALPHA), *leg(GAMMA))
    world.offer(ALPHA.result, 15_001, 33_000, 42_000)
    world.offer(GAMMA.result, 15_001, 33_000, 42_000)
    # 1.5001 x 1.5001 = 2.25030001
    above = signed(bettor, legs=legs, min_odds_e4=22_504)
    is_problem(await api.post("/v1/slips", json=above), 409, "odds-moved")
    exact = signed(bettor, legs=legs, min_odds_e4=22_503)
    assert (await api.post("/v1/slips", json=exact)).status_code == 201


async def test_payout_above_the_maximum_is_refused(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.offer(ALPHA.result, 4_000_000, 33_000, 42_000)
    at_most = signed(bettor, stake_micro=50 * UNIT)
    above = signed(bettor, stake_micro=50 * UNIT + 1)
    is_problem(await api.post("/v1/slips", json=above), 409, "payout-too-large")
    assert (await api.post("/v1/slips", json=at_most)).status_code == 201


async def test_ninth_pending_slip_is_refused(api: httpx.AsyncClient, bettor: Bettor) -> None:
    for nonce in range(1, 9):
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce, stake_micro=UNIT))
        assert answer.status_code == 201
    ninth = await api.post("/v1/slips", json=signed(bettor, nonce=9, stake_micro=UNIT))
    is_problem(ninth, 409, "too-many-pending")


async def test_balance_refusal_names_the_amounts(api: httpx.AsyncClient, bettor: Bettor) -> None:
    await api.post("/v1/slips", json=signed(bettor, stake_micro=60 * UNIT))
    body = (await api.post("/v1/slips", json=signed(bettor, nonce=2, stake_micro=60 * UNIT))).json()
    assert body["code"] == "balance-insufficient"
    assert body["account"] == 7
    assert (body["available_micro"], body["needed_micro"]) == ("40000000", "60000000")
    assert (body["balance_micro"], body["reserved_micro"]) == ("100000000", "60000000")


def test_every_refusal_of_a_slip_is_declared() -> None:
    codes = {kind.code for kind in SLIP_REFUSALS}
    assert {code for _, _, code in (*BAD.values(), *STATES.values(), *CHAIN_STATES.values())} - {
        "body-malformed",
        "not-ready",
    } <= codes
    assert len(codes) == len(SLIP_REFUSALS) > 20
