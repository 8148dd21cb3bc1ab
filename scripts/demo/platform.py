"""Starts the whole of Fairline on one machine: servers, chain, contracts and the five services."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.devnet import (
    Chain,
    DevnetError,
    Heartbeat,
    Postgres,
    Process,
    Redis,
    Supervisor,
)
from scripts.devnet.brownie import deploy_command
from scripts.devnet.chain import CHAIN_ID, Kind
from scripts.devnet.house import BATCHES, CONFIRMATIONS, LIMITS, ODDS, signing_keys, worker_keys
from scripts.devnet.paths import ROOT, STATE, choose_port, is_free
from scripts.devnet.sample import FACTS_FILE
from scripts.devnet.services import wait_for_api

DATABASE = "fairline_demo"
API_PORT = 8000
MAX_LATE_S = 12 * 60 * 60

_INHERITED = {
    name: os.environ[name]
    for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    if name in os.environ
}
# The parameters of the deployment and of the house for a local match day.
DEPLOYMENT = {
    "BATCH_WINDOW_S": "60",
    "RECEIPT_WINDOW_S": "600",
    "EXIT_DELAY_S": "1800",
    "DISPUTE_WINDOW_S": "600",
    "RESULT_THRESHOLD": "2",
    # The report places every bet by its receipt, on a chain of its own.
    "RECEIPT_BUDGET_MICRO": str(400_000 * 10**6),
    "BANKROLL_MICRO": str(1_000_000 * 10**6),
}


def _say_nothing(line: str) -> None:
    pass


class Platform:
    """Starts everything under one supervisor. The servers at DATABASE_URL, REDIS_URL and RPC_URL
    are used where they are set; the database DATABASE is always dropped and recreated."""

    def __init__(
        self,
        supervisor: Supervisor,
        start_s: int,
        state: Path = STATE,
        api_port: int | None = None,
        kind: Kind | None = None,
    ) -> None:
        self._supervisor = supervisor
        self._start_s = start_s
        self.postgres = Postgres.from_environment(state=state)
        self.redis = Redis.from_environment(state=state)
        self.chain = Chain.from_environment(kind=kind, state=state, start_s=start_s)
        self.deployment_file = state / "demo" / "deployment.json"
        self.database_url = ""
        self.api_port = self._api_port() if api_port is None else api_port

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def drops_database_elsewhere(self) -> bool:
        """Whether the database is dropped on a server that was not started here."""
        return bool(self.postgres.external_url)

    def start_servers(self, say: Callable[[str], None] = _say_nothing) -> None:
        """PostgreSQL with the tables, Redis, and the chain with the contracts; says what begins.

        Starts them at the same time, because most of it is waiting for one process after another.
        """
        say(f"starting {self.chain.kind}, PostgreSQL and Redis …")
        self._supervisor.together(
            lambda: self._start_chain(say), lambda: self._start_database(say), self._start_redis
        )

    def _start_chain(self, say: Callable[[str], None]) -> None:
        self._supervisor.own(self.chain)
        self._check_chain()
        say("the chain answers; deploying the contracts …")
        self._deploy()
        self._supervisor.own(Heartbeat(self.chain))

    def _start_database(self, say: Callable[[str], None]) -> None:
        self._supervisor.own(self.postgres)
        say("PostgreSQL answers; making the tables …")
        self.database_url = self.postgres.create_database(DATABASE)
        database = {**_INHERITED, "PYTHONPATH": str(ROOT), "DATABASE_URL": self.database_url}
        self._do("migrate", "-m", "indexer", "migrate", env=database)
        self._do("migrate", "-m", "backend.migrate", env=database)

    def _start_redis(self) -> None:
        self._supervisor.own(self.redis)

    def _check_chain(self) -> None:
        """A node that was not started here must be a local one before the match day."""
        where = f"The node at RPC_URL={self.chain.url}"
        chain_id = int(self.chain.call("eth_chainId"), 16)
        if chain_id != CHAIN_ID:
            raise DevnetError(
                f"{where} serves chain {chain_id}: start a local one with chain id {CHAIN_ID}, or"
                " unset RPC_URL to have one started here."
            )
        late_s = self.chain.timestamp_s() - self._start_s
        if late_s > MAX_LATE_S:
            raise DevnetError(
                f"{where} has a clock that is {late_s // 3600} hours after the demo's start time:"
                f" start it with the time {self._start_s}, or unset RPC_URL to have one started"
                " here."
            )

    def _deploy(self) -> None:
        """Deploys the contracts with the Brownie script. Raises DevnetError, naming the log."""
        self.deployment_file.parent.mkdir(parents=True, exist_ok=True)
        if not self.chain.external_url:
            for file in self.deployment_file.parent.glob("deployment*.json"):
                file.unlink()
        extra = {**DEPLOYMENT, "DEPLOYMENT_FILE": str(self.deployment_file)}
        own = self.deployment_file.parent / "brownie"
        argv, env, project = deploy_command(self.chain.url, extra, own)
        self._finish(self._supervisor.once("deploy", argv, env, cwd=project), "brownie run deploy")

    def start_services(self, season: str, matchday: int) -> None:
        """Starts the indexer, odds, worker, beat and the API, and opens the fixtures of a match
        day; returns when the API reports that it is ready."""
        celery = ("-m", "celery", "--quiet", "-A", "backend.worker")
        facts = {"FACTS_FILE": str(FACTS_FILE)}
        self._run("indexer", "-m", "indexer", "run")
        self.start_api("api", "backend.api", self.api_port)
        self._run("odds", "-m", "backend.odds", extra={**facts, **ODDS})
        opened = ["--facts", str(FACTS_FILE), "--season", season, "--matchday", str(matchday)]
        self._do("markets", "-m", "backend.markets", "open", *opened)
        worker = {**facts, **BATCHES, **worker_keys()}
        prefork = ("worker", "--concurrency", "2", "--loglevel", "WARNING")
        self._run("worker", *celery, *prefork, extra=worker)
        self._run("beat", *celery, "beat", "--loglevel", "WARNING")
        wait_for_api(self._supervisor, self.api_url)

    def start_api(self, name: str, module: str, port: int) -> None:
        """Starts an API, or what takes its place, beside those that there are."""
        address = ("--host", "127.0.0.1", "--port", str(port))
        self._run(name, "-m", module, *address, extra={**LIMITS, **signing_keys()})

    def environment(self) -> dict[str, str]:
        """The environment of every service; it has no keys."""
        return {
            **_INHERITED,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis.url(),
            "RPC_URL": self.chain.url,
            "CHAIN_ID": str(CHAIN_ID),
            "DEPLOYMENT_FILE": str(self.deployment_file),
            "CONFIRMATIONS": str(CONFIRMATIONS),
            "CLOCK": "chain",
        }

    @staticmethod
    def _api_port() -> int:
        if "API_PORT" not in os.environ and is_free(API_PORT):
            return API_PORT
        return choose_port("API_PORT")

    def _run(self, name: str, *arguments: str, extra: Mapping[str, str] | None = None) -> None:
        argv = [sys.executable, *arguments]
        env = {**self.environment(), **(extra or {})}
        self._supervisor.run(name, argv, env, independent=True)

    def run_to_end(
        self, name: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> Process:
        """Runs a Python command until it ends, with its output in the log `name`."""
        argv = [sys.executable, *arguments]
        return self._supervisor.once(name, argv, env or self.environment())

    def _do(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """The same; raises DevnetError when the command fails."""
        self._finish(self.run_to_end(name, *arguments, env=env), f"python {' '.join(arguments)}")

    @staticmethod
    def _finish(process: Process, command: str) -> None:
        if process.exit_code != 0:
            raise DevnetError(
                process.disk_full()
                or f"`{command}` ended with exit code {process.exit_code}"
                f" ({process.last_line[:200]}): see {process.log_path}."
            )
