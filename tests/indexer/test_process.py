"""The indexer as a process: commands, kill -9, two at once, a node that goes and comes.

Branches: killed at any moment, many times · two at once, both killed while the chain changes · two
at once, and one takes over · node stopped and started · node there only later · head by
subscription · the final block has left · metrics and health · each wrong setting gets one sentence
· status · verify with and without a difference · rebuild beside a running one.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from typer.testing import CliRunner, Result

from indexer.chain import new_heads as wake
from indexer.commands import app
from indexer.mirror.migrate import newest
from scripts.devnet import Postgres
from tests.indexer.house import House
from tests.indexer.mirror import Mirror, Tables, clean_tables, mirror_of
from tests.indexer.test_reorgs import play_more
from tests.support.nodes import CHAIN_ID, ROOT, free_port
from tests.support.terms import UNIT

LIMIT_S = 30
TAKEN_OVER_WITHIN_S = 5


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


def gas_is_read(mirror: Mirror) -> Callable[[], bool]:
    """Receipts come behind the blocks."""
    unread = "SELECT 1 FROM mirror.transaction WHERE gas_used IS NULL LIMIT 1"
    return lambda: not mirror.rows(unread)


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


@pytest.mark.parametrize("seed", range(3))
def test_two_indexers_killed_while_the_chain_changes_leave_no_gap_and_no_duplicate(
    lone_anvil: tuple[House, Path], fresh_database: str, postgres: Postgres, seed: int
) -> None:
    house, folder = lone_anvil
    node, chance = house.book.node, random.Random(seed)
    with mirror_of(fresh_database, house.book, folder) as mirror:
        started = Processes(mirror, house, folder)
        try:
            pair = [started.start(), started.start()]
            until(lambda: head(mirror) > 0)
            for depth in (5, 1, 20):
                play_more(house, 2)
                time.sleep(chance.random() * 0.05)
                node.rpc("anvil_reorg", depth, [])
                for bettor in house.book.bettors:
                    bettor.nonce = house.book.call("Sportsbook", "accountAt", bettor.account)[2]
                time.sleep(chance.random() * 0.05)
                # The one that writes and the one that is about to, while they follow.
                for process in pair:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    time.sleep(chance.random() * 0.6)
                pair = [started.start(), started.start()]
                time.sleep(chance.random())
            until(level(mirror, house))
            until(lambda: mirror.difference() is None)
            until(gas_is_read(mirror))
            assert mirror.tables() == clean_tables(postgres, house.book, folder)
        finally:
            started.end()


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
    killed = time.monotonic()
    house.book.node.mine(2)
    until(level(mirror, house))
    assert time.monotonic() - killed < TAKEN_OVER_WITHIN_S
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


@pytest.mark.parametrize("shared_node", ["ganache"], indirect=True)
def test_process_ends_when_the_final_block_has_left_and_rebuild_repairs(
    house: House, mirror: Mirror, processes: Processes, clean: Callable[[], Tables]
) -> None:
    node, depth = house.book.node, {"FINAL_DEPTH": "3"}
    snapshot = node.rpc("evm_snapshot")
    fork = node.web3.eth.block_number
    node.mine(8)
    running = processes.start(**depth)
    until(level(mirror, house))
    until(gas_is_read(mirror))
    [(final,)] = mirror.rows("SELECT final_block FROM mirror.deployment")
    before = mirror.tables()
    node.rpc("evm_revert", snapshot)
    house.request_exit(house.book.bettors[1], 7 * UNIT)
    node.mine(9)
    # It says so and ends; started again it says the same.
    for process in (running, processes.start(**depth)):
        assert process.wait(timeout=LIMIT_S) == 2
        assert process.stderr is not None
        said = process.stderr.read().splitlines()[-1]
        named = re.search(r"block (\d+) \(0x[0-9a-f]{64}\) was final and has left", said)
        assert named is not None, said
        assert fork < int(named[1]) <= final
        assert "python -m indexer rebuild" in said
        assert mirror.tables() == before
    refused = processes.command("backfill", **depth)
    assert refused.exit_code == 2
    assert "has left the chain" in refused.stderr
    assert processes.command("rebuild", **depth).exit_code == 0
    assert mirror.tables() == clean()
    again = processes.start(**depth)
    node.mine()
    until(level(mirror, house))
    assert again.poll() is None


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_process_tells_prometheus_and_supervisors_how_it_is(
    house: House, mirror: Mirror, processes: Processes
) -> None:
    def ask(port: int, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    first, second = free_port(), free_port()
    running = processes.start(INDEXER_METRICS_PORT=str(first))
    until(level(mirror, house))
    top = house.book.node.web3.eth.block_number
    until(lambda: '"leads"' in ask(first, "/healthz")[1])
    status, body = ask(first, "/healthz")
    health = json.loads(body)
    assert (status, health["ok"]) == (200, True)
    assert (health["head_block"], health["chain_block"], health["lag_blocks"]) == (top, top, 0)
    assert health["confirmed_block"] == top - 2
    status, text = ask(first, "/metrics")
    figures = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
    assert float(figures["fairline_indexer_head_block"]) == top
    assert float(figures["fairline_indexer_lag_blocks"]) == 0
    assert float(figures["fairline_indexer_rows_total"]) > top
    assert float(figures["fairline_indexer_rows_per_second"]) > 0
    processes.start(INDEXER_METRICS_PORT=str(second))
    until(lambda: ask(second, "/healthz")[0] == 200)
    until(lambda: json.loads(ask(second, "/healthz")[1])["state"] == "stands by")
    assert ask(first, "/nothing")[0] == 404
    taken = processes.command("run", INDEXER_METRICS_PORT=str(first))
    assert taken.exit_code == 2
    assert f"INDEXER_METRICS_PORT {first} cannot be used" in taken.stderr
    assert running.poll() is None


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_commands_say_how_things_stand(house: House, mirror: Mirror, processes: Processes) -> None:
    assert "nothing is mirrored yet" in processes.command("status").stdout
    done = processes.command("rebuild")
    assert done.exit_code == 0, done.stderr
    top = house.book.node.web3.eth.block_number
    house.book.node.mine(2)
    gone = f"http://127.0.0.1:{free_port()}"
    said = processes.command("status", RPC_URL=f"{house.book.node.url},{gone}")
    assert said.exit_code == 0
    # Anvil calls final what lies 64 blocks below its head.
    assert f"deployment 1: head {top}, confirmed {top - 2}, final {top - 64}" in said.stdout
    assert f"the chain is at {top + 2}: 2 blocks and" in said.stdout
    assert f"{house.book.node.url[7:]}: block {top + 2}" in said.stdout
    prices = mirror.rows("SELECT enter_micro, leave_micro FROM mirror.share_price")[0]
    costs, brings = (f"{price / UNIT:.6f}" for price in prices)
    assert f"a share of the bankroll costs {costs} and brings {brings}" in said.stdout
    placed = mirror.rows(
        "SELECT round(sum(placing_gas) / sum(g.placed + g.skipped)) FROM mirror.batch_gas g"
        " JOIN mirror.batch b USING (deployment, batch) WHERE b.tx_hash NOT IN"
        " (SELECT tx_hash FROM mirror.settlement)"
    )[0][0]
    assert f"gas: {placed:,} to place a slip and " in said.stdout
    assert "not read yet" not in said.stdout
    assert f"{gone[7:]} does not answer" in said.stdout
    assert "no indexer is running" in said.stdout
    mirror.rows("UPDATE mirror.transaction SET gas_used = NULL RETURNING 1")
    said = processes.command("status")
    assert "to place a slip" not in said.stdout
    unread = mirror.rows("SELECT count(*) FROM mirror.transaction")[0][0]
    assert f"the gas of {unread} transactions is not read yet" in said.stdout
    assert processes.command("backfill").exit_code == 0
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
