"""`make devnet` on both chains: what it prints, the file to source, the commands, what it does when
a server of its own dies, when it is killed, and when it is started on what others left.

The tests of a module share one devnet for each chain.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from scripts.deploy_settings import local_address
from scripts.deployment_record import Record
from scripts.devnet import Chain, Postgres, rpc, wait_healthy
from scripts.devnet.chain import account_key
from scripts.devnet.devnet_settings import SPREAD_S, DevnetSettings, start_s
from scripts.devnet.paths import ROOT
from scripts.devnet.postgres import plain_url
from scripts.devnet.record import DevnetRecord
from scripts.devnet.sample import EVE_S, first_kick_off_s
from tests.devnet.devnet import RunningDevnet

UNIT = 10**6
ELSEWHERE = "0x" + "1" * 64
NOBODY = "0x00000000000000000000000000000000000000aA"


@pytest.fixture(scope="module", params=["ganache", "anvil"])
def devnet(request: pytest.FixtureRequest, devnet_state: Path) -> Iterator[RunningDevnet]:
    """A devnet on the eve of the match day."""
    state = devnet_state / f"devnet {request.param}"
    state.mkdir(mode=0o755)
    running = RunningDevnet(state, request.param)
    leave_another_chain(running)
    services = {"SERVICES": "1"} if request.param == "anvil" else {}
    running.start(CHAIN=request.param, START="eve", RESET="1", **services)
    yield running
    running.stop(signal.SIGKILL)


def leave_another_chain(running: RunningDevnet) -> None:
    """What an earlier devnet leaves, and a deployment file of yet another chain."""
    other = "ganache" if running.kind == "anvil" else "anvil"
    left = DevnetRecord(other, "now", ELSEWHERE, deployment_file=str(running.deployment_file))
    left.write(running.state)
    for folder in ("chain", "postgres"):
        (running.state / folder / other).mkdir(parents=True)
    file = Record(1337, "0x" + "2" * 64, 0, NOBODY, {"token": None}, {"Sportsbook": NOBODY})
    file.write(running.deployment_file)


@pytest.fixture
def node(devnet: RunningDevnet) -> Chain:
    return Chain(external_url=devnet.record.rpc_url)


def test_devnet_prints_what_a_tester_needs(devnet: RunningDevnet) -> None:
    text = "\n".join(devnet.printed)
    deployment = Record.read(devnet.deployment_file)
    assert deployment is not None
    for name, address in deployment.contracts.items():
        assert re.search(rf"^  {name} +{address}$", text, re.MULTILINE)
    roles = {0: "deployer, owner", 1: "operator", 2: "receipts", 7: "arbiter", 10: "bettor"}
    for number, role in roles.items():
        row = rf"^ +{number}  {role} +{local_address(number)}  {account_key(number)}$"
        assert re.search(row, text, re.MULTILINE)
    assert f"RPC_URL       {devnet.record.rpc_url}" in text
    assert devnet.ports["RPC_PORT"] in devnet.record.rpc_url
    assert "ABI           contracts/abi/" in text
    assert "match day 38 of 2024-25 begins 2025-05-25 15:00" in text
    assert all(len(line) < 140 for line in devnet.printed if str(devnet.state.parent) not in line)
    assert devnet.tokens_of(local_address(10)) == 10_000 * UNIT
    # Which devnet is resumed: this one has a folder of its own.
    services = " SERVICES=1" if devnet.kind == "anvil" else ""
    folder = shlex.quote(str(devnet.state))
    assert f"`make devnet STATE_FOLDER={folder}{services}` then resumes from here" in text


def test_chain_is_on_the_eve_and_every_chain_has_a_genesis_of_its_own(node: Chain) -> None:
    first_s = int(node.call("eth_getBlockByNumber", "0x0", False)["timestamp"], 16)
    before_s = first_kick_off_s() - first_s
    assert EVE_S <= before_s < EVE_S + SPREAD_S
    assert len({start_s("eve", now_s) for now_s in range(100)}) == 100


def test_sourced_file_has_every_setting(devnet: RunningDevnet) -> None:
    migrated = devnet.sourced("python -m indexer migrate")
    assert (migrated.returncode, migrated.stderr) == (0, "")
    code = (
        "from backend.api_settings import ApiSettings\n"
        "from backend.odds.settings import OddsSettings\n"
        "from backend.worker.settings import WorkerSettings\n"
        "from indexer.settings import RunSettings\n"
        "for kind in (ApiSettings, OddsSettings, WorkerSettings, RunSettings): kind()\n"
    )
    read = devnet.sourced('python -c "$1"', code)
    assert (read.returncode, read.stderr) == (0, "")


def test_sourced_shell_asks_the_database_as_documented(devnet: RunningDevnet) -> None:
    """Also where the machine has no `psql`: the PATH has the shell alone."""
    connect = 'source "$1"; psql "${DATABASE_URL/+psycopg/}" -Atc'
    asked = f"{connect} 'SELECT chain_id FROM mirror.deployment'"
    done = subprocess.run(
        ["/bin/bash", "-c", asked, "bash", str(devnet.state / "devnet.env")],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_first_bet_is_settled_as_readme_says(devnet: RunningDevnet) -> None:
    if devnet.kind == "ganache":
        pytest.skip("the demo plays a match day on Ganache")
    page = (ROOT / "docs" / "tutorials" / "python.md").read_text()
    code = "".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    wait_healthy(lambda: any("The page: " in line for line in devnet.printed), 90, "the services")
    api = f"http://127.0.0.1:{devnet.ports['API_PORT']}"
    shell = 'source "$1"; python -c "$2"'
    done = subprocess.run(
        ["bash", "-c", shell, "bash", str(devnet.state / "devnet.env"), code],
        cwd=ROOT,
        env=devnet.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["paid 47500000"], done.stderr
    assert devnet.command("travel", "2025-05-25T17:30:00Z").returncode == 0

    def published() -> bool:
        with psycopg.connect(plain_url(devnet.record.database_url)) as connection:
            row = connection.execute("SELECT count(*) FROM mirror.result").fetchone()
        return row == (10,)

    wait_healthy(published, 60, "the results")
    assert devnet.command("travel", "11m").returncode == 0

    def is_settled() -> bool:
        with urllib.request.urlopen(f"{api}/v1/accounts/1/bets", timeout=5) as answer:
            return [bet["state"] for bet in json.load(answer)["bets"]] == ["settled"]

    wait_healthy(is_settled, 60, "the settled bet")


def test_second_devnet_in_a_folder_is_refused(devnet: RunningDevnet) -> None:
    refused = devnet.command()
    assert refused.returncode == 2
    assert f"A devnet is running in {devnet.state} at RPC_URL={devnet.record.rpc_url}" in (
        refused.stderr
    )


def test_travel_moves_the_clock_forward_only(devnet: RunningDevnet, node: Chain) -> None:
    before_s = node.timestamp_s()
    assert devnet.command("travel", "2h").returncode == 0
    assert 7_200 <= node.timestamp_s() - before_s < 7_260
    at_s = node.timestamp_s() + 100
    done = devnet.command("travel", datetime.fromtimestamp(at_s, UTC).isoformat())
    assert done.returncode == 0, done.stderr
    assert at_s <= node.timestamp_s() < at_s + 60
    refused = devnet.command("travel", "2025-01-01T00:00:00Z")
    assert refused.returncode == 2
    assert "its clock cannot go back" in refused.stderr
    back = devnet.command("travel", "-1h")
    assert (back.returncode, len(back.stderr.splitlines())) == (2, 1)
    assert "-1h is in the past, and its clock cannot go back" in back.stderr


def test_mint_gives_tokens_and_coins_for_gas(devnet: RunningDevnet, node: Chain) -> None:
    done = devnet.command("mint", NOBODY, "1000.5")
    said = f"{NOBODY} has 1,000.50 test tokens.\n(the devnet at RPC_URL={devnet.record.rpc_url})\n"
    assert (done.returncode, done.stdout) == (0, said)
    assert devnet.tokens_of(NOBODY) == 1_000_500_000
    assert int(node.call("eth_getBalance", NOBODY, "latest"), 16) == 10**20
    refused = devnet.command("mint", "0x12", "1000")
    assert (refused.returncode, "0x12 is not an address" in refused.stderr) == (2, True)


def test_revert_returns_chain_and_database_as_often_as_asked(
    devnet: RunningDevnet, node: Chain
) -> None:
    database = plain_url(devnet.record.database_url)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    block, time_s, held = node.block_number(), node.timestamp_s(), devnet.tokens_of(NOBODY)
    name = devnet.command("snapshot").stdout.split()[1].rstrip(".")
    for _ in range(2):
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("INSERT INTO kept VALUES (1)")
        assert devnet.command("mint", NOBODY, "7").returncode == 0
        assert devnet.command("travel", "1d").returncode == 0
        done = devnet.command("revert", name)
        assert done.returncode == 0, done.stderr
        # One block per second was mined since: the snapshot is of a block later than `block`.
        assert block <= node.block_number() <= block + 60
        assert time_s <= node.timestamp_s() <= time_s + 60
        assert devnet.tokens_of(NOBODY) == held
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        name = done.stdout.splitlines()[0].split()[-1]
    # The next block is later than the one before it, also directly after a revert.
    number = int(re.findall(r"at block (\d+)", devnet.command("revert", name).stdout)[0])
    wait_healthy(lambda: node.block_number() > number, 30, "the next block")
    times = [
        int(node.call("eth_getBlockByNumber", hex(n), False)["timestamp"], 16)
        for n in (number, number + 1)
    ]
    assert times[0] < times[1]
    never = devnet.command("revert", "0xffff")
    assert never.returncode == 2
    assert "no snapshot 0xffff" in never.stderr
    assert "it was never made, was used, or the devnet was restarted since" in never.stderr
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE kept")


def test_server_that_dies_is_named_and_started_again(devnet: RunningDevnet, node: Chain) -> None:
    number = node.block_number()
    pids = devnet.record.pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)

    def answers() -> bool:
        again = sum("was started again at the same address" in line for line in devnet.printed)
        return again >= len(pids) and node.block_number() > 0

    wait_healthy(answers, 60, "the servers")
    text = "\n".join(devnet.printed)
    for name in ("PostgreSQL", "Redis", devnet.kind):
        assert f"devnet: {name} ended (killed by signal 9)" in text
    assert set(devnet.record.pids).isdisjoint(pids)
    wait_healthy(lambda: node.block_number() > number, 30, "the heartbeat")
    assert Postgres(external_url=devnet.record.database_url).databases()


def test_readmes_deploy_command_reaches_the_devnet(devnet: RunningDevnet) -> None:
    if devnet.kind == "anvil":
        pytest.skip("once is enough: it is Brownie that is asked, not the node")
    held = devnet.deployment_file.read_bytes()
    # Brownie would start an Anvil by this name; the Ganache that runs is meant all the same.
    arguments = ("run", "deploy", "--network", "development")
    done = devnet.program("scripts.devnet.brownie", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Deployed already, checked and kept: {devnet.deployment_file}" in done.stdout
    assert devnet.deployment_file.read_bytes() == held
    assert rpc.call(devnet.record.rpc_url, "eth_chainId") == "0x539"


def test_killed_devnet_goes_on_from_its_last_block(devnet: RunningDevnet, node: Chain) -> None:
    assert devnet.command("mint", NOBODY, "3").returncode == 0
    held, events = devnet.tokens_of(NOBODY), events_of(node)
    assert events
    if devnet.kind == "anvil":  # saves once a second
        wait_healthy(saved(devnet, node.block_number()), 30, "the saved chain")
    genesis = devnet.record.genesis_hash
    devnet.stop(signal.SIGKILL)
    refused = devnet.command(START="now")
    assert refused.returncode == 2
    assert "has a chain of START=eve: add RESET=1" in refused.stderr
    text = "\n".join(devnet.start())
    assert "going on from the last run" in text
    assert devnet.record.genesis_hash == genesis
    assert devnet.tokens_of(NOBODY) == held
    assert events_of(node)[: len(events)] == events


def events_of(node: Chain) -> list[dict[str, object]]:
    return list(node.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"}))


def saved(devnet: RunningDevnet, number: int) -> Callable[[], bool]:
    """Whether Anvil has saved a block; it writes the whole chain, not whole at every moment."""
    file = devnet.state / "chain" / "anvil" / "state.json"

    def check() -> bool:
        try:
            state = json.loads(file.read_text())
        except (OSError, ValueError):
            return False
        return int(state["block"]["number"], 16) >= number if state.get("block") else False

    return check


def test_leftovers_of_another_chain_are_recognised_by_the_genesis_hash(
    devnet: RunningDevnet,
) -> None:
    assert devnet.stop() == 0
    assert devnet.record.pids == []
    # A chain folder of another chain, as after somebody removed the folder.
    lost, kept = devnet.state / "chain", devnet.state / "kept"
    lost.rename(kept)
    refused = devnet.command()
    assert refused.returncode == 2
    genesis = devnet.record.genesis_hash
    assert f"is of the chain with the genesis hash {genesis}" in refused.stderr
    assert "RESET=1" in refused.stderr
    # Refused again: the record still names the chain that is lost.
    assert devnet.record.genesis_hash == genesis


def test_reset_removes_what_is_its_own_and_renames_what_is_not(devnet: RunningDevnet) -> None:
    assert devnet.record.genesis_hash != ELSEWHERE
    assert (devnet.record.kind, devnet.record.start) == (devnet.kind, "eve")
    assert os.listdir(devnet.state / "chain") == [devnet.kind]
    aside = devnet.deployment_file.with_name("1337.22222222-00000000.json")
    assert Record.read(aside) is not None
    assert f"{devnet.deployment_file} is of another chain (genesis hash 0x22222222…)" in (
        "\n".join(devnet.first)
    )


def test_servers_of_a_sourced_file_do_not_stand_for_others(devnet: RunningDevnet) -> None:
    record = devnet.record
    sourced = {
        "STATE_FOLDER": str(devnet.state),
        "RPC_URL": record.rpc_url,
        "DATABASE_URL": record.database_url,
    }
    settings = DevnetSettings.from_environment(sourced)
    assert (settings.rpc_url, settings.database_url) == (None, None)
    other = DevnetSettings.from_environment({**sourced, "RPC_URL": "http://127.0.0.1:9"})
    assert other.rpc_url == "http://127.0.0.1:9"
