"""Logs a lasting fault once when it begins and once when it ends."""

from __future__ import annotations

import threading
import time
from typing import Any


class FaultLog:
    """One fault of a process, such as a server that is away. `log` is a structlog logger, or None
    to say nothing; `lost` and `back` are the events, `facts` are in both lines. Threads may share
    it."""

    def __init__(self, log: Any, lost: str, back: str, **facts: object) -> None:
        self._log, self._lost, self._back, self._facts = log, lost, back, facts
        self._since: float | None = None
        self._lock = threading.Lock()

    @property
    def lasts(self) -> bool:
        """Whether the fault has begun and not ended."""
        return self._since is not None

    def began(self, reason: str) -> None:
        """The fault is there; logged when it was not before."""
        with self._lock:
            if self._since is not None:
                return
            self._since = time.monotonic()
        if self._log is not None:
            self._log.warning(self._lost, reason=reason, **self._facts)

    def ended(self) -> None:
        """The fault is not there; logged when it was before."""
        with self._lock:
            since, self._since = self._since, None
        if since is not None and self._log is not None:
            after_s = round(time.monotonic() - since, 1)
            self._log.info(self._back, after_s=after_s, **self._facts)
