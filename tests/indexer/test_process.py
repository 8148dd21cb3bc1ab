"""The indexer as a process: commands, kill -9, two at once, a node that goes and comes.

Branches: killed at any moment, many times · two at once, and one takes over · node stopped and
started · node there only later · head by subscription · each wrong setting gets one sentence ·
status · verify with and without a difference · rebuild beside a running one.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from typer.testing import CliRunner, Result

from indexer import wake
from indexer.__main__ import app
from indexer.migrate import newest
from tests.backend.batching.sportsbook import UNIT
from tests.backend.transactions.harness import CHAIN_ID, ROOT, free_port
from tests.indexer.house import House
from tests.indexer.mirror import Mirror

LIMIT_S = 30


class Processes:
    """Indexers started by a test, ended after it."""

    def __init__(self, mirror: Mirror, house: House, folder: Path) -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")},
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": mirror.url,
            "RPC_URL": house.book.node.url,
            "CHAIN_ID": str(CHAIN_ID),
            "DEPLOYMENT_FILE": str(folder / "deployment.json"),
            "CONFIRMATIONS": "2",
        }
        self.running: list[subprocess.Popen[str]] = []

    def start(self, **extra: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "indexer", "run"],
            env={**self.environment, **extra},
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def command(self, name: str, **extra: str) -> Result:
        """A command that ends by itself, in this process: a new one takes a second to start."""
        environment = {k: v or None for k, v in {**self.environment, **extra}.items()}
        handlers = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            return CliRunner().invoke(app, [name], env=environment)
        finally:
            structlog.reset_defaults()
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


@pytest.fixture
def processes(mirror: Mirror, season: tuple[House, Path]) -> Iterator[Processes]:
    made = Processes(mirror, *season)
    yield made
    made.end()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def head(mirror: Mirror) -> int:
    rows = mirror.rows("SELECT head_block FROM mirror.deployment")
    return -1 if not rows or rows[0][0] is None else int(rows[0][0])


def level(mirror: Mirror, house: House) -> Callable[[], bool]:
    return lambda: head(mirror) == house.book.node.web3.eth.block_number


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_indexer_killed_at_any_moment_goes_on_without_gap_or_duplicate(
    house: House, mirror: Mirror, processes: Processes
) -> None:
    chance = random.Random(7)
    for _ in range(4):
        process = processes.start()
        until(lambda: _connected(mirror))
        time.sleep(chance.random() * 0.15)
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: not _connected(mirror))
        house.request_exit(house.book.bettors[1], chance.randrange(1, 9) * UNIT)
    processes.start()
    until(level(mirror, house))
    assert mirror.difference() is None
    numbers = [row[1] for row in mirror.tables()["block"]]
    assert sorted(numbers) == list(range(len(numbers)))


def _connected(mirror: Mirror) -> bool:
    return bool(
        mirror.rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'fairline indexer'")
    )


def test_node_tells_of_new_blocks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "POLL_S", LIMIT_S)
    monkeypatch.setattr(wake, "POLL_SUBSCRIBED_S", LIMIT_S)
    news = wake.NewBlocks([house.book.node.url])
    news.start()
    try:
        assert news.wait(), "no subscription"
        for _ in range(3):
            house.book.node.mine()
            assert news.wait(), "a block came, and no word of it"
    finally:
        news.stop()


def test_second_indexer_stands_by_and_takes_over(
    house: House, mirror: Mirror, processes: Processes
) -> None:
    first = processes.start()
    until(level(mirror, house))
    second = processes.start()
    assert second.stderr is not None
    assert "standby.waiting" in second.stderr.readline()
    house.book.node.mine(3)
    until(level(mirror, house))
    first.send_signal(signal.SIGKILL)
    house.book.node.mine(2)
    until(level(mirror, house))
    assert second.poll() is None
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=LIMIT_S) == 0
    assert mirror.difference() is None


@pytest.mark.parametrize("shared_node", ["ganache"], indirect=True)
def test_indexer_waits_for_a_node_that_is_gone_and_catches_up(
    house: House, mirror: Mirror, processes: Processes
) -> None:
    # The season's node is shared, so the way to it is what breaks.
    gate_port = free_port()
    process = processes.start(RPC_URL=f"http://127.0.0.1:{gate_port}")
    assert process.stderr is not None
    assert "endpoint.failed" in process.stderr.readline()
    assert process.poll() is None
    for _ in range(2):
        gate = subprocess.Popen(
            [sys.executable, "-m", "tests.indexer.gate", str(gate_port), house.book.node.url],
            cwd=ROOT,
        )
        house.book.node.mine(2)
        try:
            until(level(mirror, house))
        finally:
            gate.kill()
            gate.wait()
    assert process.poll() is None
    assert mirror.difference() is None


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_commands_say_how_things_stand(house: House, mirror: Mirror, processes: Processes) -> None:
    assert "nothing is mirrored yet" in processes.command("status").stdout
    done = processes.command("rebuild")
    assert done.exit_code == 0, done.stderr
    verified = processes.command("verify")
    assert verified.exit_code == 0
    assert "the mirror equals the chain" in verified.stdout
    mirror.rows("UPDATE mirror.balance SET balance_micro = 5 WHERE account = 1 RETURNING 1")
    verified = processes.command("verify")
    assert verified.exit_code == 1
    assert "account 1" in verified.stderr
    running = processes.start()
    until(lambda: "an indexer is running" in processes.command("status").stdout.splitlines())
    refused = processes.command("rebuild")
    assert refused.exit_code == 2
    assert "stop it, then rebuild" in refused.stderr
    assert running.poll() is None


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_wrong_settings_get_one_sentence_each(
    mirror: Mirror, processes: Processes, tmp_path: Path
) -> None:
    lines = processes.command("run", RPC_URL="", CHAIN_ID="", CONFIRMATIONS="").stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("indexer: set ") for line in lines)
    cases = {
        "does not exist": {"DEPLOYMENT_FILE": str(tmp_path / "none.json")},
        "not of CHAIN_ID 5": {"CHAIN_ID": "5", "FINAL_DEPTH": "9"},
        "set FINAL_DEPTH in the environment: how many blocks": {"CHAIN_ID": "5"},
        "at least CONFIRMATIONS": {"FINAL_DEPTH": "1"},
        "endpoints are http": {"RPC_URL": "127.0.0.1"},
        "does not answer": {"DATABASE_URL": f"postgresql://127.0.0.1:{free_port()}/x"},
    }
    for words, extra in cases.items():
        done = processes.command("run", **extra)
        assert done.exit_code == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert words in done.stderr
    other = tmp_path / "deployment.json"
    text = Path(processes.environment["DEPLOYMENT_FILE"]).read_text()
    other.write_text(text.replace(str(CHAIN_ID), "7"))
    done = processes.command("run", CHAIN_ID="7", FINAL_DEPTH="9", DEPLOYMENT_FILE=str(other))
    assert done.exit_code == 2
    assert "correct RPC_URL or CHAIN_ID" in done.stderr
    with psycopg.connect(mirror.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA mirror CASCADE")
    done = processes.command("run")
    assert done.exit_code == 2
    assert "python -m indexer migrate" in done.stderr
    assert processes.command("migrate").exit_code == 0
    assert f"revision {newest()}" in processes.command("migrate").stdout
