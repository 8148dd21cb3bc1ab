"""Runs the API over real servers, with rows, odds and wallets that tests can change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from backend.services import Services
from tests.backend.api.bettors import Bettor
from tests.backend.api.client import client
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.open_house import open_house
from tests.backend.api.world import World


@pytest.fixture
def world(module_database: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """Rows of a house with one open account, two fixtures and live odds."""
    made = World(module_database, redis_url, tmp_path)
    made.empty()
    open_house(made)
    yield made
    made.connection.close()
    made.redis.close()


@pytest.fixture
def bettor(world: World) -> Bettor:
    """The owner of account 7."""
    return world.open_account(7)


@pytest.fixture
def chain() -> FakeChain:
    """The chain that the API asks."""
    return FakeChain()


@pytest.fixture
async def services(world: World, chain: FakeChain) -> AsyncIterator[Services]:
    """The running services of the API."""
    running = Services.from_settings(world.settings())
    chain.serve(running)
    async with running.running():
        yield running


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API."""
    async with client(services) as made:
        yield made
