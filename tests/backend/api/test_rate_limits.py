"""Tests that requests above the rate are refused, by address and by account."""

from __future__ import annotations

from backend.services import Services
from tests.backend.api.bettors import (
    Bettor,
    signed,
    signed_by_stranger,
)
from tests.backend.api.client import client, is_problem
from tests.backend.api.fake_chain import FakeChain
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
