"""Runs the programs of the set-up side by side, and shows what is running and for how long.

It imports only the standard library, because nothing else is installed yet.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".devnet"
LOG = STATE / "logs" / "setup.log"
STOP_S = 3.0

NETWORK_WORDS = re.compile(
    r"dns error|could not connect|connection (refused|reset|error)|timed? ?out|ENOTFOUND|ECONN"
    r"|EAI_AGAIN|name resolution|network is unreachable|error sending request|No matching dist",
    re.IGNORECASE,
)


class SetupError(Exception):
    """What is missing and what to do, in one sentence."""


class Progress:
    """Prints each step when it ends, and before that what is running: on a terminal for how long,
    else in a line when it begins."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._running: list[str] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if sys.stdout.isatty():
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
            print("\r\033[K", end="", flush=True)

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One step; nothing is printed when it fails, the error says it."""
        started = time.monotonic()
        with self._lock:
            self._running.append(what)
            if self._ticker is None:
                print(f"set-up: {what} …", flush=True)
        try:
            yield
        finally:
            with self._lock:
                self._running.remove(what)
        with self._lock:
            erase = "\r\033[K" if self._ticker else ""
            print(f"{erase}set-up: {what}: {time.monotonic() - started:.0f} s", flush=True)

    def _tick(self) -> None:
        while not self._ended.wait(0.5):
            with self._lock:
                running = ", ".join(self._running)
                seconds = time.monotonic() - self._started
                print(f"\r\033[Kset-up: {seconds:.0f} s: {running} …", end="", flush=True)


class Runner:
    """Runs programs with their output in the log; several may run at the same time."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._children: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def run(self, what: str, argv: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Runs one step. Raises SetupError when it fails."""
        log = LOG.with_name(f"setup-{what.replace(' ', '-')}.log")
        with self._progress.step(what):
            code = self._finished(argv, env, log)
            output = log.read_text(errors="replace")
            with LOG.open("a") as common:
                common.write(f"\n$ {' '.join(argv)}\n{output}")
            log.unlink()
            if code != 0:
                raise failure(what, code, output)

    def stop(self) -> None:
        """Stops the programs that are running, by force after STOP_S, and starts no more."""
        self._signal(signal.SIGTERM)
        until = time.monotonic() + STOP_S
        while self._children and time.monotonic() < until:
            time.sleep(0.05)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            self._stopped = True
            for child in self._children:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, number)

    def _finished(self, argv: Sequence[str], env: dict[str, str] | None, log: Path) -> int:
        with log.open("wb") as output:
            with self._lock:
                if self._stopped:
                    raise SetupError("The set-up was stopped: run the same command again.")
                # In a group of its own, so that what the program starts ends with it.
                child = subprocess.Popen(
                    argv, cwd=ROOT, env=env or dict(os.environ), stdin=subprocess.DEVNULL,
                    stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
                self._children.add(child)
            try:
                return child.wait()
            finally:
                with self._lock:
                    self._children.discard(child)


def failure(what: str, code: int, output: str) -> SetupError:
    """The error of a step that failed, with the reason that its output gives."""
    name = LOG.relative_to(ROOT)
    if NETWORK_WORDS.search(output):
        return SetupError(
            f"The package registry could not be reached ({what}): check the network or the proxy "
            f"and run the same command again; the full log is {name}."
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    return SetupError(
        f"{what} failed with exit code {code} ({reason[:160]}): see {name}, then run the same "
        "command again."
    )
