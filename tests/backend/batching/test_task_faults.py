"""A worker's tasks say a fault once and its end once, and nothing that interrupts one breaks those
after it.

Branches: failed, busy elsewhere, recovered · tables are configured before the first task.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.backend.batching.test_worker_settings import run_python, settings
from tests.support import warm_python
from tests.support.nodes import ROOT

__all__ = ["settings"]

# Processes of their own, because the worker reads its settings when it is imported.
RUNS = """
from sqlalchemy.exc import OperationalError
from backend.transactions.errors import LockBusy
from backend.worker import tasks

def fail():
    raise OperationalError("", {}, Exception("away"))

def busy():
    raise LockBusy("deliver")

for work in (fail, busy, fail, lambda: None, busy):
    tasks._run("deliver", work)
    print("ran", work.__name__)
"""
CONFIGURED = """
from types import SimpleNamespace
from sqlalchemy.orm import configure_mappers
from backend.relays.tables import Relay
from backend.worker import tasks

made = SimpleNamespace(check=lambda: [], engine=SimpleNamespace(dispose=lambda: None))
tasks.runtime = lambda: made
tasks.runtime.cache_clear = lambda: None
print(Relay.__mapper__.configured)
tasks._check_settings()
print(Relay.__mapper__.configured)
"""


def test_task_recovers_by_a_run_of_its_own_work(redis_url: str) -> None:
    done = warm_python.run(
        [sys.executable, "-c", RUNS],
        env=os.environ | {"REDIS_URL": redis_url, "NO_COLOR": "1"},
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "task." in line or "ran" in line]
    said = [line.split("task.")[1].split()[0] if "task." in line else "ran" for line in lines]
    said = [word for word in said if word != "busy"]
    assert said == ["failed", "ran", "ran", "ran", "recovered", "ran", "ran"]


def test_tables_are_configured_before_the_first_task(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    done = run_python(tmp_path, settings, "-c", CONFIGURED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "True"]
