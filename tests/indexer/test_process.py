"""The indexer as a process: commands, kill -9, two at once, a node that disappears and returns.

Branches: killed at any moment, many times · two at once, both killed while the chain changes · two
at once, and one takes over · node stopped and started · node available only later · head by
subscription · the final block has left the chain · metrics and health · one line per wrong
setting · status · verify with and without a difference · rebuild while another process runs.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from indexer.chain import new_heads
from indexer.mirror.migrate import newest
from scripts.devnet import Postgres
from tests.indexer.mirror import Mirror, Tables, clean_tables, mirror_of
from tests.indexer.processes import (
    LIMIT_S,
    Processes,
    caught_up,
    gas_complete,
    head_block,
    wait_until,
)
from tests.indexer.season import play_more
from tests.support.house import House
from tests.support.nodes import CHAIN_ID, ROOT, free_port
from tests.support.terms import UNIT

TAKEOVER_LIMIT_S = 5


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_killed_indexer_resumes_without_gap_or_duplicate(
    house: House, mirror: Mirror, processes: Processes
) -> None:
    chance = random.Random(7)
    for _ in range(4):
        process = processes.start()
        wait_until(lambda: _connected(mirror))
        time.sleep(chance.random() * 0.15)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: not _connected(mirror))
        house.request_exit(house.bettors[1], chance.randrange(1, 9) * UNIT)
    processes.start()
    wait_until(caught_up(mirror, house))
    assert mirror.difference() is None
    numbers = [row[1] for row in mirror.tables()["block"]]
    assert sorted(numbers) == list(range(len(numbers)))


@pytest.mark.parametrize("seed", range(3))
def test_indexers_killed_during_reorgs_leave_no_gap_and_no_duplicate(
    lone_house: House, fresh_database: str, postgres: Postgres, seed: int
) -> None:
    house = lone_house
    node, chance = house.node, random.Random(seed)
    with mirror_of(fresh_database, house) as mirror:
        started = Processes(mirror, house)
        try:
            pair = [started.start(), started.start()]
            wait_until(lambda: head_block(mirror) > 0)
            for depth in (5, 1, 20):
                play_more(house, 2)
                time.sleep(chance.random() * 0.05)
                node.rpc("anvil_reorg", depth, [])
                house.reload_nonces()
                time.sleep(chance.random() * 0.05)
                # The leader and its successor, while they follow the reorg.
                for process in pair:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    time.sleep(chance.random() * 0.6)
                pair = [started.start(), started.start()]
                time.sleep(chance.random())
            wait_until(caught_up(mirror, house))
            wait_until(lambda: mirror.difference() is None)
            wait_until(gas_complete(mirror))
            assert mirror.tables() == clean_tables(postgres, house)
        finally:
            started.end()


def _connected(mirror: Mirror) -> bool:
    return bool(
        mirror.rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'fairline indexer'")
    )


def test_subscription_signals_new_blocks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_heads, "POLL_S", LIMIT_S)
    monkeypatch.setattr(new_heads, "POLL_SUBSCRIBED_S", LIMIT_S)
    heads = new_heads.NewHeads([house.node.url])
    heads.start()
    try:
        assert heads.wait(), "no subscription"
        for _ in range(3):
            house.node.mine()
            assert heads.wait(), "a block was mined without a signal"
    finally:
        heads.stop()


@pytest.mark.parametrize("shown", ["node.example", "node.example:8546"])
def test_first_failure_of_a_subscription_is_logged(
    monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    monkeypatch.setattr(new_heads, "_RETRY_S", 0.01)
    tries: list[str] = []

    def refuse(url: str, **_: object) -> None:
        tries.append(url)
        raise OSError(f"{url} is not reachable")

    monkeypatch.setattr(new_heads, "connect", refuse)
    heads = new_heads.NewHeads([f"https://user:password@{shown}/some-secret"])
    with capture_logs() as logged:
        heads.start()
        wait_until(lambda: len(tries) > 2)
        heads.stop()
    assert logged == [
        {
            "event": "endpoint.not_subscribed",
            "endpoint": shown,
            "reason": "OSError",
            "log_level": "info",
        }
    ]


def test_standby_takes_over(house: House, mirror: Mirror, processes: Processes) -> None:
    first = processes.start()
    wait_until(caught_up(mirror, house))
    second = processes.start()
    assert second.stderr is not None
    assert "standby.waiting" in second.stderr.readline()
    house.node.mine(3)
    wait_until(caught_up(mirror, house))
    first.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    house.node.mine(2)
    wait_until(caught_up(mirror, house))
    assert time.monotonic() - killed < TAKEOVER_LIMIT_S
    assert second.poll() is None
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=LIMIT_S) == 0
    assert mirror.difference() is None


@pytest.mark.parametrize("shared_house", ["ganache"], indirect=True)
def test_indexer_waits_for_a_missing_node_and_catches_up(
    house: House, mirror: Mirror, processes: Processes
) -> None:
    # The node is shared between tests, so a proxy is what breaks.
    proxy_port = free_port()
    process = processes.start(RPC_URL=f"http://127.0.0.1:{proxy_port}")
    assert process.stderr is not None
    assert "endpoint.failed" in process.stderr.readline()
    assert process.poll() is None
    for _ in range(2):
        proxy = subprocess.Popen(
            [sys.executable, "-m", "tests.indexer.tcp_proxy", str(proxy_port), house.node.url],
            cwd=ROOT,
        )
        house.node.mine(2)
        try:
            wait_until(caught_up(mirror, house))
        finally:
            proxy.kill()
            proxy.wait()
    assert process.poll() is None
    assert mirror.difference() is None


@pytest.mark.parametrize("shared_house", ["ganache"], indirect=True)
def test_process_exits_when_the_final_block_has_left_and_rebuild_repairs(
    house: House, mirror: Mirror, processes: Processes, clean: Callable[[], Tables]
) -> None:
    node, depth = house.node, {"FINAL_DEPTH": "3"}
    snapshot = node.rpc("evm_snapshot")
    fork = node.web3.eth.block_number
    node.mine(8)
    running = processes.start(**depth)
    wait_until(caught_up(mirror, house))
    wait_until(gas_complete(mirror))
    [(final,)] = mirror.rows("SELECT final_block FROM mirror.deployment")
    before = mirror.tables()
    node.fork(snapshot)
    house.request_exit(house.bettors[1], 7 * UNIT)
    node.mine(9)
    # It exits with a message, and so does the next start.
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
    wait_until(caught_up(mirror, house))
    assert again.poll() is None


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_process_serves_metrics_and_health(
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
    wait_until(caught_up(mirror, house))
    top = house.node.web3.eth.block_number
    wait_until(lambda: '"leader"' in ask(first, "/healthz")[1])
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
    wait_until(lambda: ask(second, "/healthz")[0] == 200)
    wait_until(lambda: json.loads(ask(second, "/healthz")[1])["state"] == "standby")
    assert ask(first, "/nothing")[0] == 404
    taken = processes.command("run", INDEXER_METRICS_PORT=str(first))
    assert taken.exit_code == 2
    assert f"INDEXER_METRICS_PORT {first} cannot be used" in taken.stderr
    assert running.poll() is None


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_commands_report_the_state(house: House, mirror: Mirror, processes: Processes) -> None:
    assert "the mirror is empty" in processes.command("status").stdout
    done = processes.command("rebuild")
    assert done.exit_code == 0, done.stderr
    top = house.node.web3.eth.block_number
    house.node.mine(2)
    gone = f"http://127.0.0.1:{free_port()}"
    said = processes.command("status", RPC_URL=f"{house.node.url},{gone}")
    assert said.exit_code == 0
    # Anvil tags the block 64 below its head as finalized.
    assert f"deployment 1: head {top}, confirmed {top - 2}, final {top - 64}" in said.stdout
    assert f"the chain is at {top + 2}: 2 blocks and" in said.stdout
    assert f"{house.node.url[7:]}: block {top + 2}" in said.stdout
    prices = mirror.rows("SELECT enter_micro, leave_micro FROM mirror.share_price")[0]
    costs, pays = (f"{price / UNIT:.6f}" for price in prices)
    assert f"a share of the bankroll costs {costs} to buy and pays {pays}" in said.stdout
    placed = mirror.rows(
        "SELECT round(sum(placing_gas) / sum(g.placed + g.skipped)) FROM mirror.batch_gas g"
        " JOIN mirror.batch b USING (deployment, batch) WHERE b.tx_hash NOT IN"
        " (SELECT tx_hash FROM mirror.settlement)"
    )[0][0]
    assert f"gas: {placed:,} per slip placed, " in said.stdout
    assert "has not been read yet" not in said.stdout
    assert f"{gone[7:]} does not answer" in said.stdout
    assert "no indexer is running" in said.stdout
    mirror.rows("UPDATE mirror.transaction SET gas_used = NULL RETURNING 1")
    said = processes.command("status")
    assert "per slip placed" not in said.stdout
    unread = mirror.rows("SELECT count(*) FROM mirror.transaction")[0][0]
    assert f"the gas of {unread} transactions has not been read yet" in said.stdout
    assert processes.command("backfill").exit_code == 0
    verified = processes.command("verify")
    assert verified.exit_code == 0
    assert "the mirror equals the chain" in verified.stdout
    mirror.rows("UPDATE mirror.balance SET balance_micro = 5 WHERE account = 1 RETURNING 1")
    verified = processes.command("verify")
    assert verified.exit_code == 1
    assert "account 1" in verified.stderr
    running = processes.start()
    wait_until(lambda: "an indexer is running" in processes.command("status").stdout.splitlines())
    refused = processes.command("rebuild")
    assert refused.exit_code == 2
    assert "stop it, then rebuild" in refused.stderr
    assert running.poll() is None


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_wrong_settings_are_reported_in_one_line_each(
    mirror: Mirror, processes: Processes, tmp_path: Path
) -> None:
    absent = processes.command("run", RPC_URL=None, CHAIN_ID=None, CONFIRMATIONS=None)
    assert sorted(absent.stderr.splitlines()) == [
        f"indexer: setting {name} is missing: set it in the environment, as .env.example shows"
        for name in ("CHAIN_ID", "CONFIRMATIONS", "RPC_URL")
    ]
    cases: dict[str, dict[str, str | None]] = {
        "does not exist": {"DEPLOYMENT_FILE": str(tmp_path / "none.json")},
        "not for CHAIN_ID 5": {"CHAIN_ID": "5", "FINAL_DEPTH": "9"},
        "set FINAL_DEPTH in the environment: the number of blocks": {"CHAIN_ID": "5"},
        "at least CONFIRMATIONS": {"FINAL_DEPTH": "1"},
        "endpoints are http": {"RPC_URL": "127.0.0.1"},
        "does not answer": {"DATABASE_URL": f"postgres://127.0.0.1:{free_port()}/x"},
        "DATABASE_URL is missing": {"DATABASE_URL": None},
        "RPC_URL is missing": {"RPC_URL": ""},
    }
    for words, extra in cases.items():
        done = processes.command("run", **extra)
        assert done.exit_code == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert words in done.stderr
    for url in ("127.0.0.1", "host=127.0.0.1 dbname=x", "postgresql+asyncpg://127.0.0.1/x"):
        done = processes.command("run", DATABASE_URL=url)
        assert done.exit_code == 2
        assert done.stderr.startswith("indexer: setting DATABASE_URL is invalid: give an address")
        assert len(done.stderr.splitlines()) == 1
    other = tmp_path / "deployment.json"
    text = Path(processes.environment["DEPLOYMENT_FILE"]).read_text()
    other.write_text(text.replace(str(CHAIN_ID), "7"))
    done = processes.command("run", CHAIN_ID="7", FINAL_DEPTH="9", DEPLOYMENT_FILE=str(other))
    assert done.exit_code == 2
    assert "correct RPC_URL, CHAIN_ID or DEPLOYMENT_FILE" in done.stderr
    with psycopg.connect(mirror.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA mirror CASCADE")
    done = processes.command("run")
    assert done.exit_code == 2
    assert "python -m indexer migrate" in done.stderr
    assert processes.command("migrate").exit_code == 0
    assert f"revision {newest()}" in processes.command("migrate").stdout


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_another_chain_of_the_same_id_is_recognised_at_once(
    house: House, mirror: Mirror, processes: Processes, tmp_path: Path
) -> None:
    deployment = json.loads(house.deployment_file.read_text())
    genesis = house.node.web3.eth.get_block(0)["hash"].to_0x_hex()
    right, wrong = tmp_path / "right.json", tmp_path / "wrong.json"
    right.write_text(json.dumps({**deployment, "genesis_hash": genesis}))
    wrong.write_text(json.dumps({**deployment, "genesis_hash": "0x" + "1" * 64}))
    for command in ("run", "backfill", "rebuild"):
        refused = processes.command(command, DEPLOYMENT_FILE=str(wrong))
        assert refused.exit_code == 2
        assert "serves another chain than that of DEPLOYMENT_FILE" in refused.stderr
        assert refused.stderr.splitlines()[-1].startswith("indexer: ")
    said = processes.command("status", DEPLOYMENT_FILE=str(wrong))
    assert "serves another chain than that of DEPLOYMENT_FILE" in said.stdout
    assert processes.command("backfill", DEPLOYMENT_FILE=str(right)).exit_code == 0
    # A mirror that is ahead of its chain is not up to date.
    mirror.rows("UPDATE mirror.deployment SET head_block = head_block + 1988 RETURNING 1")
    said = processes.command("status", DEPLOYMENT_FILE=str(right))
    assert "1988 blocks below the mirror's head" in said.stdout
