"""Runs every test: off-chain with real servers, contracts on Anvil, and on Ganache those that show
what the chain does itself (tests/contracts/chains.py).

Must not skip quietly: a part that did not run is named, one that failed fails the whole, and what
is left to another command is counted. A few failed tests are run again at the end, when nothing
else runs; those that pass then are named as unsteady, and fail nothing. Each part is a process
group of its own: it ends on Ctrl-C, at its time limit, and with the runner.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.command_help import no_arguments
from scripts.devnet import orphan_reaper, processes
from scripts.devnet.paths import ROOT
from scripts.interrupts import raised_again_if_ignored
from scripts.test_parts import COMPILE, PARTS, Part

PROGRESS_S = 20.0
LAST_LINES = 20
# More failures than these are not the machine's doing.
AGAIN_AT_MOST = 8
# Two of them keep two cores busy; the others fill the pauses in which tests wait for a server.
WORKERS = 4
# The longest part takes six minutes on two cores. A test that hangs is ended much earlier by
# tests/support/hanging.py; this ends what hangs outside of tests, or lets no other thread run.
PART_LIMIT_S = 2_400.0
# How long a part may take to end on Ctrl-C, or to print its stacks at the limit.
GRACE_S = 30.0


@dataclass
class Outcome:
    """What became of a part; `cpu_s` counts all processes that it started and waited for."""

    name: str
    code: int
    seconds: float = 0.0
    cpu_s: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    # How many tests another command runs, and which: "12 left to `make it`".
    left: str = ""
    # What failed: see `failures_in`.
    failures: tuple[str, ...] = ()
    # What failed first and passed when nothing else ran.
    unsteady: tuple[str, ...] = ()

    def merge_again(self, again: Outcome) -> None:
        """Take over what became of the failed tests when they ran again."""
        self.seconds += again.seconds
        self.cpu_s += again.cpu_s
        if again.code == 0 and again.passed:
            self.code, self.passed, self.failed = 0, self.passed + again.passed, 0
            self.unsteady, self.failures = self.failures, ()

    def __str__(self) -> str:
        word = "ok    " if self.code == 0 else "FAILED"
        left = f"{self.left}, " if self.left else ""
        unsteady = f"{len(self.unsteady)} unsteady, " if self.unsteady else ""
        return (
            f"{word} {self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} "
            f"skipped, {unsteady}{left}{self.seconds:.0f} s ({self.cpu_s:.0f} s of processor time)"
        )


def count(outcome: Outcome, report: Path) -> None:
    """Reads a JUnit report. A run that reported nothing counts as failed."""
    try:
        suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        outcome.code = outcome.code or 1
        return
    for suite in suites:
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        outcome.failed += bad
        outcome.skipped += skipped
        outcome.passed += int(suite.get("tests", 0)) - bad - skipped


class Groups:
    """The process groups of the parts that run now."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._stopped = False
        # The main thread may be interrupted while it holds it.
        self._lock = threading.RLock()
        self._killer = threading.Timer(GRACE_S, self._send, [signal.SIGKILL])
        self._killer.daemon = True

    def run(self, command: Sequence[str], log: Path, outcome: Outcome) -> int:
        """The exit code; 130 without a start after `stop`. The processor time is added to the
        outcome's."""
        with self._lock:
            if self._stopped:
                return 130
            process = start(command, log)
            self._running.add(process.pid)
        processes.kill_with_us(process.pid, signal.SIGINT)
        try:
            with ended_at_limit(process.pid, log):
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        finally:
            with self._lock:
                self._running.remove(process.pid)
            # What it left behind; its number is not another's before it was waited for.
            orphan_reaper.send(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
            processes.ended(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        outcome.cpu_s += usage.ru_utime + usage.ru_stime
        return process.returncode

    def stop(self) -> None:
        """Start nothing any more, and interrupt what runs. Kill it after GRACE_S, or at the next
        Ctrl-C."""
        signal.signal(signal.SIGINT, lambda *_: self._send(signal.SIGKILL))
        with self._lock:
            self._stopped = True
        self._send(signal.SIGINT)
        self._killer.start()

    def _send(self, number: int) -> None:
        with self._lock:
            for group in self._running:
                orphan_reaper.send(group, number)


class Run:
    """All parts, a few at the same time. What a part prints goes to a file, which is shown when the
    part has ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, Path] = {}
        self._ended = threading.Event()
        self._interrupted = threading.Event()
        self._groups = Groups()

    def all_parts(self) -> list[Outcome]:
        """Raises KeyboardInterrupt when the running parts have ended; no other part starts then."""
        with ThreadPoolExecutor(WORKERS) as pool:
            # First, so that a worker that waits for it never keeps it from starting.
            compiled = pool.submit(self._run, COMPILE)
            parts = [pool.submit(self._run_when, compiled, part) for part in PARTS]
            progress = threading.Thread(target=self._show_progress, daemon=True)
            progress.start()
            try:
                futures = as_completed([compiled, *parts])
                outcomes = [self._show(future.result()) for future in futures]
                self._run_failed_again(outcomes)
                return outcomes
            except KeyboardInterrupt:
                self._interrupted.set()
                self._groups.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            finally:
                self._ended.set()
                progress.join()

    def _run_when(self, compiled: Future[Outcome], part: Part) -> Outcome:
        if part.needs_contracts and compiled.result().code != 0 and not self._interrupted.is_set():
            return Outcome(f"{part.name}, not run without contracts", 1, failed=1)
        return self._run(part)

    def _run_failed_again(self, outcomes: Sequence[Outcome]) -> None:
        """Runs the failed tests of the parts again, one part at a time, if they are few."""
        failed = [outcome for outcome in outcomes if outcome.code]
        if not failed or sum(outcome.failed for outcome in failed) > AGAIN_AT_MOST:
            return
        for part in PARTS:
            for outcome in failed:
                if outcome.name == part.name and part.reports and outcome.failed:
                    again = replace(
                        part, name=f"{part.name}, again", again_of=part.name, left_to=""
                    )
                    outcome.merge_again(self._show(self._run(again)))

    def _run(self, part: Part) -> Outcome:
        log, report = self._file(part.name, "log"), self._file(part.name, "xml")
        command = [*part.command]
        if part.reports:
            kept = self._file(part.again_of or part.name, "cache")
            command += [f"--junitxml={report}", "-o", f"cache_dir={kept}"]
        if part.again_of:
            command += ["--last-failed", "--last-failed-no-failures", "none"]
        # The progress is read from it from now on.
        log.touch()
        self._running[part.name] = log
        outcome = Outcome(part.name, 0)
        started = time.monotonic()
        for _ in range(part.times):
            outcome.code = outcome.code or self._groups.run(command, log, outcome)
        outcome.seconds = time.monotonic() - started
        if outcome.code:
            outcome.failures = failures_in(log)
        if part.left_to:
            outcome.left = f"{deselected(log)} left to `{part.left_to}`"
        if part.reports:
            count(outcome, report)
        elif part is not COMPILE or outcome.code:
            outcome.passed, outcome.failed = (1, 0) if outcome.code == 0 else (0, 1)
        del self._running[part.name]
        return outcome

    def _file(self, name: str, ending: str) -> Path:
        return self._folder / f"{re.sub('[^a-z]+', '-', name.lower())}.{ending}"

    def _show(self, outcome: Outcome) -> Outcome:
        log = self._file(outcome.name, "log")
        if log.exists():
            print(f"\n== output of: {outcome.name}\n{log.read_text(errors='replace')}")
        print(outcome, flush=True)
        return outcome

    def _show_progress(self) -> None:
        while not self._ended.wait(PROGRESS_S):
            shown = [f"{name} {percentage(log)} %" for name, log in list(self._running.items())]
            print("   ", ", ".join(shown), flush=True)


def start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """A process in a group of its own, which no terminal reaches, with its output in a file."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Wide, so that the short summary also says why a test failed.
            env=os.environ | {"COLUMNS": "200"},
            process_group=0,
        )


@contextlib.contextmanager
def ended_at_limit(group: int, log: Path) -> Iterator[None]:
    """Ends a part that takes longer than PART_LIMIT_S: pytest prints the stacks of its threads when
    it is aborted."""

    def end() -> None:
        with log.open("a") as output:
            print(f"\nFAILED part: not ended after {PART_LIMIT_S:.0f} s", file=output)
        orphan_reaper.send(group, signal.SIGABRT)
        if not over.wait(GRACE_S):
            orphan_reaper.send(group, signal.SIGKILL)

    over = threading.Event()
    timer = threading.Timer(PART_LIMIT_S, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        over.set()
        timer.cancel()


def failures_in(log: Path) -> tuple[str, ...]:
    """The lines of pytest's short summary that name tests, in their order; without any, the last
    lines, which say why the run ended."""
    text = log.read_text(errors="replace")
    found = re.findall(r"^(?:FAILED|ERROR) \S.*$", text, re.MULTILINE)
    return tuple(dict.fromkeys(found)) or tuple(text.splitlines()[-LAST_LINES:])


def deselected(log: Path) -> int:
    """How many tests pytest has collected and not run."""
    found = re.findall(r"\b(\d+) deselected\b", log.read_text(errors="replace"))
    return int(found[-1]) if found else 0


def percentage(log: Path) -> str:
    """The last percentage that pytest has printed."""
    found = re.findall(r"\[ *(\d+)%\]", log.read_text(errors="replace"))
    return found[-1] if found else "0"


def interrupt(*_: object) -> None:
    """Ends the run as Ctrl-C does."""
    raise KeyboardInterrupt


def main() -> int:
    started = time.monotonic()
    # A shell ignores Ctrl-C in what it starts in the background, and so would every test's process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A terminal that closes, and whoever ends the runner, mean its parts too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        with (
            raised_again_if_ignored(),
            tempfile.TemporaryDirectory(prefix="fairline-") as folder,
        ):
            outcomes = Run(Path(folder)).all_parts()
    except KeyboardInterrupt:
        print("\nstopped: the parts that had not started were not run", file=sys.stderr)
        return 130
    print("\n== summary", *outcomes, sep="\n")
    print(
        f"\n{sum(o.passed for o in outcomes)} passed, {sum(o.failed for o in outcomes)} failed, "
        f"{sum(o.skipped for o in outcomes)} skipped, "
        + "".join(f"{outcome.left}, " for outcome in outcomes if outcome.left)
        + f"{time.monotonic() - started:.0f} s"
    )
    # Last of all: a log of the whole run is long, and its middle is what gets lost.
    for outcome in outcomes:
        if outcome.unsteady:
            print(f"\n== passed only when run again: {outcome.name}", *outcome.unsteady, sep="\n")
        if outcome.code:
            print(f"\n== failed in: {outcome.name}", *outcome.failures, sep="\n")
    return 0 if all(outcome.code == 0 for outcome in outcomes) else 1


if __name__ == "__main__":
    no_arguments("python -m scripts.all_tests", __doc__)
    sys.exit(main())
