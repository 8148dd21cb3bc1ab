"""Nothing is accepted that the house could not place: the worker's report decides, with its age.

Branches: no report · an old one · a fault · a delay that is short, and too long · nothing mined for
a while, and for too long · placing paused · tables of another revision · a slip that was accepted
before is answered again. /readyz and acceptance always agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from backend.database import Database
from backend.ops.readiness import PROBE_S, watch
from backend.reports.outlook import Outlook, check_outlook, missing
from backend.services import Services
from tests.backend.api.bettors import Bettor, signed
from tests.backend.api.client import client, is_problem, until
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World
from tests.support.nodes import ROOT

WINDOW_S = 300
FAULT = "OPERATOR_KEY is the key of 0x12, which has no role on the sportsbook."
DELAY = "The chain asks 900.0 gwei for a unit of gas and MAX_FEE_GWEI is 500: wait, or raise it."


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def refused(api: httpx.AsyncClient, bettor: Bettor, code: str, words: str) -> None:
    """Both doors say the same."""
    ready = await api.get("/readyz")
    is_problem(ready, 503, "not-ready")
    assert words in " ".join(ready.json()["missing"])
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, 503, code)
    assert words in answer.json()["detail"]


async def test_without_a_report_nothing_is_accepted(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.execute("DELETE FROM backend.house_report")
    await refused(api, bettor, "not-ready", "No worker has reported yet; start celery")


async def test_without_a_new_report_nothing_is_accepted(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.report(reported_at=ago(40))
    await refused(api, bettor, "not-ready", "No worker has reported for 4")


async def test_with_a_fault_nothing_is_accepted(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.report(faults=[FAULT])
    await refused(api, bettor, "not-ready", FAULT)


async def test_answer_says_how_long_the_bet_will_wait(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    first = await api.post("/v1/slips", json=signed(bettor))
    assert (first.status_code, first.json()["expected_wait_s"]) == (201, 4)
    world.report(delays=[DELAY], delayed_since=ago(45))
    second = await api.post("/v1/slips", json=signed(bettor, nonce=2))
    assert second.status_code == 201, second.text
    assert 49 <= second.json()["expected_wait_s"] <= 60
    world.report(open_since=ago(100))
    third = await api.post("/v1/slips", json=signed(bettor, nonce=3))
    assert 104 <= third.json()["expected_wait_s"] <= 115
    assert (await api.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"delays": [DELAY], "delayed_since": ago(WINDOW_S / 2 + 30)},
        {"open_since": ago(WINDOW_S / 2 + 30)},
    ],
    ids=["gas", "not mined"],
)
async def test_nothing_is_accepted_that_would_become_too_old_for_a_batch(
    api: httpx.AsyncClient, world: World, bettor: Bettor, changes: dict[str, object]
) -> None:
    earlier = await api.post("/v1/slips", json=signed(bettor))
    world.report(**changes)
    ready = await api.get("/readyz")
    assert "while that is more than 150 s" in " ".join(ready.json()["missing"])
    answer = await api.post("/v1/slips", json=signed(bettor, nonce=2))
    is_problem(answer, 503, "placing-delayed")
    assert answer.json()["expected_wait_s"] > WINDOW_S / 2
    assert answer.headers["Retry-After"] == "10"
    again = await api.post("/v1/slips", json=signed(bettor))
    assert (again.status_code, again.json()["id"]) == (200, earlier.json()["id"])


async def test_paused_contract_is_not_ready(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.execute("UPDATE mirror.book SET paused = true")
    ready = await api.get("/readyz")
    assert "paused placing" in " ".join(ready.json()["missing"])
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, 409, "market-closed")


async def test_other_tables_are_not_ready(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    (revision,) = world.execute("SELECT version_num FROM backend.alembic_version").fetchone()
    world.execute("UPDATE backend.alembic_version SET version_num = '0001'")
    try:
        await refused(api, bettor, "not-ready", "run python -m backend.migrate")
    finally:
        world.execute("UPDATE backend.alembic_version SET version_num = %s", revision)


async def test_what_is_missing_is_logged_once_and_its_end_once(
    services: Services, world: World
) -> None:
    await until(lambda: services.odds_copy.heartbeat_received)
    with capture_logs() as logged:
        watching = asyncio.create_task(watch(services, every_s=0.05))
        await asyncio.sleep(0.5)
        world.report(faults=[FAULT])
        await until(lambda: any(entry["event"] == "api.not_ready" for entry in logged))
        await asyncio.sleep(0.5)
        world.report()
        await until(lambda: [e["event"] for e in logged].count("api.ready") == 2)
        watching.cancel()
    assert [e["event"] for e in logged] == ["api.ready", "api.not_ready", "api.ready"]


async def test_requests_at_the_same_time_share_a_probe(
    services: Services, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: services.odds_copy.heartbeat_received)
    probes = 0
    wait = services.database.wait_for_connection

    async def counted(timeout_s: float) -> None:
        nonlocal probes
        probes += 1
        await wait(timeout_s)

    monkeypatch.setattr(services.database, "wait_for_connection", counted)
    answers = await asyncio.gather(*(api.get("/readyz") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    assert probes == 1
    assert (await api.get("/readyz")).status_code == 200
    assert probes == 2


async def test_database_that_came_back_is_not_called_busy(
    services: Services, api: httpx.AsyncClient, world: World
) -> None:
    """While its pool opens new connections, with a pause after each failure."""
    await until(lambda: services.odds_copy.heartbeat_received)
    original, away = services.database, Database(f"{services.settings.postgres_url}_away", 10)
    away.acquire_timeout_s = 0.1
    services.database = away
    await away.open()
    try:
        ready = await api.get("/readyz")
        assert "The database at DATABASE_URL does not answer." in ready.json()["missing"]
        # It answers on a new connection, before the pool has one.
        away._url = services.settings.postgres_url
        ready = await api.get("/readyz")
    finally:
        services.database = original
        await away.close()
    is_problem(ready, 503, "not-ready")
    [sentence] = ready.json()["missing"]
    assert sentence.startswith("The database at DATABASE_URL answers again")


async def test_readiness_answers_in_time_when_all_connections_are_taken(
    services: Services, api: httpx.AsyncClient
) -> None:
    await until(lambda: services.odds_copy.heartbeat_received)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(services.settings.database_connections):
            await stack.enter_async_context(services.database.connection())
        started = time.monotonic()
        ready = await api.get("/readyz")
        assert time.monotonic() - started < PROBE_S + 1.5
        is_problem(ready, 503, "not-ready")
        # The database is not away, and nothing else is blamed.
        [sentence] = ready.json()["missing"]
        assert sentence.startswith("All 10 connections of this process to the database are in use")
        assert (await api.get("/healthz")).status_code == 200
    await until(lambda: _is_ready(api))


async def test_database_that_is_away_is_not_called_busy(
    world: World, chain: FakeChain, silent_port: int
) -> None:
    for url in ("127.0.0.1:1", f"127.0.0.1:{silent_port}"):
        database = {"database_url": f"postgresql+psycopg://nobody@{url}/none"}
        services = Services.from_settings(world.settings(**database))
        chain.serve(services)
        async with services.running(), client(services) as api:
            ready = await api.get("/readyz")
            assert "The database at DATABASE_URL does not answer." in ready.json()["missing"]
            assert "in use" not in ready.json()["detail"]


async def _is_ready(api: httpx.AsyncClient) -> bool:
    return (await api.get("/readyz")).status_code == 200


def test_traceback_in_the_log_shows_no_values() -> None:
    program = (
        "import structlog; from backend.logs import configure_logs; configure_logs()\n"
        "def work():\n"
        "    password = 's3cret' + 'word'\n"
        "    raise ValueError('broken')\n"
        "try: work()\n"
        "except ValueError: structlog.get_logger().exception('work.failed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert "ValueError: broken" in done.stderr
    assert "event='work.failed'" in done.stderr
    assert "s3cretword" not in done.stderr


seconds = st.integers(0, 10_000)


@given(seconds, seconds, seconds, st.integers(0, 600), st.integers(0, 3_600), st.booleans())
def test_slips_are_accepted_exactly_when_nothing_is_missing(
    age_s: int, delayed_s: int, open_s: int, max_age_s: int, window_s: int, fault: bool
) -> None:
    faults = [FAULT] if fault else []
    outlook = Outlook(faults, [], age_s, delayed_s, open_s, max_age_s, window_s)
    if missing(outlook):
        with pytest.raises(Exception, match=r"worker|role|wait"):
            check_outlook(outlook)
    else:
        assert check_outlook(outlook) <= max(window_s // 2, max_age_s)
