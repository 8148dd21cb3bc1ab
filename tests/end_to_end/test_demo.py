"""The demo in small, as a user starts it: its report is read, and its checks must have held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
INVARIANTS = {1, 3, 7, 8}


def run_demo(folder: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    report = folder / "report.json"
    env = {
        **{
            k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "RPC_URL")
        },
        "ONCE": "1",
        "WALLETS": "8",
        "BETS": "40",
        "REPORT_FILE": str(report),
        "STATE_FOLDER": str(folder / "state"),
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demo"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=280,
    )
    return done, json.loads(report.read_text()) if report.exists() else None


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("chain", ["ganache", "anvil"])
def test_match_day_is_bet_played_settled_and_accounted_for(chain: str, open_folder: Path) -> None:
    done, report = run_demo(open_folder, CHAIN=chain)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["accepted"] >= 40
    assert report["placed"] == report["settled"] == report["accepted"]
    assert report["accumulators"] > 0
    assert report["refused"] > 0
    assert report["refusals"]["market-started"] >= 1
    assert {check["invariant"] for check in report["checks"]} == INVARIANTS
    assert all(check["passed"] and check["looked_at"] for check in report["checks"])
    assert report["house_profit_micro"] == -report["bettors_profit_micro"] != 0
    assert report["one_by_one"]["bets"] == report["placed"]
    assert report["one_by_one"]["place_gas"] > report["place_gas"]
    assert report["withdrawals"] >= 1


def test_a_wrong_choice_is_one_sentence(tmp_path: Path) -> None:
    done, report = run_demo(tmp_path, BETS="many")
    assert done.returncode == 2
    assert done.stderr == "demo: BETS=many does not do: give a whole number of at least 10.\n"
    assert report is None
