"""What a seed draws, and what a run is asked for.

Branches: the same seed · every fault is drawn, and only where it makes sense · faults of a round
have different targets · a round number has its own seed · settings that are wrong.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.chaos.plan import BET_S, POOL, SETTLE_S, TARGETS, Habit, plan_round
from scripts.chaos.settings import ChaosSettings
from scripts.devnet import DevnetError

SEEDS = range(400)


def test_seed_gives_the_same_plan_again() -> None:
    assert plan_round(7) == plan_round(7)
    assert plan_round(7) != plan_round(8)


def test_every_fault_and_every_habit_is_drawn() -> None:
    plans = [plan_round(seed) for seed in SEEDS]
    struck = {(f.kind, f.target) for p in plans for f in (*p.faults, *p.settling_faults)}
    assert struck == {(kind, target) for kind, targets in TARGETS.items() for target in targets}
    assert {turn.habit for p in plans for turns in p.turns for turn in turns} == set(Habit)
    assert 0.2 < sum(plan.settles for plan in plans) / len(plans) < 0.5


def test_faults_of_a_round_strike_in_time_and_have_different_targets() -> None:
    for plan in map(plan_round, SEEDS):
        targets = ["worker" if fault.target == POOL else fault.target for fault in plan.faults]
        assert 1 <= len(targets) == len(set(targets)) <= 2, plan
        assert all(0 <= fault.at_s <= BET_S for fault in plan.faults), plan
        assert all(0 <= fault.at_s <= SETTLE_S for fault in plan.settling_faults), plan
        assert bool(plan.settling_faults) == plan.settles, plan
        assert all(turns == tuple(sorted(turns, key=lambda t: t.at_s)) for turns in plan.turns)


def test_settings_are_read(tmp_path: Path) -> None:
    environment = {"ROUNDS": "30", "SEED": "5", "CHAIN": "anvil", "STATE_FOLDER": str(tmp_path)}
    settings = ChaosSettings.from_environment(environment)
    assert (settings.rounds, settings.seed, settings.chains) == (30, 5, ("anvil",))
    assert settings.report_file == tmp_path / "report.json"
    assert ChaosSettings.from_environment({}).chains == ("anvil", "ganache")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROUNDS", "0"),
        ("SEED", "many"),
        ("CHAIN", "hardhat"),
        ("DATABASE_URL", "postgresql://db.example.org/fairline"),
        ("REDIS_URL", "redis://redis.example.org"),
        ("RPC_URL", "https://node.example.org"),
    ],
)
def test_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(DevnetError, match=name):
        ChaosSettings.from_environment({name: value})
