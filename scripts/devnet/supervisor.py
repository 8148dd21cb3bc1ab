"""Keeps named processes running, and stops them in the reverse order of their start."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol

from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, STATE
from scripts.devnet.processes import Process
from scripts.interrupts import raised_again_if_ignored

BACK_OFF_FIRST_S = 0.5
BACK_OFF_MAX_S = 10.0
STEADY_S = 30.0
_TICK_S = 0.1


class Service(Protocol):
    """Anything that can be started and stopped, such as a server."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass
class _Kept:
    process: Process
    restart: bool
    independent: bool
    restarts: int = 0
    back_off_s: float = BACK_OFF_FIRST_S
    started_at: float = 0.0
    start_again_at: float | None = None


def wait_healthy(
    check: Callable[[], bool], timeout_s: float, what: str, process: Process | None = None
) -> None:
    """Waits until the check is true; a check that raises OSError counts as false.

    Raises DevnetError, naming what did not become healthy, when the time is over.
    """
    until = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(OSError):
            if check():
                return
        if time.monotonic() > until:
            said = f" ({process.last_line[:200]}; see {process.log_path})" if process else ""
            raise DevnetError(f"{what} did not become healthy within {timeout_s:.0f} s{said}.")
        time.sleep(0.05)


class Supervisor:
    """Use as a context manager: leaving it stops everything, the last started first."""

    def __init__(self, logs: Path = STATE / "logs", quiet: bool = False) -> None:
        self.logs = logs
        self._quiet = quiet
        self._kept: dict[str, _Kept] = {}
        self._order: list[str | Service] = []
        self._once: set[Process] = set()
        self._lock = threading.RLock()
        self._ending = threading.Event()
        # A process ends with the thread that started it. The threads of the pool and the watcher,
        # which restarts processes, therefore live until everything is stopped.
        self._pool = ThreadPoolExecutor(thread_name_prefix="start")
        self._tasks: list[Future[object]] = []
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._interrupts = contextlib.ExitStack()

    def __enter__(self) -> Supervisor:
        self.logs.mkdir(parents=True, exist_ok=True)
        self._interrupts.enter_context(raised_again_if_ignored())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._interrupts:
            self.stop()

    def own(self, service: Service) -> None:
        """Starts a service now, and stops it with everything else."""
        with self._lock:
            self._fail_if_ending()
            self._order.append(service)
        service.start()

    def together(self, *tasks: Callable[[], object]) -> None:
        """Runs the tasks at the same time, each in a thread; they may start services and processes.

        Raises the error of a task that failed, after all have ended.
        """
        tasks_running = [self._pool.submit(task) for task in tasks]
        self._tasks += tasks_running
        wait(tasks_running)
        for task in tasks_running:
            task.result()

    def run(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        restart: bool = True,
        independent: bool = False,
        grace_s: float = 10.0,
        stop_signal: signal.Signals = signal.SIGTERM,
        cwd: Path = ROOT,
    ) -> Process:
        """Starts a process, and with `restart` starts it again whenever it ends.

        Independent processes that were started one after another are stopped at the same time.
        """
        process = Process(
            name, argv, env, logs=self.logs, grace_s=grace_s, stop_signal=stop_signal, cwd=cwd
        )
        with self._lock:
            self._fail_if_ending()
            if name in self._kept:
                raise DevnetError(f"A process named {name} exists already: choose another name.")
            kept = _Kept(process, restart, independent, started_at=time.monotonic())
            self._kept[name] = kept
            self._order.append(name)
            process.start()
            if not self._watcher.is_alive():
                self._watcher.start()
        return process

    def once(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        cwd: Path = ROOT,
    ) -> Process:
        """Runs a process until it ends, and returns it for its exit code and output."""
        process = Process(name, argv, env, logs=self.logs, cwd=cwd)
        with self._lock:
            self._fail_if_ending()
            self._once.add(process)
            process.start()
        try:
            process.wait()
        finally:
            process.stop()
            self._once.discard(process)
        return process

    @property
    def has_started(self) -> bool:
        """Whether there is something to stop."""
        return bool(self._order or self._once)

    def process(self, name: str) -> Process:
        return self._kept[name].process

    def restarts(self, name: str) -> int:
        """How often the process was started again after it ended by itself."""
        return self._kept[name].restarts

    def stop(self) -> None:
        """Stops everything, the last started first; a second call does nothing."""
        with self._lock:
            self._ending.set()
            running = list(self._once)
        for process in running:
            process.stop()
        if self._watcher.is_alive() and threading.current_thread() is not self._watcher:
            self._watcher.join(timeout=5)
        # What is just being started is stopped when it has started.
        wait(self._tasks)
        while self._order:
            wait([self._pool.submit(stop) for stop in self._next_stops()])
        self._pool.shutdown()

    def _next_stops(self) -> list[Callable[[], object]]:
        """What is to be stopped next: the last item, or all independent processes at the end."""
        stops: list[Callable[[], object]] = []
        while self._order:
            item = self._order[-1]
            independent = isinstance(item, str) and self._kept[item].independent
            if stops and not independent:
                break
            stops.append(self._kept[item].process.stop if isinstance(item, str) else item.stop)
            self._order.pop()
            if not independent:
                break
        return stops

    def _fail_if_ending(self) -> None:
        if self._ending.is_set():
            raise DevnetError("Everything is being stopped.")

    def wait(self, until: Callable[[], bool] | None = None) -> None:
        """Waits for Ctrl-C, SIGTERM, SIGHUP, or until the condition holds."""
        asked = threading.Event()
        with _on_signals(asked):
            while not asked.wait(0.2):
                if until is not None and until():
                    return

    def _watch(self) -> None:
        while not self._ending.wait(_TICK_S):
            with self._lock:
                for kept in list(self._kept.values()):
                    if not self._ending.is_set():
                        self._look_at(kept)

    def _look_at(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.process.is_alive or not kept.restart:
            if now - kept.started_at > STEADY_S:
                kept.back_off_s = BACK_OFF_FIRST_S
            return
        if kept.start_again_at is None:
            kept.process.reaped()
            kept.start_again_at = now + kept.back_off_s
            self._say(
                f"{kept.process.name} ended with exit code {kept.process.exit_code} "
                f"({kept.process.last_line[:160]}); it starts again in {kept.back_off_s:.1f} s"
            )
            return
        if now >= kept.start_again_at:
            kept.back_off_s = min(kept.back_off_s * 2, BACK_OFF_MAX_S)
            kept.restarts += 1
            kept.start_again_at, kept.started_at = None, now
            kept.process.start()

    def _say(self, line: str) -> None:
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _on_signals(asked: threading.Event) -> Iterator[None]:
    def on_signal(number: int, frame: FrameType | None) -> None:
        asked.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
