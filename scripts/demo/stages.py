"""Prints what a run does and when, and on a terminal how long the current stage has taken."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

_ERASE = "\r\033[K"


class Stages:
    """Times every stage. Each printed line begins with the seconds since the start."""

    def __init__(self, started: float | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.monotonic() if started is None else started
        self._is_terminal = sys.stdout.isatty()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Prints the name, and times what happens in the context."""
        self._print(name)
        started, ended = time.monotonic(), threading.Event()
        ticker = threading.Thread(target=self._tick, args=(name, started, ended), daemon=True)
        if self._is_terminal:
            ticker.start()
        try:
            yield
        finally:
            ended.set()
            if self._is_terminal:
                ticker.join()
        self.seconds[name] = time.monotonic() - started

    def say(self, line: str) -> None:
        """Prints progress within a stage."""
        self._print(f"  {line}")

    def _print(self, line: str) -> None:
        erase = _ERASE if self._is_terminal else ""
        with self._lock:
            print(f"{erase}[{time.monotonic() - self._started:4.0f} s] {line}", flush=True)

    def _tick(self, name: str, started: float, ended: threading.Event) -> None:
        while not ended.wait(1.0):
            with self._lock:
                now = time.monotonic()
                line = f"[{now - self._started:4.0f} s] {name}: {now - started:.0f} s …"
                print(f"{_ERASE}{line}", end="", flush=True)
        with self._lock:
            print(_ERASE, end="", flush=True)
