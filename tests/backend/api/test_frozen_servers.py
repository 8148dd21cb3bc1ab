"""A server that hangs, instead of being away, delays no answer by more than its time limit.

Branches: Redis, frozen, and while it loads its data · the chain node, for one request and for many
at once · PostgreSQL. Reads go on from the process's own copy; /readyz names what does not answer;
what recovers is used again.
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
import redis
from structlog.testing import capture_logs

from backend.services import Services
from scripts.devnet import Redis
from scripts.devnet.processes import Process, wait_until
from scripts.devnet.redis_server import server_path
from tests.backend.api.bettors import Bettor, signed
from tests.backend.api.client import client, is_problem, until
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World
from tests.support.nodes import free_port

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
        await until(lambda: services.odds_copy.heartbeat_received)
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


@pytest.fixture
def loading_redis(open_folder: Path) -> Iterator[str]:
    """The address of a Redis that needs six seconds to load its data."""
    port = free_port()
    common = [server_path(), "--port", str(port), "--dir", str(open_folder), "--save", ""]

    def start(*options: str) -> Process:
        argv = [*common, "--rdbcompression", "no", *options]
        process = Process("redis", argv, logs=open_folder / "logs", grace_s=5)
        process.start()
        return process

    server = start()
    wait_until(lambda: reply(port).startswith(b"+"), server)
    with redis.Redis(port=port) as client:
        # It answers after every 2 MB, and so five times a second.
        client.execute_command("DEBUG", "POPULATE", 800, "key", 100_000)
        client.save()
    server.stop()
    server = start("--key-load-delay", "8000")
    wait_until(lambda: reply(port).startswith(b"-LOADING"), server)
    yield f"redis://127.0.0.1:{port}"
    server.stop(signal.SIGKILL)


def reply(port: int) -> bytes:
    """What a Redis answers to PING; nothing when it does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64)
    except OSError:
        return b""


async def test_redis_that_loads_its_data_is_named_and_used_afterwards(
    world: World, chain: FakeChain, bettor: Bettor, loading_redis: str
) -> None:
    services = Services.from_settings(world.settings(redis_url=loading_redis))
    chain.serve(services)
    with capture_logs() as logged:
        async with services.running(), client(services) as api:
            ready = await within(api.get("/readyz"))
            is_problem(ready, 503, "not-ready")
            [sentence] = ready.json()["missing"]
            assert sentence.startswith("Redis at REDIS_URL is loading its data")
            assert (await within(api.get("/v1/fixtures"))).status_code == 200
            refused = await within(api.post("/v1/slips", json=signed(bettor)))
            is_problem(refused, 503, "odds-stale")

            async def loaded() -> bool:
                missing = (await within(api.get("/readyz"))).json()["missing"]
                return "Redis" not in " ".join(missing)

            await until(loaded, timeout_s=60)
    assert not [entry for entry in logged if entry["log_level"] in ("error", "critical")], logged


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
