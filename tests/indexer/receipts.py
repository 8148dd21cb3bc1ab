"""Shared by the tests of gas: endpoints that hold receipts back, and steps of the gas reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from indexer.chain.rpc import Endpoint
from indexer.errors import Throttled, Unreachable
from indexer.sync.gas import GasReader
from tests.indexer.faulty_node import FaultyNode
from tests.indexer.mirror import Mirror
from tests.support.nodes import CHAIN_ID

RECEIPT = "eth_getTransactionReceipt"


def unread(mirror: Mirror) -> int:
    """The number of transactions without gas."""
    rows = mirror.rows("SELECT count(*) FROM mirror.transaction WHERE gas_used IS NULL")
    return int(rows[0][0])


def forget_gas(mirror: Mirror) -> None:
    """Make all gas unread."""
    mirror.rows("UPDATE mirror.transaction SET gas_used = NULL, gas_price_wei = NULL RETURNING 1")


def advance_and_step(mirror: Mirror) -> None:
    """Advance to the head, and let the gas reader do one step; receipts may be in flight."""
    while mirror.sync.advance():
        pass
    mirror.sync.gas.step()


def read_receipts(mirror: Mirror) -> None:
    """Step until all gas is read, as the running indexer does while it is idle."""
    for _ in range(100):
        advance_and_step(mirror)
        if not unread(mirror):
            return
        mirror.sync.gas._request_at = 0
        time.sleep(0.01)


@contextmanager
def receipts_held(faulty: FaultyNode) -> Iterator[Callable[[], None]]:
    """Hold receipts back until the yielded function is called."""
    free = threading.Event()

    def hold(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT:
            assert free.wait(20)
        return answer

    faulty.fault = hold
    try:
        yield free.set
    finally:
        free.set()


class Clock:
    """A clock that the test moves."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class ReceiptEndpoint(Endpoint):
    """Counts requests for receipts, and fails them as the test says."""

    def __init__(self, url: str) -> None:
        super().__init__(url, CHAIN_ID)
        self.requests = 0
        self.fails = False
        self.knows = self.priced = True
        self.max_receipts = 50
        self.failing_tx = ""
        self.free = threading.Event()
        self.free.set()

    def batch(self, calls: Any) -> list[Any]:
        if not calls or calls[0][0] != RECEIPT:
            return super().batch(calls)
        self.requests += 1
        assert self.free.wait(20)
        if len(calls) > self.max_receipts:
            raise Throttled("later")
        if self.fails or any(params == [self.failing_tx] for _, params in calls):
            raise Unreachable("no answer")
        if not self.knows:
            return [None] * len(calls)
        answers = super().batch(calls)
        return [a if self.priced else a | {"effectiveGasPrice": None} for a in answers]


def step(reader: GasReader) -> None:
    """One step, and wait for the answer to its request."""
    reader.step()
    if reader._answer is not None:
        reader._answer.exception(20)


def step_until_read(mirror: Mirror, reader: GasReader, clock: Clock) -> None:
    """Steps one second apart, until all gas is read."""
    for _ in range(200):
        if not unread(mirror):
            return
        step(reader)
        clock.now_s += 1
