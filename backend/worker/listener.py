"""Wakes the worker: turns PostgreSQL's notifications into tasks at once, without flooding it.

It runs in a thread of the worker's main process. A missed notification costs seconds, never a bet:
the schedule requests the same tasks anyway.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import psycopg
import structlog
from psycopg.conninfo import make_conninfo

from backend import channels
from backend.fault_log import FaultLog
from backend.settings import CONNECT_ARGUMENTS

log = structlog.get_logger(__name__)

# The tasks that each channel wakes.
WAKES: Mapping[str, tuple[str, ...]] = {
    channels.SLIPS: ("flush_slips",),
    channels.CASH_OUTS: ("relay_cash_outs",),
    channels.RELAYS: ("send_relays",),
    channels.MIRROR: ("deliver", "flush_slips", "publish_results", "settle_batches"),
}
QUIET_S = 0.2
_POLL_S = 0.05
_IDLE_S = 1.0
_RECONNECT_S = 1.0


class Debounce:
    """Says which tasks are due: a task runs at once after a quiet time, and otherwise `quiet_s`
    after its last run. No request is lost in between."""

    def __init__(self, quiet_s: float = QUIET_S) -> None:
        self._quiet_s = quiet_s
        self._wanted: set[str] = set()
        self._sent_at: dict[str, float] = {}

    def want(self, channel: str) -> None:
        """Note a notification."""
        self._wanted.update(WAKES.get(channel, ()))

    def want_all(self) -> None:
        """Note that anything may have happened."""
        for channel in WAKES:
            self.want(channel)

    @property
    def waiting(self) -> bool:
        """Whether a task is wanted that is not due yet."""
        return bool(self._wanted)

    def due(self, now: float) -> list[str]:
        """The tasks to request now."""
        due = sorted(
            task
            for task in self._wanted
            if now - self._sent_at.get(task, float("-inf")) >= self._quiet_s
        )
        self._wanted.difference_update(due)
        self._sent_at.update(dict.fromkeys(due, now))
        return due


class Listener:
    """Listens until stopped; reconnects after an outage of the database."""

    def __init__(self, postgres_url: str, request_task: Callable[[str], None]) -> None:
        self._postgres_url = postgres_url
        self._request_task = request_task
        self._stopped = threading.Event()
        self._fault = FaultLog(log, "listener.disconnected", "listener.connected")
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Start listening."""
        self._thread.start()

    def stop(self) -> None:
        """End within about a second."""
        self._stopped.set()
        self._thread.join(timeout=2 * _IDLE_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except Exception as error:
                # The schedule does the work meanwhile.
                self._fault.began(type(error).__name__)
            self._stopped.wait(_RECONNECT_S)

    def _listen(self) -> None:
        debounce = Debounce()
        url = make_conninfo(self._postgres_url, **CONNECT_ARGUMENTS)
        with psycopg.connect(url, autocommit=True) as connection:
            for channel in WAKES:
                connection.execute(f"LISTEN {channel}")
            self._fault.ended()
            debounce.want_all()
            while not self._stopped.is_set():
                for task in debounce.due(time.monotonic()):
                    self._request_task(task)
                wait_s = _POLL_S if debounce.waiting else _IDLE_S
                for notice in connection.notifies(timeout=wait_s, stop_after=1):
                    debounce.want(notice.channel)
