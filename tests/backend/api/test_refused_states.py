"""Tests slips that the state of markets, odds, house or account does not allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from backend.slips.refusals import SLIP_REFUSALS
from protocol.typed_data import Leg
from tests.backend.api.bettors import (
    ALPHA,
    GAMMA,
    NOW_S,
    START_S,
    UNIT,
    Bettor,
    leg,
    signed,
    slip_of,
)
from tests.backend.api.client import is_problem
from tests.backend.api.test_refused_requests import BAD
from tests.backend.api.world import World


def _close_market(world: World) -> None:
    world.execute("UPDATE backend.market SET status = 'suspended'")


def _close_fixture(world: World) -> None:
    world.execute("UPDATE backend.fixture SET status = 'postponed'")


def _pause(world: World) -> None:
    world.execute("UPDATE mirror.book SET paused = true")


def _empty_house(world: World) -> None:
    world.execute("UPDATE mirror.book SET pool_micro = locked_micro + 4999999")


def _announce_exit(world: World) -> None:
    world.insert(
        "mirror.exit_request", deployment=1, account=7, amount_micro=96 * UNIT, unlocks_at_s=0
    )


def _exclude(until_s: int) -> Callable[[World], None]:
    def exclude(world: World) -> None:
        world.insert(
            "mirror.exclusion",
            **{"deployment": 1, "block": 9, "log_index": 0, "account": 7},
            **{"from_s": NOW_S - 5, "until_s": until_s},
        )

    return exclude


def _cap(market_micro: int, fixture_micro: int, block: int = 9) -> Callable[[World], None]:
    def cap(world: World) -> None:
        world.insert(
            "mirror.caps",
            **{"deployment": 1, "block": block, "log_index": 0},
            **{"market_micro": market_micro, "fixture_micro": fixture_micro},
        )

    return cap


STATES: dict[str, tuple[Callable[[World], Any], int, str]] = {
    "market_suspended": (_close_market, 409, "market-closed"),
    "fixture_postponed": (_close_fixture, 409, "market-closed"),
    "placing_paused": (_pause, 409, "market-closed"),
    "odds_withdrawn": (lambda w: w.offer(ALPHA.result), 409, "market-closed"),
    "odds_moved": (lambda w: w.offer(ALPHA.result, 19_400, 33_000, 42_000), 409, "odds-moved"),
    "odds_stale": (lambda w: w.beat(ago_ms=6_000), 503, "odds-stale"),
    "odds_never_heard": (lambda w: w.redis.delete("odds:heartbeat"), 503, "odds-stale"),
    "house_too_poor": (_empty_house, 409, "exposure-exceeded"),
    "exit_announced": (_announce_exit, 409, "balance-insufficient"),
    "account_excluded": (_exclude(NOW_S + 1), 403, "account-excluded"),
    "market_capped": (_cap(5 * UNIT - 1, 2**64 - 1), 409, "cap-exceeded"),
    "fixture_capped": (_cap(2**64 - 1, 5 * UNIT - 1), 409, "cap-exceeded"),
    "mirror_empty": (lambda w: w.execute("DELETE FROM mirror.deployment"), 503, "not-ready"),
    "book_empty": (lambda w: w.execute("DELETE FROM mirror.book"), 503, "not-ready"),
}


@pytest.mark.parametrize("name", STATES)
async def test_slip_is_refused_in_this_state(
    name: str, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    change, status, code = STATES[name]
    change(world)
    before = world.contents()
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, status, code)
    assert world.contents() == before


async def test_expired_exclusion_allows_bets(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    _exclude(NOW_S)(world)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201


async def test_cap_counts_placed_bets_and_pending_slips(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    async def code(**changes: Any) -> str:
        answer = await api.post("/v1/slips", json=signed(bettor, **changes))
        return str(answer.json().get("code", answer.status_code))

    world.offer(ALPHA.total, 20_000, 20_000)
    _cap(5 * UNIT, 9 * UNIT)(world)
    assert await code() == "201"
    assert await code(nonce=2, stake_micro=UNIT) == "cap-exceeded"
    other = (Leg(ALPHA.name, ALPHA.total, 0),)
    assert await code(nonce=2, legs=other, stake_micro=5 * UNIT) == "cap-exceeded"
    assert await code(nonce=2, legs=other, stake_micro=4 * UNIT) == "201"
    # An accumulator counts alone, against the cap of a market.
    both = (*leg(ALPHA), *leg(GAMMA))
    assert await code(nonce=3, legs=both, stake_micro=2 * UNIT) == "cap-exceeded"
    assert await code(nonce=3, legs=both, stake_micro=UNIT) == "201"
    # On the chain, bets on different outcomes net, so nothing is locked.
    world.execute("DELETE FROM backend.slip_leg")
    world.execute("DELETE FROM backend.slip")
    world.insert(
        "mirror.exposure",
        **{"deployment": 1, "market": ALPHA.result.pack(), "block": 9},
        **{"payout_0_micro": 6 * UNIT, "payout_1_micro": 0, "payout_2_micro": 6 * UNIT},
        stakes_micro=6 * UNIT,
    )
    assert await code(nonce=4) == "201"
    # The newest caps count.
    _cap(2**64 - 1, 2**64 - 1, block=10)(world)
    assert await code(nonce=5) == "201"


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


async def test_nonces(api: httpx.AsyncClient, world: World, bettor: Bettor) -> None:
    async def post(nonce: int) -> tuple[int, str | None]:
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce, stake_micro=UNIT))
        return answer.status_code, answer.json().get("code")

    world.place(slip_of(bettor, nonce=20), batch=1)
    assert await post(20) == (409, "nonce-used")
    assert await post(11) == (409, "nonce-too-low")
    assert await post(12) == (201, None)
    assert await post(21) == (409, "nonce-too-high")
    assert await post(20 - 1) == (201, None)
    used = await api.post("/v1/slips", json=signed(bettor, nonce=12, stake_micro=2 * UNIT))
    is_problem(used, 409, "nonce-used")
    assert used.json()["next_nonce"] == 21


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
    assert {code for _, _, code in (*BAD.values(), *STATES.values())} - {
        "body-malformed",
        "not-ready",
    } <= codes
    assert len(codes) == len(SLIP_REFUSALS) > 20
