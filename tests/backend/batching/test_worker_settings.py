"""Tests the worker's settings without its servers: missing, malformed, several endpoints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backend.batching.worker_process import KEYS
from tests.support import warm_python
from tests.support.nodes import CHAIN_ID, ROOT

SETTINGS = {
    "DATABASE_URL": "postgresql+psycopg://127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
    "CHAIN_ID": str(CHAIN_ID),
    "CONFIRMATIONS": "0",
    "CLOCK": "chain",
    "FACTS_FILE": "none.csv",
    "BATCH_MAX_AGE_S": "0",
    "FEE_BUMP_AFTER_S": "30",
    "MAX_FEE_GWEI": "500",
    "MAX_FEES_GWEI_PER_HOUR": "1000000000",
}
SHOW_ENDPOINT = """
from backend.worker.runtime import runtime
print(runtime().node.web3.provider.endpoint_uri)
"""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """The environment of a worker that is set up, but whose servers do not run."""
    file = tmp_path / "deployment.json"
    contracts = {"Sportsbook": "0x" + "12" * 20, "Results": "0x" + "34" * 20}
    file.write_text(json.dumps({"chain_id": CHAIN_ID, "contracts": contracts}))
    endpoint = {"DEPLOYMENT_FILE": str(file), "RPC_URL": "http://127.0.0.1:1"}
    return os.environ | {"PYTHONPATH": str(ROOT)} | SETTINGS | KEYS | endpoint


def run_python(
    folder: Path, env: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return warm_python.run(
        [sys.executable, *arguments],
        env=env,
        cwd=folder,
        timeout=120,
    )


def start_worker(folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a worker whose settings make it exit at once."""
    return run_python(folder, env, "-m", "celery", "-A", "backend.worker", "worker")


@pytest.mark.parametrize(
    "rpc_url",
    ["http://127.0.0.1:8545", "http://127.0.0.1:8545 ,http://127.0.0.1:8546"],
    ids=["one", "two"],
)
def test_worker_uses_the_first_endpoint(
    tmp_path: Path, settings: dict[str, str], rpc_url: str
) -> None:
    done = run_python(tmp_path, settings | {"RPC_URL": rpc_url}, "-c", SHOW_ENDPOINT)
    assert (done.returncode, done.stdout) == (0, "http://127.0.0.1:8545\n"), done.stderr


@pytest.mark.parametrize(
    "name", ["OPERATOR_KEY", "RPC_URL", "CONFIRMATIONS", "MAX_FEES_GWEI_PER_HOUR"]
)
def test_worker_without_a_setting_ends_with_one_sentence(
    tmp_path: Path, settings: dict[str, str], name: str
) -> None:
    del settings[name]
    done = start_worker(tmp_path, settings)
    assert done.returncode == 2
    assert (
        f"worker: setting {name} is missing: set it in the environment, as .env.example shows"
        in done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("rpc_url", [",http://127.0.0.1:1", "ws://127.0.0.1:1"])
def test_malformed_endpoint_is_refused(
    tmp_path: Path, settings: dict[str, str], rpc_url: str
) -> None:
    done = run_python(tmp_path, settings | {"RPC_URL": rpc_url}, "-c", SHOW_ENDPOINT)
    reason = "endpoints are http:// or https:// addresses, separated by commas"
    assert (done.returncode, done.stdout) == (2, "")
    assert f"worker: setting RPC_URL is invalid: {reason}" in done.stderr


@pytest.mark.parametrize("gas", ["4999999", "16777217", "much"])
def test_gas_of_a_transaction_that_no_chain_could_have_is_refused(
    tmp_path: Path, settings: dict[str, str], gas: str
) -> None:
    done = start_worker(tmp_path, settings | {"MAX_TRANSACTION_GAS": gas})
    assert done.returncode == 2
    assert "worker: setting MAX_TRANSACTION_GAS is invalid: " in done.stderr


def test_malformed_key_is_refused_without_showing_it(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    done = start_worker(tmp_path, settings | {"OPERATOR_KEY": "0xbadc0ffee"})
    assert done.returncode == 2
    reason = "setting OPERATOR_KEY is invalid: a private key is 32 bytes in hex"
    assert f"worker: {reason}" in done.stderr
    assert "badc0ffee" not in done.stderr + done.stdout
