"""Runs one API for all tests of this folder, over a world that no test changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from scripts.devnet import Postgres, Redis
from tests.backend.api.bettors import Bettor
from tests.backend.api.open_house import open_house
from tests.backend.api.world import World
from tests.backend.surface.process import ApiProcess, running_api
from tests.support.schema import create_database_with_tables


@pytest.fixture(scope="package")
def surface_world(
    postgres: Postgres, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Rows of a house with one open account, two fixtures and live odds."""
    name = "surface"
    with redis.Redis.from_url(redis_server.url()) as client:
        client.flushall()
    database = create_database_with_tables(postgres, name)
    world = World(database, redis_server.url(), tmp_path_factory.mktemp(name))
    open_house(world)
    yield world
    world.connection.close()
    world.redis.close()
    postgres.drop_database(name)


@pytest.fixture(scope="package")
def surface_bettor(surface_world: World) -> Bettor:
    """The owner of account 7."""
    return surface_world.open_account(7)


@pytest.fixture(scope="package")
def surface(surface_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    """The API in a process of its own."""
    folder: Path = tmp_path_factory.mktemp("surface_log")
    environment = surface_world.environment()
    with running_api(folder, environment, MAX_STREAMS_PER_ADDRESS="1000") as api:
        yield api
