"""Deployments on two chains at once, each with Brownie's files of its own, and on none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.devnet import Chain
from scripts.devnet.brownie import deploy_command, forget_deployments
from scripts.devnet.paths import ROOT

NOBODY = "0x00000000000000000000000000000000000000aA"


@pytest.mark.parametrize("option", [["--network", "sepolya"], ["--network=sepolya"]])
def test_unknown_network_is_named_with_those_there_are(option: list[str]) -> None:
    argv = [sys.executable, "-m", "scripts.devnet.brownie", "run", "deploy", *option]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "no network 'sepolya' here, only fairline, development, ganache-cli" in done.stderr


def test_deployments_at_once_each_reach_their_chain(tmp_path: Path) -> None:
    chains = [Chain("anvil", state=tmp_path / name) for name in ("first", "second")]
    for chain in chains:
        chain.start()
    try:
        files = [tmp_path / f"{index}.json" for index in range(2)]
        # Both are prepared before one of them runs: what they shared would be that of the second.
        prepared = [
            deploy_command(chain.url, {"DEPLOYMENT_FILE": str(file)}, tmp_path / file.stem)
            for chain, file in zip(chains, files, strict=True)
        ]
        running = [
            subprocess.Popen(
                argv, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for argv, env, cwd in prepared
        ]
        for process in running:
            output, _ = process.communicate(timeout=120)
            assert process.returncode == 0, output
        for chain, file in zip(chains, files, strict=True):
            deployed = json.loads(file.read_text())
            first = chain.call("eth_getBlockByNumber", "0x0", False)["hash"]
            assert deployed["genesis_hash"] == first
            for address in deployed["contracts"].values():
                assert chain.call("eth_getCode", address, "latest") != "0x"
    finally:
        for chain in chains:
            chain.stop(signal.SIGKILL)
    recorded = [cwd / "build" / "deployments" for *_, cwd in prepared]
    assert all(folder.is_dir() and not folder.is_symlink() for folder in recorded)
    assert ROOT / "build" / "deployments" not in recorded


def test_brownies_record_of_a_local_chain_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    kept, gone = (tmp_path / "build" / "deployments" / name for name in ("1", "1337"))
    for folder in (kept, gone):
        folder.mkdir(parents=True)
    record = kept.parent / "map.json"
    record.write_text(json.dumps({"1": {"Token": [NOBODY]}, "1337": {"Token": [NOBODY]}}))
    forget_deployments(tmp_path)
    assert list(json.loads(record.read_text())) == ["1"]
    assert (kept.exists(), gone.exists()) == (True, False)
