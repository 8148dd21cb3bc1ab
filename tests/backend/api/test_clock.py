"""With the machine's clock, a receipt states a time that the contract takes, whoever's clock is
wrong.

Branches: ahead of the newest block · behind it · too far ahead or behind, as a refusal, in /readyz
and as a metric · a match that has started by one of the two clocks.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.clock import acceptance_s, skew_refused
from backend.services import Services
from tests.backend.api.bettors import Bettor, Game, leg, signed
from tests.backend.api.client import client, is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World

MAX_SKEW_S = 60


@pytest.fixture
def now_s() -> int:
    return int(time.time())


@pytest.fixture
async def wall_services(world: World, chain: FakeChain) -> AsyncIterator[Services]:
    running = Services.from_settings(world.settings(clock="wall"))
    chain.serve(running)
    async with running.running():
        yield running


@pytest.fixture
async def wall(wall_services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API that follows the machine's clock."""
    async with client(wall_services) as made:
        yield made


@pytest.fixture
def game(world: World, now_s: int) -> Game:
    opened = Game("Home v Away, 2030-01-01", now_s + 3_600)
    world.open_game(opened)
    return opened


def slip(bettor: Bettor, game: Game, now_s: int) -> dict[str, object]:
    return signed(bettor, legs=leg(game), deadline_s=now_s + 60)


async def clock_ahead(wall: httpx.AsyncClient) -> float:
    text = (await wall.get("/metrics")).text
    found = re.search(r"^fairline_clock_ahead_seconds (\S+)$", text, re.MULTILINE)
    assert found
    return float(found[1])


@pytest.mark.parametrize("ahead_s", [0, 7, 50])
async def test_slip_is_accepted_at_the_newest_blocks_time_when_the_clock_is_ahead(
    wall: httpx.AsyncClient, world: World, bettor: Bettor, game: Game, now_s: int, ahead_s: int
) -> None:
    world.clock(now_s - ahead_s)
    answer = await wall.post("/v1/slips", json=slip(bettor, game, now_s))
    assert answer.status_code == 201, answer.text
    assert answer.json()["accepted_at_s"] == now_s - ahead_s
    assert answer.json()["receipt"]["accepted_at_s"] == now_s - ahead_s


async def test_slip_is_accepted_at_the_clocks_time_when_the_clock_is_behind(
    wall: httpx.AsyncClient, world: World, bettor: Bettor, game: Game, now_s: int
) -> None:
    world.clock(now_s + 40)
    answer = await wall.post("/v1/slips", json=slip(bettor, game, now_s))
    assert answer.status_code == 201, answer.text
    assert now_s <= answer.json()["accepted_at_s"] < now_s + 40


@pytest.mark.parametrize("ahead_s", [MAX_SKEW_S + 20, -MAX_SKEW_S - 20])
async def test_skew_above_the_bound_is_refused_shown_and_measured(
    wall: httpx.AsyncClient, world: World, bettor: Bettor, game: Game, now_s: int, ahead_s: int
) -> None:
    world.clock(now_s - ahead_s)
    refused = await wall.post("/v1/slips", json=slip(bettor, game, now_s))
    is_problem(refused, 503, "not-ready")
    assert "This server's clock is" in refused.json()["detail"]
    ready = await wall.get("/readyz")
    assert ready.status_code == 503
    [reason] = [one for one in ready.json()["missing"] if "This server's clock is" in one]
    assert ("CLOCK=chain" in reason) == (ahead_s > 0)
    assert abs(await clock_ahead(wall) - ahead_s) < 15


async def test_match_that_has_started_by_the_clock_is_refused_though_the_head_is_older(
    wall: httpx.AsyncClient, world: World, bettor: Bettor, now_s: int
) -> None:
    started = Game("Home v Away, 2030-01-02", now_s - 5)
    world.open_game(started)
    world.clock(now_s - 30)
    refused = await wall.post("/v1/slips", json=slip(bettor, started, now_s))
    is_problem(refused, 409, "market-started")


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(1, 10**6))
def test_acceptance_is_never_later_than_either_clock(now: int, head: int, most: int) -> None:
    assert acceptance_s(now, head) <= min(now, head)
    assert (skew_refused(now, head, most) is None) == (abs(now - head) <= most)
