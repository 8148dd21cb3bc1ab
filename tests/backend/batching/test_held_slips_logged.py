"""Tests that a flush that only holds slips is logged, though not on every run."""

from __future__ import annotations

import os
import sys

from tests.support import warm_python
from tests.support.nodes import ROOT

# A process of its own, because the worker reads its settings when it is imported.
FLUSHES = """
from types import SimpleNamespace
from backend.batching.service import Flushed
from backend.worker import tasks

flushes = [Flushed(held=n) for n in (1, 1, 2, 0, 2)]
flushes += [Flushed(batches=1, slips=3), Flushed(held=2)]
batcher = SimpleNamespace(flush=lambda now_s: flushes.pop(0))
tasks.runtime = lambda: SimpleNamespace(batcher=batcher, now_s=lambda: 0)
tasks.request_task = lambda task: print("requested", task)
while flushes:
    tasks.flush_slips()
"""


def test_held_slips_are_logged_when_their_number_changes() -> None:
    done = warm_python.run(
        [sys.executable, "-c", FLUSHES],
        env=os.environ | {"REDIS_URL": "redis://127.0.0.1:1", "NO_COLOR": "1"},
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    logged = [line for line in done.stdout.splitlines() if "slips.flushed" in line]
    assert [line.split("held=")[1].split()[0] for line in logged] == ["1", "2", "2", "0", "2"]
    assert done.stdout.count("requested deliver") == 1
