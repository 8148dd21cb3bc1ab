"""Tests the worker's settings without its servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backend.batching.worker_process import KEYS
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
}
SHOW_ENDPOINT = """
from backend.worker.runtime import runtime
print(runtime().node.web3.provider.endpoint_uri)
"""


@pytest.mark.parametrize(
    "rpc_url",
    ["http://127.0.0.1:8545", "http://127.0.0.1:8545 ,http://127.0.0.1:8546"],
    ids=["one", "two"],
)
def test_worker_uses_the_first_endpoint(tmp_path: Path, rpc_url: str) -> None:
    file = tmp_path / "deployment.json"
    contracts = {"Sportsbook": "0x" + "12" * 20, "Results": "0x" + "34" * 20}
    file.write_text(json.dumps({"chain_id": CHAIN_ID, "contracts": contracts}))
    done = subprocess.run(
        [sys.executable, "-c", SHOW_ENDPOINT],
        env=os.environ | SETTINGS | KEYS | {"DEPLOYMENT_FILE": str(file), "RPC_URL": rpc_url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "http://127.0.0.1:8545\n"), done.stderr
