"""Two rounds of `make chaos` with fixed seeds in a house of their own, and what its checks notice.

Branches: rounds with a second API, a killed worker, a reorg, a restarted PostgreSQL, and results
while the worker is frozen · a frozen process, and a house that does not become well · a slip that
is in the table twice, and a bet that the mirror has and the chain does not · Ctrl-C.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from scripts.chaos import checks, report
from scripts.chaos.house import House
from scripts.chaos.plan import NODE, POSTGRES, Kind, plan_round
from scripts.chaos.recovery import ailments, wait_until_well
from scripts.chaos.round import Round, RoundResult
from scripts.devnet import DevnetError, process_tree, wait_healthy
from scripts.devnet.paths import ROOT
from scripts.devnet.postgres import plain_url

# Chosen for their faults, which the first test names.
SEEDS = (4759, 53040)
FAULTS = {(Kind.DOUBLE, "api"), (Kind.KILL, "worker"), (Kind.REORG, NODE), (Kind.RESTART, POSTGRES)}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fairline-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name) / "house"


@pytest.fixture(scope="module")
def played(folder: Path) -> Iterator[tuple[House, list[RoundResult]]]:
    with House(folder, "anvil", SEEDS[0]) as house:
        wait_until_well(house)
        results = [
            Round(house, plan_round(seed), number, print).play()
            for number, seed in enumerate(SEEDS, 1)
        ]
        yield house, results
    assert process_tree.naming(folder) == []


@pytest.fixture
def house(played: tuple[House, list[RoundResult]]) -> House:
    return played[0]


def failed(house: House) -> str:
    """The titles of the checks that fail, and what they say."""
    found = [check for check in checks.check(house).checks if not check.passed]
    return "\n".join(line for check in found for line in (check.title, *check.differences))


def change(house: House, *statements: str) -> None:
    with psycopg.connect(plain_url(house.platform.database_url)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_rounds_hold(played: tuple[House, list[RoundResult]], tmp_path: Path) -> None:
    plans = [plan_round(seed) for seed in SEEDS]
    assert {(fault.kind, fault.target) for plan in plans for fault in plan.faults} == FAULTS
    results = played[1]
    assert [result.failures for result in results] == [[], []]
    assert [result.settled for result in results] == [False, True]
    assert [fault.target for fault in plans[1].settling_faults] == ["worker"]
    for result, plan in zip(results, plans, strict=True):
        assert result.slips == sum(len(turns) for turns in plan.turns)
        assert result.accepted + result.refused == result.slips <= result.requests
        assert result.on_chain == result.accepted + result.unseen > 0
        assert len(result.faults) == len(plan.faults) + len(plan.settling_faults)
    to_second = [int(n) for n in re.findall(r"\((\d+) requests to it\)", str(results[0].faults))]
    assert len(to_second) == 1, results[0].faults
    assert to_second[0] > 0, results[0].faults
    report.write(tmp_path / "report.json", results, len(SEEDS))
    assert json.loads((tmp_path / "report.json").read_text())["passed"]
    assert not report.passed(results[:1], len(SEEDS))
    assert "2 of 2 rounds hold" in "\n".join(report.lines(results, len(SEEDS)))


def test_service_that_is_not_there_or_frozen_ails_the_house(house: House) -> None:
    assert ailments(house) == []
    pid = house.process("odds").pid
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_healthy(lambda: ailments(house) == ["odds is frozen."], 20, "the frozen process")
        with pytest.raises(DevnetError, match=r"not well again after 1 s: odds is frozen\."):
            wait_until_well(house, 1)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until_well(house)


def test_what_is_wrong_in_the_tables_is_noticed(house: House) -> None:
    """The last test of the house: it is not put right again."""
    columns = (
        "account, nonce, stake_micro, min_odds_e4, deadline_s, signature, receipt_signature,"
        " payout_max_micro, legs"
    )
    twin = "'00000000-0000-0000-0000-000000000000'"
    change(
        house,
        f"INSERT INTO backend.slip (id, idempotency_key, struct_hash, accepted_at_s, {columns})"
        f" SELECT {twin}, 'twin', 'twin'::bytea, accepted_at_s - 1, {columns}"
        " FROM backend.slip ORDER BY id LIMIT 1",
        f"INSERT INTO backend.slip_leg SELECT {twin}, leg, market, outcome, odds_e4"
        " FROM backend.slip_leg WHERE slip ="
        f" (SELECT id FROM backend.slip WHERE id <> {twin} ORDER BY id LIMIT 1)",
        "UPDATE mirror.bet SET nonce = nonce + 50 WHERE (batch, bet) ="
        " (SELECT batch, bet FROM mirror.bet ORDER BY batch DESC, bet DESC LIMIT 1)",
    )
    said = failed(house)
    assert "2 rows of backend.slip" in said
    assert "bet: the mirror lacks" in said
    assert "bet: the mirror has" in said
    assert "the API shows every accepted slip as placed or refused" in said


@pytest.mark.timeout(240)
def test_interrupt_stops_every_process_and_reports(open_folder: Path) -> None:
    state = open_folder / "state"
    chaos = subprocess.Popen(
        [sys.executable, "-m", "scripts.chaos"],
        cwd=ROOT,
        env={**os.environ, "STATE_FOLDER": str(state), "SEED": "20", "CHAIN": "anvil"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert chaos.stdout is not None
    assert next(chaos.stdout).startswith("SEED=20: 10 rounds")
    until = time.monotonic() + 30
    while not process_tree.naming(state / "house-1") and time.monotonic() < until:
        time.sleep(0.05)
    assert process_tree.naming(state / "house-1") != []
    chaos.send_signal(signal.SIGINT)
    printed, errors = chaos.communicate(timeout=120)
    assert (chaos.returncode, errors) == (130, "\nstopped\n"), printed
    assert "No round was played; 10 were asked for." in printed
    until = time.monotonic() + 10
    while process_tree.naming(state / "house-1") and time.monotonic() < until:
        time.sleep(0.1)
    assert process_tree.naming(state / "house-1") == []
