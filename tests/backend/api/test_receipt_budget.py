"""Tests that what outstanding receipts can take stays within the budget of their key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from protocol.typed_data import Leg
from tests.backend.api.bettors import (
    ALPHA,
    GAMMA,
    NOW_S,
    RECEIPT_WINDOW_S,
    UNIT,
    Bettor,
    leg,
    signed,
    slip_of,
)
from tests.backend.api.client import is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World


async def test_budget_of_the_receipt_key_bounds_what_is_outstanding(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    async def post(nonce: int, **changes: Any) -> httpx.Response:
        return await api.post("/v1/slips", json=signed(bettor, nonce=nonce, **changes))

    # Every slip could pay 5 units above its stake.
    chain.set_receipt_key(left_micro=14 * UNIT, budget_micro=24 * UNIT)
    assert [(await post(nonce)).status_code for nonce in (1, 2)] == [201, 201]
    full = await post(3)
    is_problem(full, 503, "receipt-budget")
    assert (full.json()["needed_micro"], full.json()["available_micro"]) == ("5000000", "4000000")
    # A unit is regained in an hour, but the others are placed or lost before.
    assert full.headers["Retry-After"] == str(RECEIPT_WINDOW_S)
    assert (await post(3, stake_micro=4 * UNIT)).status_code == 201
    # A batch that the chain had, when the budget was read, has placed one without the budget. Of
    # one that came later it is not known whether a receipt placed it.
    world.place(slip_of(bettor, nonce=1), batch=11)
    world.confirm(21)
    is_problem(await post(4), 503, "receipt-budget")
    chain.state = replace(chain.state, block=21)
    assert (await post(4)).status_code == 201


async def test_slip_that_no_receipt_can_ever_cover_is_not_told_to_wait(
    api: httpx.AsyncClient, bettor: Bettor, chain: FakeChain
) -> None:
    chain.set_receipt_key(left_micro=24 * UNIT, budget_micro=24 * UNIT)
    large = await api.post("/v1/slips", json=signed(bettor, stake_micro=25 * UNIT))
    is_problem(large, 409, "receipt-too-large")
    assert "at most 24.00" in large.json()["detail"]
    assert large.json()["max_micro"] == str(24 * UNIT)
    assert "Retry-After" not in large.headers


async def test_budget_is_kept_until_the_bet_is_confirmed(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """The mirror shows the bet; a reorg takes it away, and the operator does not send it again.
    Then its receipt needs the budget, and with it that of every slip that was accepted since."""
    chain.set_receipt_key(left_micro=9 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    world.place(slip_of(bettor), batch=9)
    chain.state = replace(chain.state, block=20)
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=2)), 503, "receipt-budget")
    world.confirm(19)
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=2))).status_code == 201


async def test_budget_of_a_lapsed_receipt_may_have_been_taken_at_the_last_moment(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """The budget was read before a receipt was enforced in the last second of its window; the
    mirror has gone on, and is past the window. What the receipt took is not in what was read."""
    chain.set_receipt_key(left_micro=9 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    over_s = NOW_S + RECEIPT_WINDOW_S + 1
    later = signed(bettor, nonce=2, deadline_s=over_s + 60)
    world.clock(over_s)
    world.place(slip_of(bettor), batch=11)
    world.confirm(20, over_s - 2)
    world.confirm(21, over_s)
    is_problem(await api.post("/v1/slips", json=later), 503, "receipt-budget")
    chain.state = replace(chain.state, block=21)
    assert (await api.post("/v1/slips", json=later)).status_code == 201


async def test_budget_is_kept_for_a_receipt_that_can_replace_a_bet(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """Two legs at 2 and 4.5 were placed at 4.5 and 2: the highest payout is the same, not what they
    pay when one is void. The bet that replaces them ends it."""
    legs = (*leg(ALPHA), *leg(GAMMA))
    world.offer(GAMMA.result, 45_000, 32_000, 41_000, version=2)
    # It could pay 8 units above its stake.
    chain.set_receipt_key(left_micro=12 * UNIT)
    body = signed(bettor, legs=legs, stake_micro=UNIT)
    assert (await api.post("/v1/slips", json=body)).status_code == 201
    slip = slip_of(bettor, legs=legs, stake_micro=UNIT)
    world.place(slip, batch=7, odds_e4=(45_000, 20_000))
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=2)), 503, "receipt-budget")
    world.place(slip, batch=8, odds_e4=(20_000, 45_000), instead_of=7)
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=2))).status_code == 201


@pytest.mark.parametrize("changed", [{"accepted_at_s": NOW_S + 9}, {"odds_e4": (19_600,)}])
async def test_stake_of_a_bet_at_other_terms_is_reserved_once(
    api: httpx.AsyncClient, world: World, bettor: Bettor, changed: dict[str, Any]
) -> None:
    """A receipt that replaces a bet first gives its stake back."""
    assert (await api.post("/v1/slips", json=signed(bettor, stake_micro=60 * UNIT))).is_success
    world.place(slip_of(bettor, stake_micro=60 * UNIT), batch=7, **changed)
    rest = await api.post("/v1/slips", json=signed(bettor, nonce=2, stake_micro=40 * UNIT))
    assert rest.status_code == 201, rest.text


async def test_budget_keeps_the_stakes_of_slips_in_play(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """To replace a bet in play takes its stake too. Of the free money it takes no more: the reserve
    of 20 covers what three slips pay above their stakes."""
    world.open_market(ALPHA.live)
    world.offer(ALPHA.live, 20_000, 32_000, 41_000)
    in_play = (Leg(ALPHA.name, ALPHA.live, 0),)
    chain.set_receipt_key(left_micro=29 * UNIT)
    chain.set_limits(receipt_reserve_micro=20 * UNIT)

    async def post(nonce: int, **changes: Any) -> httpx.Response:
        return await api.post("/v1/slips", json=signed(bettor, nonce=nonce, **changes))

    assert [(await post(n, legs=in_play)).status_code for n in (1, 2)] == [201, 201]
    refused = await post(3, legs=in_play)
    is_problem(refused, 503, "receipt-budget")
    assert (refused.json()["needed_micro"], refused.json()["available_micro"]) == (
        "10000000",
        "9000000",
    )
    # An accumulator of one unit that pays four, with one leg in play; then a bet that is not.
    assert (await post(3, legs=(*in_play, *leg(GAMMA)), stake_micro=UNIT)).status_code == 201
    assert (await post(4)).status_code == 201
    is_problem(await post(5, stake_micro=UNIT), 503, "receipt-budget")
    chain.set_receipt_key(left_micro=1_000 * UNIT)
    # The reserve has two of 20 left, whatever the budget has.
    is_problem(await post(5, stake_micro=3 * UNIT, legs=in_play), 503, "receipt-budget")
    assert (await post(5, stake_micro=2 * UNIT, legs=in_play)).status_code == 201


async def test_slip_waits_only_until_its_budget_is_regained(
    api: httpx.AsyncClient, bettor: Bettor, chain: FakeChain
) -> None:
    # 24 hours regain 864 units; one that is missing takes 100 seconds.
    chain.set_receipt_key(left_micro=4 * UNIT, budget_micro=864 * UNIT)
    refused = await api.post("/v1/slips", json=signed(bettor))
    is_problem(refused, 503, "receipt-budget")
    assert refused.headers["Retry-After"] == "100"
