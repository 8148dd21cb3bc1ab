"""Starts indexer processes, and waits for what they write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import structlog
from typer.testing import CliRunner, Result

from indexer.commands import app
from tests.indexer.mirror import CONFIRMATIONS, Mirror
from tests.support import warm_python
from tests.support.house import House
from tests.support.nodes import CHAIN_ID, ROOT

LIMIT_S = 30


class Processes:
    """Indexers that a test starts; `end` kills them."""

    def __init__(self, mirror: Mirror, house: House) -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")},
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": mirror.url,
            "RPC_URL": house.node.url,
            "CHAIN_ID": str(CHAIN_ID),
            "DEPLOYMENT_FILE": str(house.deployment_file),
            "CONFIRMATIONS": str(CONFIRMATIONS),
        }
        self.running: list[subprocess.Popen[str]] = []

    def start(self, **extra: str) -> subprocess.Popen[str]:
        """Start `python -m indexer run`."""
        process = warm_python.Popen(
            [sys.executable, "-m", "indexer", "run"],
            env={**self.environment, **extra},
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def command(self, name: str, **extra: str | None) -> Result:
        """Run a command that ends by itself, in this process: a new one takes a second to start.
        None removes a setting from the environment."""
        environment = {**self.environment, **extra}
        handlers = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            return CliRunner().invoke(app, [name], env=environment)
        finally:
            structlog.reset_defaults()
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition. Raises AssertionError after `LIMIT_S`."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.01)


def head_block(mirror: Mirror) -> int:
    """The mirror's head, -1 while it is empty."""
    rows = mirror.rows("SELECT head_block FROM mirror.deployment")
    return -1 if not rows or rows[0][0] is None else int(rows[0][0])


def caught_up(mirror: Mirror, house: House) -> Callable[[], bool]:
    """The condition that the mirror is at the chain's head: after a reorg, other blocks have the
    same numbers."""
    head = """SELECT b.number, b.hash FROM mirror.deployment d JOIN mirror.block b
        ON b.deployment = d.id AND b.number = d.head_block"""

    def condition() -> bool:
        latest = house.node.web3.eth.get_block("latest")
        rows = [(number, bytes(hash_)) for number, hash_ in mirror.rows(head)]
        return rows == [(latest["number"], bytes(latest["hash"]))]

    return condition


def gas_complete(mirror: Mirror) -> Callable[[], bool]:
    """The condition that no receipt is missing."""
    unread = "SELECT 1 FROM mirror.transaction WHERE gas_used IS NULL LIMIT 1"
    return lambda: not mirror.rows(unread)
