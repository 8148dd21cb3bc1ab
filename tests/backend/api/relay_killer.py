"""Prepares and delivers what owners have signed, and kills itself at a given line.

    python relay_killer.py DATABASE_URL RPC_URL DEPLOYMENT_FILE

Each number on standard input starts a forked process that kills itself after executing that many
lines of backend/relays and backend/transactions; with 0 it lives. The answer is "died", or the
number of lines of a complete run.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import create_engine

from backend.deployment import Deployment
from backend.relays.relaying import Relayer
from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from backend.transactions.signer import LocalSigner
from tests.support.house import OPERATOR
from tests.support.nodes import CHAIN_ID

BACKEND = Path(__file__).resolve().parents[3] / "backend"
WATCHED = (str(BACKEND / "relays"), str(BACKEND / "transactions"))


class Reaper:
    """Counts executed lines of the watched folders and kills the process at one of them."""

    def __init__(self, deadly: int) -> None:
        self.lines = 0
        self._deadly = deadly

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


def work(database_url: str, rpc_url: str, deployment_file: str, reaper: Reaper) -> None:
    engine, node = create_engine(database_url), Node(rpc_url, CHAIN_ID)
    signer = LocalSigner(OPERATOR)
    deployment = Deployment.read(Path(deployment_file), CHAIN_ID)
    relayer = Relayer(engine, node, deployment, signer.address)
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    delivery = Delivery(engine, node, signer, policy)
    now_s = node.head().timestamp_s
    sys.settrace(reaper.trace)
    relayer.relay(now_s)
    delivery.pump()
    delivery.pump()
    sys.settrace(None)


def main() -> None:
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            reaper = Reaper(int(line))
            database_url, rpc_url, deployment_file = sys.argv[1:]
            work(database_url, rpc_url, deployment_file, reaper)
            os.write(writing, str(reaper.lines).encode())
            os._exit(0)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        lines = os.read(reading, 20).decode()
        os.close(reading)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("died" if killed else lines or "failed", flush=True)


if __name__ == "__main__":
    main()
