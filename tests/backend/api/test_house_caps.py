"""Tests slips that the contract's caps, or its reserve for receipts, leave no capacity for."""

from __future__ import annotations

from typing import Any

import httpx

from protocol.limits import MAX_MICRO
from protocol.typed_data import Leg
from tests.backend.api.bettors import ALPHA, GAMMA, UNIT, Bettor, leg, signed
from tests.backend.api.client import is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World


async def test_cap_counts_placed_bets_and_pending_slips(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    async def code(**changes: Any) -> str:
        answer = await api.post("/v1/slips", json=signed(bettor, **changes))
        return str(answer.json().get("code", answer.status_code))

    world.offer(ALPHA.total, 20_000, 20_000)
    chain.set_limits(market_cap_micro=5 * UNIT, fixture_cap_micro=9 * UNIT)
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
    chain.set_limits(market_cap_micro=MAX_MICRO, fixture_cap_micro=MAX_MICRO)
    assert await code(nonce=5) == "201"


async def test_accumulators_count_against_their_own_cap(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    both = (*leg(ALPHA), *leg(GAMMA))
    # Each locks 3 units, and open ones lock 10 already.
    world.execute("UPDATE mirror.book SET accumulators_micro = %s", 10 * UNIT)
    chain.set_limits(accumulator_cap_micro=16 * UNIT)
    answers = [
        await api.post("/v1/slips", json=signed(bettor, nonce=n, legs=both, stake_micro=UNIT))
        for n in (1, 2, 3)
    ]
    assert [answer.status_code for answer in answers[:2]] == [201, 201]
    is_problem(answers[2], 409, "cap-exceeded")
    assert "cap for the house's accumulators" in answers[2].json()["detail"]
    single = await api.post("/v1/slips", json=signed(bettor, nonce=3))
    assert single.status_code == 201


async def test_batches_must_leave_the_reserve_free(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    chain.set_limits(receipt_reserve_micro=50 * UNIT)
    world.execute("UPDATE mirror.book SET pool_micro = %s", 55 * UNIT - 1)
    is_problem(await api.post("/v1/slips", json=signed(bettor)), 409, "exposure-exceeded")
    world.execute("UPDATE mirror.book SET pool_micro = %s", 55 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
