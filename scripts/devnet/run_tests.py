"""Runs every test: off-chain with real servers, and contracts on both chains.

Must not skip quietly: a part that did not run is said, and one that failed fails the whole.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from scripts import invariants
from scripts.devnet import brownie
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, STATE

PROGRESS_S = 20.0


@dataclass
class Outcome:
    name: str
    code: int
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def counted(name: str, report: Path, code: int, seconds: float) -> Outcome:
    """Reads a JUnit report. A run that reported nothing counts as failed."""
    outcome = Outcome(name, code, seconds)
    try:
        suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        outcome.code = code or 1
        return outcome
    for suite in suites:
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        outcome.failed += bad
        outcome.skipped += skipped
        outcome.passed += int(suite.get("tests", 0)) - bad - skipped
    return outcome


def measured(name: str, run: Callable[[Path], int]) -> Outcome:
    print(f"== {name} …", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
        report = Path(folder) / "report.xml"
        code = run(report)
        return counted(name, report, code, time.monotonic() - started)


def off_chain(log: Path, *arguments: str) -> Callable[[Path], int]:
    def run(report: Path) -> int:
        argv = [sys.executable, "-m", "pytest", "-p", "no:pytest-brownie", "-q", *arguments]
        argv += ["--durations", "10", f"--junitxml={report}"]
        with log.open("ab") as output:
            return subprocess.run(
                argv, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False
            ).returncode

    return run


def on_chain(network: str, log: Path) -> Callable[[Path], int]:
    def run(report: Path) -> int:
        # Stateful tests take minutes on a small machine: the limit of one test does not fit them.
        arguments = ["test", "tests/contracts", "--network", network, "--durations", "12"]
        options = ["-o", "timeout=1200", f"--junitxml={report}", "--show-capture=no"]
        # A home of its own: the deploy script runs beside it, with other networks.
        return brownie.run([*arguments, *options], home=STATE / "home-tests", log=log)

    return run


class Lanes:
    """Three lanes of tests side by side; most of them wait most of the time. What a lane prints
    goes to a file, which is shown when it has ended."""

    def __init__(self, folder: Path) -> None:
        self._logs = {name: folder / f"{name}.log" for name in ("backend", "contracts", "rest")}
        for log in self._logs.values():
            log.touch()
        # Two runs must not compile at the same time: the deploy script waits for it.
        self._compiled = threading.Event()

    def run(self) -> list[Outcome]:
        with ThreadPoolExecutor(len(self._logs)) as pool:
            lanes = {
                "backend": pool.submit(self._backend),
                "contracts": pool.submit(self._contracts),
                "rest": pool.submit(self._rest),
            }
            while wait(lanes.values(), timeout=PROGRESS_S).not_done:
                print("   ", ", ".join(map(self._progress, lanes)), flush=True)
            outcomes = []
            for name, lane in lanes.items():
                outcomes += lane.result()
                print(f"\n== output of: {name}", flush=True)
                print(self._logs[name].read_text(errors="replace"), flush=True)
        return outcomes

    def _progress(self, name: str) -> str:
        """The last percentage that pytest has printed in a lane."""
        found = re.findall(r"\[ *(\d+)%\]", self._logs[name].read_text(errors="replace"))
        return f"{name} {found[-1] if found else 0} %"

    def _backend(self) -> list[Outcome]:
        return [measured("backend", off_chain(self._logs["backend"], "tests/backend"))]

    def _contracts(self) -> list[Outcome]:
        log = self._logs["contracts"]
        try:
            # The second run removes what the first made and no contract needs, so that nobody else
            # finds it gone while reading.
            code = brownie.run(["compile"], log=log) or brownie.run(["compile"], log=log)
        finally:
            self._compiled.set()
        if code != 0:
            return [Outcome("compiling the contracts", code, 0)]
        return [self._invariants(log)] + [
            measured(f"contracts on {title}", on_chain(network, log))
            for network, title in (("development", "Anvil"), ("ganache-cli", "Ganache"))
        ]

    def _invariants(self, log: Path) -> Outcome:
        print("== invariants, by forge …", flush=True)
        started = time.monotonic()
        with log.open("a") as output:
            held = invariants.check(invariants.walk(), output)
        outcome = Outcome("invariants, by forge", 0 if held else 1, time.monotonic() - started)
        outcome.passed, outcome.failed = (1, 0) if held else (0, 1)
        return outcome

    def _rest(self) -> list[Outcome]:
        self._compiled.wait()
        others = ["tests", "--ignore", "tests/contracts", "--ignore", "tests/backend"]
        return [measured("indexer, page, devnet, demo", off_chain(self._logs["rest"], *others))]


def run_everything() -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
        return Lanes(Path(folder)).run()


def main() -> int:
    try:
        outcomes = run_everything()
    except DevnetError as error:
        print(f"test: {error}", file=sys.stderr)
        return 2
    print("\n== summary")
    for outcome in outcomes:
        word = "ok    " if outcome.code == 0 else "FAILED"
        print(
            f"{word} {outcome.name}: {outcome.passed} passed, {outcome.failed} failed, "
            f"{outcome.skipped} skipped, {outcome.seconds:.0f} s"
        )
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    print(f"\n{passed} passed, {failed} failed, {sum(o.skipped for o in outcomes)} skipped")
    return 0 if all(outcome.code == 0 for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
