"""No process says a secret, in its log or in an answer, while the servers that it needs are away.

Branches: PostgreSQL, Redis and the chain's node away, one at a time and all at once · a password of
Redis that is wrong · api, worker, beat, odds and indexer · what the API answers meanwhile.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
import redis
from sqlalchemy import Engine

from scripts.devnet import Redis
from tests.backend.api.test_enforceable import engine, match
from tests.backend.api.world import SETTINGS
from tests.backend.batching.worker_process import environment
from tests.backend.surface.cable import Cable
from tests.support import warm_python
from tests.support.accepted_slips import Game
from tests.support.house import RECEIPT_SIGNER, House
from tests.support.mirror import follow
from tests.support.nodes import ROOT, free_port
from tests.support.people import WITHDRAWAL_SIGNER
from tests.support.terms import EXIT_DELAY_S, RECEIPT_WINDOW_S

__all__ = ["engine", "match"]

# Each with characters that an address has to escape.
DATABASE_PASSWORD = "pg#s3cret/Ahqu8eem"
REDIS_PASSWORD = "rd@s3cret:Ooph5iej"
NODE_PASSWORD = "nd/s3cret#ieKai7ah"
NODE_TOKEN = "tk-s3cret-aNgoo9Ee"
KEYS = ("RECEIPT_SIGNER_KEY", "WITHDRAWAL_SIGNER_KEY", "OPERATOR_KEY", "RESULT_SIGNER_KEYS")
SAMPLE = ROOT / "data" / "epl_2022_2025.csv"
OUTAGE_S = 4.0
PATIENCE_S = 60.0
COMMANDS = {
    "api": ("-m", "backend.api", "--log-level", "info"),
    "worker": ("-m", "celery", "-A", "backend.worker", "worker", "--concurrency", "1"),
    "beat": ("-m", "celery", "-A", "backend.worker", "beat", "--loglevel", "INFO"),
    "odds": ("-m", "backend.odds"),
    "indexer": ("-m", "indexer", "run"),
}
PATHS = (
    "/readyz",
    "/metrics",
    "/v1/fixtures",
    "/v1/typed-data",
    "/v1/contracts",
    "/v1/accounts/1",
    "/v1/accounts/1/slips",
    "/v1/slips/by-hash/0x" + "00" * 32,
    "/openapi.json",
)


@pytest.fixture(scope="module", params=["anvil"])
def deployed(request: pytest.FixtureRequest, deployments: Callable[[str], House]) -> House:
    """On one chain: what is tried here does not depend on it."""
    return deployments(request.param)


@pytest.fixture
def broker(open_folder: Path) -> Iterator[Redis]:
    """A Redis of the test's own, with a password."""
    server = Redis(state=open_folder)
    server.start()
    set_password(server, REDIS_PASSWORD)
    yield server
    with redis.Redis.from_url(server.url(), password=REDIS_PASSWORD) as client:
        client.config_set("requirepass", "")
    server.stop()


@pytest.fixture
def redis_url(broker: Redis) -> str:
    """For what the test itself writes."""
    return broker.url().replace("//", f"//:{quote(REDIS_PASSWORD, safe='')}@")


def set_password(server: Redis, password: str, known: str | None = None) -> None:
    """Set the password of Redis, and end all connections that were made with another."""
    with redis.Redis.from_url(server.url(), password=known) as client:
        client.config_set("requirepass", password)
    with redis.Redis.from_url(server.url(), password=password) as client:
        client.client_kill_filter(skipme=True, _type="normal")


def socket_of(url: str) -> str:
    """The Unix socket of a database's address."""
    return parse_qs(urlsplit(url).query)["host"][0] + "/.s.PGSQL.5432"


def words_of(secrets: dict[str, str]) -> set[str]:
    """Every form in which a secret could be written."""
    words = {*secrets.values()}
    for value in secrets.values():
        words |= {quote(value, safe=""), quote(value), value.encode().hex(), repr(value)[1:-1]}
    return words


