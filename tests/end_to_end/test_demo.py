"""A small demo, started as a user starts it: its report is read, and every check must pass."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.devnet import process_tree

ROOT = Path(__file__).resolve().parents[2]
INVARIANTS = {1, 3, 7, 8}


def demo_environment(folder: Path, **environment: str) -> dict[str, str]:
    own = ("DATABASE_URL", "REDIS_URL", "RPC_URL")
    return {
        **{name: value for name, value in os.environ.items() if name not in own},
        "ONCE": "1",
        "WALLETS": "8",
        "BETS": "40",
        "REPORT_FILE": str(folder / "report.json"),
        "STATE_FOLDER": str(folder / "state"),
        **environment,
    }


def run_demo(folder: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demo"],
        cwd=ROOT,
        env=demo_environment(folder, **environment),
        capture_output=True,
        text=True,
        timeout=280,
    )
    report = folder / "report.json"
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
    assert re.findall(r"^  holds  (\d)\. ", done.stdout, re.MULTILINE) == ["1", "2", "3", "4"]
    assert "PostgreSQL answers; making the tables …" in done.stdout
    assert all(check["passed"] and check["looked_at"] for check in report["checks"])
    assert report["house_profit_micro"] == -report["bettors_profit_micro"] != 0
    assert report["one_by_one"]["bets"] == report["placed"]
    assert report["one_by_one"]["place_gas"] > report["place_gas"]
    assert report["withdrawals"] >= 1


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("stage", ["starting servers", "opening match day", "betting"])
def test_interrupt_stops_every_process(stage: str, open_folder: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "scripts.demo"],
        cwd=ROOT,
        env=demo_environment(open_folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    line = next((line for line in demo.stdout if stage in line), None)
    assert line, f"the demo ended before this stage: {demo.communicate()[1]}"
    until = time.monotonic() + 30
    while not (running := process_tree.naming(open_folder / "state")) and time.monotonic() < until:
        time.sleep(0.05)
    assert running, line
    demo.send_signal(signal.SIGINT)
    _, errors = demo.communicate(timeout=120)
    assert (demo.returncode, errors) == (130, "\nstopped\n")
    until = time.monotonic() + 10
    while process_tree.naming(open_folder / "state") and time.monotonic() < until:
        time.sleep(0.1)
    assert process_tree.naming(open_folder / "state") == []


def test_a_wrong_choice_is_one_sentence(tmp_path: Path) -> None:
    done, report = run_demo(tmp_path, BETS="many")
    assert done.returncode == 2
    assert done.stderr == "demo: BETS=many is invalid: give a whole number of at least 10.\n"
    assert report is None
