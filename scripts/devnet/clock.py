"""Moves the chain's clock: one block per second, and jumps into the future."""

from __future__ import annotations

import threading
import time

from scripts.devnet.chain import Chain
from scripts.devnet.errors import DevnetError
from scripts.devnet.rpc import RpcError


def travel_to(chain: Chain, timestamp_s: int) -> int:
    """Mines a block at that time or later; the clock continues from there.

    Returns the time of the latest block. A time in the past changes nothing. Raises DevnetError
    when the node does not move its clock.
    """
    with chain.clock_lock:
        for _ in range(3):
            now_s = chain.timestamp_s()
            if now_s >= timestamp_s:
                chain.last_seen_s = now_s
                return now_s
            try:
                chain.set_clock(timestamp_s)
                chain.mine()
            except RpcError as error:
                raise DevnetError(
                    f"The node at {chain.url} cannot travel in time ({error}): use Ganache or "
                    "Anvil."
                ) from error
    raise DevnetError(f"The node at {chain.url} did not travel to {timestamp_s}.")


class Heartbeat:
    """Mines a block every second, so that the chain's clock moves while no transactions are sent.

    It pauses while the node is down.
    """

    def __init__(self, chain: Chain, period_s: float = 1.0) -> None:
        self._chain = chain
        self._period_s = period_s
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises DevnetError when the node does not mine on request."""
        try:
            self._beat()
        except RpcError as error:
            raise DevnetError(
                f"The node at {self._chain.url} does not mine on request ({error}): use Ganache "
                "or Anvil."
            ) from error
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _beat(self) -> None:
        with self._chain.clock_lock:
            self._chain.mine()
            self._chain.last_seen_s = self._chain.timestamp_s()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending.is_set():
            due = max(due + self._period_s, time.monotonic())
            if self._ending.wait(max(0.0, due - time.monotonic())):
                return
            try:
                self._beat()
            except (OSError, RpcError):
                # The node is stopped or still starting: the next beat tries again.
                continue
