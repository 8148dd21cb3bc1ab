"""Simulates, writes and delivers one transaction, and kills itself at a given line.

    python killer.py DATABASE_URL RPC_URL

Each number on standard input starts a forked process that kills itself after executing that many
lines of backend/transactions; with 0 it lives. The answer is "died", or the number of lines of a
complete run.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import create_engine

from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Call, Node
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.signer import LocalSigner
from backend.transactions.tables import TransactionKind
from protocol.limits import TRANSACTION_GAS_MAX
from tests.support.nodes import CHAIN_ID, key

WATCHED = str(Path(__file__).resolve().parents[3] / "backend" / "transactions")
TARGET = "0x" + "fa" * 20


class Reaper:
    """Counts executed lines of the watched folder and kills the process at one of them."""

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


def build(keys: Sequence[str]) -> Call:
    return Call(TARGET, keys[0].encode(), 60_000)


CONTENTS: Contents[str] = Contents(
    TransactionKind.PLACE, dedupe_key=lambda keys: keys[0], rows=lambda keys, transaction: []
)


def work(database_url: str, rpc_url: str, intent_key: str, reaper: Reaper) -> None:
    engine = create_engine(database_url)
    node = Node(rpc_url, CHAIN_ID)
    signer = LocalSigner(key(3))
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    sys.settrace(reaper.trace)
    outbox = Outbox(engine, node, signer.address, TRANSACTION_GAS_MAX)
    simulated = outbox.simulate([intent_key], build).passing
    outbox.write(simulated, CONTENTS, 0)
    delivery = Delivery(engine, node, signer, policy)
    delivery.pump()
    delivery.pump()
    sys.settrace(None)


def main() -> None:
    database_url, rpc_url = sys.argv[1:]
    for line in sys.stdin:
        deadly, intent_key = line.split()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            reaper = Reaper(int(deadly))
            work(database_url, rpc_url, intent_key, reaper)
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
