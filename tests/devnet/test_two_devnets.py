"""Two devnets at once, each with a folder of its own: commands reach the one that is meant, and
neither takes the other's deployment."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.deploy_settings import local_address
from scripts.deployment_claim import DeploymentUsed, refuse_used
from scripts.deployment_record import Record
from scripts.devnet.devnet_settings import DevnetSettings
from scripts.devnet.paths import ROOT
from tests.devnet.devnet import RunningDevnet

UNIT = 10**6
NOBODY = "0x00000000000000000000000000000000000000aA"
USUAL = ROOT / "contracts" / "deployments" / "1337.json"


class Devnet(RunningDevnet):
    """Started with STATE_FOLDER alone."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "DEPLOYMENT_FILE": ""}

    @property
    def deployment_file(self) -> Path:
        return self.state / "deployments" / "1337.json"


@pytest.fixture(scope="module")
def devnets(devnet_state: Path) -> Iterator[tuple[Devnet, Devnet]]:
    held = USUAL.read_bytes() if USUAL.exists() else None
    both = Devnet(devnet_state / "one of two", "anvil"), Devnet(devnet_state / "two", "anvil")
    try:
        for devnet in both:
            devnet.state.mkdir(mode=0o755)
            devnet.start(CHAIN="anvil", RESET="1")
        yield both
    finally:
        for devnet in both:
            devnet.stop(signal.SIGKILL)
    assert (USUAL.read_bytes() if USUAL.exists() else None) == held


def test_each_devnet_keeps_its_own_deployment(devnets: tuple[Devnet, Devnet]) -> None:
    for devnet in devnets:
        found = Record.read(devnet.deployment_file)
        assert found is not None
        assert found.genesis_hash == devnet.record.genesis_hash
        assert devnet.record.deployment_file == str(devnet.deployment_file)


def test_command_reaches_the_devnet_whose_file_was_sourced(
    devnets: tuple[Devnet, Devnet],
) -> None:
    first, second = devnets
    for devnet in devnets:
        done = devnet.sourced('python -m scripts.devnet mint "$1" 5', NOBODY)
        assert done.returncode == 0, done.stderr
        assert f"(the devnet at RPC_URL={devnet.record.rpc_url})" in done.stdout
    assert [devnet.tokens_of(NOBODY) for devnet in devnets] == [5 * UNIT, 5 * UNIT]
    for words in (("mint", NOBODY, "7"), ("travel", "1h"), ("snapshot",), ("revert", "0x1")):
        refused = first.command(*words, RPC_URL=second.record.rpc_url)
        assert refused.returncode == 2
        assert f"is not the chain of the devnet in {first.state}" in refused.stderr
    assert [devnet.tokens_of(NOBODY) for devnet in devnets] == [5 * UNIT, 5 * UNIT]


def test_shell_that_sourced_one_devnet_starts_another_apart_from_it(
    devnets: tuple[Devnet, Devnet], tmp_path: Path
) -> None:
    record = devnets[0].record
    sourced = {
        "DEVNET_FOLDER": str(devnets[0].state),
        "RPC_URL": record.rpc_url,
        "DATABASE_URL": record.database_url,
        "DEPLOYMENT_FILE": record.deployment_file,
    }
    other = DevnetSettings.from_environment({**sourced, "STATE_FOLDER": str(tmp_path)})
    assert (other.rpc_url, other.database_url, other.deployment_file) == (None, None, None)
    same = DevnetSettings.from_environment(sourced)
    assert (same.state, same.rpc_url) == (devnets[0].state, None)
    assert same.deployment_file == devnets[0].deployment_file


def test_deployment_of_a_running_devnet_is_not_replaced(
    devnets: tuple[Devnet, Devnet], tmp_path: Path
) -> None:
    file = devnets[0].deployment_file
    held = file.read_bytes()
    with pytest.raises(DeploymentUsed, match="is the deployment of the devnet that runs in"):
        refuse_used(file)
    refuse_used(tmp_path / "1337.json")
    # The same chain, with other parameters: by Brownie, beside the devnet.
    done = devnets[0].program(
        "scripts.devnet.brownie", "run", "deploy", "--network", "development", NOTICE_S="7200"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{file} is the deployment of the devnet that runs in {devnets[0].state}" in done.stderr
    # Another chain: by another devnet.
    third = Devnet(tmp_path / "three", "anvil")
    done = third.command(DEPLOYMENT_FILE=str(file), CHAIN="anvil")
    assert done.returncode == 2
    assert f"{file} is the deployment of the devnet that runs in {devnets[0].state}" in done.stderr
    assert (file.read_bytes(), list(file.parent.glob("*.json"))) == (held, [file])


def test_mint_gives_tokens_of_the_deployment_that_the_shell_names(
    devnets: tuple[Devnet, Devnet], tmp_path: Path
) -> None:
    """An operator's own deployment, on the chain of a devnet."""
    first, second = devnets
    own = tmp_path / "own.json"
    deploy = ("run", "deploy", "--network", "development")
    done = first.program(
        "scripts.devnet.brownie", *deploy, DEPLOYMENT_FILE=str(own), NOTICE_S="7200"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    before = first.tokens_of(NOBODY)
    minted = first.command("mint", NOBODY, "7", DEPLOYMENT_FILE=str(own))
    assert minted.returncode == 0, minted.stderr
    assert f"{NOBODY} has 7.00 test tokens." in minted.stdout
    assert first.tokens_of(NOBODY) == before
    for path, words in ((own, "is a deployment on another chain"), (tmp_path / "no", "not exist")):
        refused = second.command("mint", NOBODY, "7", DEPLOYMENT_FILE=str(path))
        assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr


def test_bettors_have_tokens_after_a_deployment_on_the_chain_of_the_last_run(
    devnets: tuple[Devnet, Devnet],
) -> None:
    second = devnets[1]
    before = Record.read(second.deployment_file)
    assert second.stop() == 0
    second.start(NOTICE_S="7200")
    after = Record.read(second.deployment_file)
    assert before is not None
    assert after is not None
    assert before.genesis_hash == after.genesis_hash
    assert before.contracts["Token"] != after.contracts["Token"]
    assert second.tokens_of(local_address(10)) == 10_000 * UNIT
    assert "The contracts are new ones on the chain of the last run." in second.printed
