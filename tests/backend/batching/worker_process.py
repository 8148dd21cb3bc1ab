"""Runs a real Celery worker and its beat in processes that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backend.feed.facts import FixtureFacts, write_facts
from tests.support import warm_python
from tests.support.house import OPERATOR, RESULT_SIGNERS, House
from tests.support.nodes import CHAIN_ID, ROOT

KEYS = {
    "OPERATOR_KEY": "0x" + OPERATOR.hex(),
    "RESULT_SIGNER_KEYS": ",".join("0x" + key.hex() for key in RESULT_SIGNERS),
}

# Starts Celery on a machine whose clock is set wrong after a while.
WRONG_CLOCK = """
import sys, time, datetime
right = time.time
wrong_from = right() + 6
time.time = lambda: right() + ({0} if right() > wrong_from else 0)
class Wrong(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
    @classmethod
    def utcnow(cls):
        return cls.fromtimestamp(time.time(), datetime.timezone.utc).replace(tzinfo=None)
datetime.datetime = Wrong
from celery.__main__ import main
sys.argv[0] = "celery"
sys.exit(main())
"""


def environment(
    folder: Path, house: House, database_url: str, redis_url: str, **other: str
) -> dict[str, str]:
    """The environment of a worker for this house."""
    facts_file = folder / "facts.csv"
    if not facts_file.exists():
        write_facts(facts_file, [])
    return (
        {k: v for k, v in os.environ.items() if k not in KEYS}
        | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "RPC_URL": house.node.url,
            "CHAIN_ID": str(CHAIN_ID),
            "CONFIRMATIONS": "0",
            "DEPLOYMENT_FILE": str(folder / "deployment.json"),
            "CLOCK": "chain",
            "FACTS_FILE": str(facts_file),
            "BATCH_MAX_AGE_S": "0",
            "BATCH_MAX_SLIPS": "5",
            "FEE_BUMP_AFTER_S": "30",
            "MAX_FEE_GWEI": "500",
            "MAX_FEES_GWEI_PER_HOUR": "1000000000",
        }
        | KEYS
        | other
    )


def write_known_facts(folder: Path, facts: list[FixtureFacts]) -> None:
    """Replace the worker's facts file atomically."""
    write_facts(folder / "facts.new", facts)
    (folder / "facts.new").replace(folder / "facts.csv")


class Worker:
    """`celery worker` and `celery beat` with the given environment."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._folder, self._env = folder, env
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def log(self) -> str:
        files = sorted(self._folder.glob("*.log"))
        return "\n".join(file.read_text() for file in files)

    @property
    def alive(self) -> bool:
        """Whether none of the processes has ended by itself."""
        return all(process.poll() is None for process in self._processes)

    def start(self, only: Sequence[str] = ("worker", "beat"), beat_clock_s: int = 0) -> None:
        """Start the processes; the clock of beat's machine is wrong by `beat_clock_s`."""
        options = {"worker": ["--concurrency", "2", "--loglevel", "WARNING"], "beat": []}
        for name in only:
            command = [sys.executable, "-m", "celery"]
            popen: type[subprocess.Popen[Any]] = warm_python.Popen
            if name == "beat" and beat_clock_s:
                # With libraries that have not read the clock yet.
                command = [sys.executable, "-c", WRONG_CLOCK.format(beat_clock_s)]
                popen = subprocess.Popen
            with (self._folder / f"{name}.log").open("ab") as log:
                self._processes.append(
                    popen(
                        [*command, "-A", "backend.worker", name, *options[name]],
                        env=self._env,
                        cwd=self._folder,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the worker, its pool and the beat."""
        for process in self._processes:
            os.killpg(process.pid, number)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the worker, its pool and the beat; by default without warning."""
        for process in self._processes:
            os.killpg(process.pid, how)
        for process in self._processes:
            process.wait(timeout=20)
        self._processes.clear()


def wait_until(check: Callable[[], Any], timeout_s: float, say: Callable[[], str]) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, say()
        time.sleep(0.1)