class Processes:
    """The five processes, each with a log of its own."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.port = free_port()
        self._folder = folder
        self._running: dict[str, subprocess.Popen[Any]] = {}
        for name, command in COMMANDS.items():
            extra = ("--port", str(self.port)) if name == "api" else ()
            with self.log_of(name).open("ab") as log:
                self._running[name] = warm_python.Popen(
                    [sys.executable, *command, *extra],
                    env=env,
                    cwd=folder,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def log_of(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def logs(self) -> dict[str, str]:
        return {name: self.log_of(name).read_text(errors="replace") for name in COMMANDS}

    def check_alive(self) -> None:
        ended = [name for name, process in self._running.items() if process.poll() is not None]
        assert not ended, {name: self.log_of(name).read_text()[-3_000:] for name in ended}

    def end(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ask(port: int) -> dict[str, httpx.Response]:
    """What the API answers to everything."""
    limits = httpx.Timeout(20)
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=limits) as api,
        ThreadPoolExecutor(len(PATHS)) as pool,
    ):
        return dict(zip(PATHS, pool.map(api.get, PATHS), strict=True))


def wait_answering(processes: Processes) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        processes.check_alive()
        assert time.monotonic() < deadline, processes.logs()
        try:
            if httpx.get(f"http://127.0.0.1:{processes.port}/v1/fixtures", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)


def test_no_process_says_a_secret_while_servers_are_away(
    engine: Engine, house: House, match: Game, broker: Redis, tmp_path: Path
) -> None:
    follow(engine, house)
    database = engine.url.database
    facts_file = tmp_path / "facts.csv"
    facts_file.write_text("".join(SAMPLE.open().readlines()[:200]))
    with (
        Cable(socket_of(engine.url.render_as_string(hide_password=False))) as postgres,
        Cable(urlsplit(broker.url()).port or 0) as live,
        Cable(house.node.port) as node,
    ):
        addresses = {
            "DATABASE_URL": f"postgresql://postgres:{quote(DATABASE_PASSWORD, safe='')}"
            f"@127.0.0.1:{postgres.port}/{database}",
            "REDIS_URL": f"redis://:{quote(REDIS_PASSWORD, safe='')}@127.0.0.1:{live.port}/0",
            "RPC_URL": f"http://alice:{quote(NODE_PASSWORD, safe='')}@127.0.0.1:{node.port}"
            f"/?key={NODE_TOKEN}",
        }
        env = environment(house.folder, house, "", "")
        env |= {name.upper(): str(value) for name, value in SETTINGS.items()}
        env |= {
            **addresses,
            "DEPLOYMENT_FILE": str(house.deployment_file),
            "RECEIPT_SIGNER_KEY": "0x" + RECEIPT_SIGNER.hex(),
            "WITHDRAWAL_SIGNER_KEY": "0x" + WITHDRAWAL_SIGNER.hex(),
            "RECEIPT_WINDOW_S": str(RECEIPT_WINDOW_S),
            "EXIT_DELAY_S": str(EXIT_DELAY_S),
            "CONFIRMATIONS": "0",
            "FINAL_DEPTH": "64",
            "FACTS_FILE": str(facts_file),
            "ODDS_MARGIN_E4": "500",
            "ODDS_DEPTH_MICRO": "50000000000",
            "PRICE_RETENTION_S": "3600",
        }
        keys = [key for name in KEYS for key in env[name].split(",")]
        secrets = {
            "database": DATABASE_PASSWORD,
            "redis": REDIS_PASSWORD,
            "node": NODE_PASSWORD,
            "token": NODE_TOKEN,
            **{f"key {number}": key.removeprefix("0x") for number, key in enumerate(keys)},
        }
        answers: list[str] = []
        processes = Processes(tmp_path, env)
        try:
            wait_answering(processes)
            for away in ([postgres], [live], [node], [postgres, live, node]):
                for cable in away:
                    cable.cut()
                time.sleep(OUTAGE_S)
                found = ask(processes.port)
                assert {answer.status_code for answer in found.values()} <= {200, 404, 422, 503}
                answers += [f"{answer.headers}{answer.text}" for answer in found.values()]
                for cable in away:
                    cable.mend()
            set_password(broker, "another", REDIS_PASSWORD)
            time.sleep(OUTAGE_S)
            answers += [answer.text for answer in ask(processes.port).values()]
            set_password(broker, REDIS_PASSWORD, "another")
            wait_answering(processes)
            processes.check_alive()
        finally:
            processes.end()
    logs = processes.logs()
    # Each has noticed, or nothing was tried.
    assert all(len(log.splitlines()) >= 2 for log in logs.values()), logs
    said = {**logs, "answers": "\n".join(answers)}
    for word in words_of(secrets):
        for where, text in said.items():
            assert word.lower() not in text.lower(), f"{word} is in what {where} says"
    assert "Traceback" not in logs["api"] + logs["odds"] + logs["indexer"]
