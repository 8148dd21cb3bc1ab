"""Tests that requests above the rate are refused, by address and by account.

Branches: an address · an account, whatever the address · slips that nobody signed · what anybody
could send again: slips that expired, and what was accepted before, under its own key or that of
another slip · what is given back after the window's end
"""

from __future__ import annotations

from typing import Any

import httpx

from backend.services import Services
from tests.backend.api.bettors import (
    ALPHA,
    NOW_S,
    Bettor,
    signed,
    signed_by_stranger,
)
from tests.backend.api.client import client, is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.test_withdrawals import body as withdrawal
from tests.backend.api.world import World


async def test_requests_above_the_rate_are_refused(world: World, bettor: Bettor) -> None:
    services = Services.from_settings(world.settings(rate_limit_per_minute=3))
    async with services.running(), client(services) as api:
        answers = [await api.get("/v1/fixtures") for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        is_problem(answers[-1], 429, "rate-limited")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


async def test_account_is_limited_whatever_its_address(
    world: World, bettor: Bettor, chain: FakeChain
) -> None:
    services = Services.from_settings(world.settings(rate_limit_per_minute=3))
    chain.serve(services)
    async with services.running(), client(services) as api:
        for number in range(4):
            world.redis.delete("rate:address:127.0.0.1")
            answer = await api.post("/v1/slips", json=signed(bettor, nonce=1 + number))
            assert answer.status_code == (429 if number == 3 else 201)
        forged = signed_by_stranger(world.open_account(8))
        for _ in range(4):
            world.redis.delete("rate:address:127.0.0.1")
            assert (await api.post("/v1/slips", json=forged)).status_code == 403
        assert world.redis.get("rate:account:8") is None


async def test_what_the_chain_shows_cannot_be_sent_again_to_keep_an_account_from_betting(
    world: World, bettor: Bettor, chain: FakeChain
) -> None:
    services = Services.from_settings(world.settings(rate_limit_per_minute=4))
    chain.serve(services)
    async with services.running(), client(services) as api:
        slips = [signed(bettor, nonce=nonce) for nonce in (1, 2)]
        answers = [await api.post("/v1/slips", json=slip) for slip in slips]
        other = {"Idempotency-Key": answers[1].json()["slip_hash"]}
        expired = signed(bettor, nonce=3, deadline_s=NOW_S)

        async def send(slip: dict[str, Any], **headers: Any) -> int:
            world.redis.delete("rate:address:127.0.0.1")
            return (await api.post("/v1/slips", json=slip, **headers)).status_code

        for _ in range(3):
            assert await send(slips[0]) == 200
            assert await send(slips[0], headers=other) == 409
            assert await send(expired) == 409
        # Beyond the limit, what was accepted before is still answered.
        assert world.redis.get("rate:account:7") == b"2"
        assert [await send(signed(bettor, nonce=nonce)) for nonce in (4, 5, 6)] == [201, 201, 429]
        assert await send(slips[0]) == 200
        # By the terms of now it is refused, so it is found in another way.
        world.offer(ALPHA.result, 10_100, 32_000, 41_000, version=2)
        assert await send(slips[0]) == 200
        assert world.redis.get("rate:account:7") == b"5"
        world.redis.delete("rate:account:7")
        await services.limiter.give_back("account", ["7", "7"])
        assert world.redis.get("rate:account:7") is None


async def test_withdrawal_that_was_countersigned_before_does_not_count(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    answers = [await api.post("/v1/withdrawals", json=withdrawal(bettor)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert world.redis.get("rate:account:7") == b"1"
