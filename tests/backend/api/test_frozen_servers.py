"""A server that hangs, instead of being away, delays no answer by more than its time limit.

Branches: Redis · the chain node, for one request and for many at once · PostgreSQL. Reads go on
from the process's own copy; /readyz names what does not answer; what recovers is used again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from backend.services import Services
from scripts.devnet import Redis
from tests.backend.api.bettors import Bettor, signed
from tests.backend.api.client import client, is_problem, until
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World

# The time limits are 1 s and 2 s; the rest is for a busy machine. Without a limit, a frozen server
# would keep these requests for ever.
PATIENCE_S = 8.0


@pytest.fixture
def own_redis(open_folder: Path) -> Iterator[Redis]:
    server = Redis(state=open_folder)
    server.start()
    yield server
    os.kill(server.process.pid, signal.SIGCONT)
    server.stop()


@pytest.fixture
def redis_url(own_redis: Redis) -> str:
    """The world writes its odds into the test's own Redis."""
    return own_redis.url()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
async def running(world: World, chain: FakeChain, own_redis: Redis) -> AsyncIterator[Services]:
    services = Services.from_settings(world.settings())
    chain.serve(services)
    async with services.running():
        await until(lambda: services.feed.heartbeat_received)
        yield services
        os.kill(own_redis.process.pid, signal.SIGCONT)


async def within(answer: object, seconds: float = PATIENCE_S) -> httpx.Response:
    return await asyncio.wait_for(answer, seconds)  # type: ignore[arg-type]


async def test_requests_do_not_hang_with_redis(
    running: Services, world: World, bettor: Bettor, own_redis: Redis
) -> None:
    async with client(running) as api:
        before = (await api.get("/v1/fixtures")).json()
        os.kill(own_redis.process.pid, signal.SIGSTOP)
        with capture_logs() as logged:
            reads = [api.get("/v1/fixtures") for _ in range(20)]
            answers = await asyncio.wait_for(asyncio.gather(*reads), PATIENCE_S)
            assert all(answer.json() == before for answer in answers)
            assert (await within(api.get("/v1/accounts/7"))).status_code == 200
            refused = await within(api.post("/v1/slips", json=signed(bettor)))
            is_problem(refused, 503, "odds-stale")
            ready = await within(api.get("/readyz"))
            assert "REDIS_URL" in " ".join(ready.json()["missing"])
            os.kill(own_redis.process.pid, signal.SIGCONT)
            deadline = time.monotonic() + 12
            while (ready := await within(api.get("/readyz"))).status_code != 200:
                assert time.monotonic() < deadline, ready.text
                await asyncio.sleep(0.2)
            await asyncio.sleep(2.1)
            accepted = await within(api.post("/v1/slips", json=signed(bettor)))
            assert accepted.status_code == 201, accepted.text
        names = [entry["event"] for entry in logged]
        assert names.count("api.limiter_unavailable") == 1
        assert names.count("api.limiter_available") == 1


async def test_requests_do_not_hang_with_the_node(
    world: World, bettor: Bettor, silent_port: int
) -> None:
    services = Services.from_settings(world.settings(rpc_url=f"http://127.0.0.1:{silent_port}"))
    async with services.running(), client(services) as api:
        slips = [api.post("/v1/slips", json=signed(bettor)) for _ in range(20)]
        answers = await asyncio.wait_for(asyncio.gather(*slips), PATIENCE_S)
        for answer in answers:
            is_problem(answer, 503, "chain-unreachable")
        ready = await within(api.get("/readyz"))
        assert "RPC_URL" in " ".join(ready.json()["missing"])
        assert (await within(api.get("/v1/fixtures"))).status_code == 200


async def test_readiness_does_not_hang_with_the_database(
    world: World, chain: FakeChain, silent_port: int
) -> None:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{silent_port}/none"
    services = Services.from_settings(world.settings(database_url=url))
    chain.serve(services)
    async with services.running(), client(services) as api:
        ready = await within(api.get("/readyz"))
        assert "DATABASE_URL" in " ".join(ready.json()["missing"])
        assert (await within(api.get("/healthz"))).status_code == 200
