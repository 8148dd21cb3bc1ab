"""Runs a child process, logs its output, and never lets it outlive the process that started it.

Whether a process that ended is started again is decided by the supervisor.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from scripts.devnet import orphan_reaper
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import FREE_MIN_MIB, ROOT, STATE, disk_is_full

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _Reaper:
    """The helper process that kills what this interpreter leaves behind, started on first use."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def send(self, line: str) -> None:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", orphan_reaper.__file__],
                    stdin=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                )
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()


_REAPER = _Reaper()


def kill_with_us(group: int, number: int) -> None:
    """Have a process group that we started sent this signal when we end, for whatever reason, and
    SIGKILL after a grace period. Undone by `ended`."""
    _REAPER.send(f"+{group} {int(number)}")


def ended(group: int) -> None:
    """Note that a process group has ended; another may get its number from now on."""
    _REAPER.send(f"-{group}")


def _dying_with(parent: int, number: int) -> Callable[[], None]:
    """What the child does before it becomes the program: ask for a signal when its parent ends.

    On Linux the parent is the thread that started the child, so that thread must keep running.
    """

    def prepare() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, number)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


@dataclass(eq=False)
class Process:
    """A program with a name; it can be started, stopped and started again."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    logs: Path = STATE / "logs"
    cwd: Path = ROOT
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    user: tuple[int, int] | None = None  # user and group, unless they are the starter's own
    _child: subprocess.Popen[bytes] | None = None
    _reader: threading.Thread | None = None
    _tail: deque[str] = field(default_factory=lambda: deque(maxlen=40))

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was never started"
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        return None if self._child is None else self._child.poll()

    @property
    def last_line(self) -> str:
        """The last line that the program wrote, for an error."""
        if self._reader is not None and not self.is_alive:
            self._reader.join(timeout=1)
        return next((line for line in reversed(self._tail) if line.strip()), "no output")

    def start(self) -> None:
        """Raises DevnetError when the program is missing or cannot be run."""
        if self.is_alive:
            return
        self.reaped()
        self.logs.mkdir(parents=True, exist_ok=True)
        try:
            self._child = subprocess.Popen(
                list(self.argv),
                cwd=self.cwd,
                env=None if self.env is None else dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user and self.user[0],
                group=self.user and self.user[1],
                extra_groups=None if self.user is None else [],
                preexec_fn=_dying_with(os.getpid(), self.stop_signal),
            )
        except OSError as error:
            raise DevnetError(
                f"{self.name} cannot be started ({error.strerror}: {self.argv[0]}): run "
                "python3 scripts/setup.py and try again."
            ) from error
        kill_with_us(self._child.pid, self.stop_signal)
        assert self._child.stdout is not None
        self._reader = threading.Thread(
            target=self._read, args=(self._child.stdout,), name=f"log {self.name}", daemon=True
        )
        self._reader.start()

    def stop(self, how: signal.Signals | None = None) -> None:
        """Stops the program and what it started, with SIGKILL after the grace period."""
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(how or self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(self.grace_s)
        orphan_reaper.send(child.pid, signal.SIGKILL)
        child.wait()
        self.reaped()
        if self._reader is not None:
            self._reader.join(timeout=2)

    def reaped(self) -> None:
        """Notes that the program has ended; another process may get its number from now on."""
        if self._child is not None and self._child.poll() is not None:
            ended(self._child.pid)

    def wait(self, timeout_s: float | None = None) -> int:
        assert self._child is not None, f"{self.name} was never started"
        return self._child.wait(timeout_s)

    def fail_if_dead(self) -> None:
        if not self.is_alive:
            raise DevnetError(
                self.disk_full()
                or f"{self.name} ended with exit code {self.exit_code} instead of starting "
                f"({self.last_line[:200]}): see {self.log_path}."
            )

    def disk_full(self) -> str:
        """What to do if the program has failed because no disk space is left; "" if some is."""
        if not disk_is_full(self.logs):
            return ""
        return (
            f"{self.name} failed, and no disk space is left for {self.logs.parent}: free at least"
            f" {FREE_MIN_MIB} MiB, then start again."
        )

    @property
    def log_path(self) -> Path:
        return self.logs / f"{self.name}.log"

    def _read(self, source: IO[bytes]) -> None:
        """Copies every line, with its time, into the program's log and into all.log."""
        with source:
            for raw in source:
                line = raw.decode(errors="replace").rstrip()
                self._tail.append(line)
                stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
                # On a full disk lines are lost, but the program is not held up.
                with contextlib.suppress(OSError):
                    self._log(f"{stamp} {self.name} | {line}\n")

    def _log(self, line: str) -> None:
        for path in (self.log_path, self.logs / "all.log"):
            with path.open("a") as log:
                log.write(line)


def wait_until(check: Callable[[], bool], process: Process, timeout_s: float = 30.0) -> None:
    """Waits until the check is true. Raises DevnetError when the process ends or time runs out."""
    until = time.monotonic() + timeout_s
    while not check():
        process.fail_if_dead()
        if time.monotonic() > until:
            raise DevnetError(
                process.disk_full()
                or f"{process.name} did not answer within {timeout_s:.0f} s "
                f"({process.last_line[:200]}): see {process.log_path}."
            )
        time.sleep(0.03)
