"""Runs every test: off-chain, in the page's JavaScript, and contracts on both chains.

The contracts' tests run beside the others, which mostly wait; their output follows at the end. Must
not skip quietly: a part that did not run is said, and one that failed fails the whole.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.devnet import brownie
from scripts.devnet.errors import DevnetError
from scripts.devnet.places import ROOT, STATE

NO_TESTS_COLLECTED = 5


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
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
        report = Path(folder) / "report.xml"
        code = run(report)
        return counted(name, report, code, time.monotonic() - started)


def off_chain(report: Path) -> int:
    argv = [sys.executable, "-m", "pytest", "-p", "no:pytest-brownie", "tests", "-q"]
    argv += ["--ignore", "tests/contracts", "--durations", "10", f"--junitxml={report}"]
    return subprocess.run(argv, cwd=ROOT, check=False).returncode


def on_chain(network: str, log: Path) -> Callable[[Path], int]:
    def run(report: Path) -> int:
        # Stateful tests take minutes on a small machine: the limit of one test does not fit them.
        arguments = ["test", "tests/contracts", "--network", network, "--durations", "12"]
        options = ["-o", "timeout=1200", f"--junitxml={report}", "--show-capture=no"]
        # A home of its own: the deploy script runs beside it, with other networks.
        return brownie.run([*arguments, *options], home=STATE / "home-tests", log=log)

    return run


def compile_contracts(log: Path) -> int:
    """Compile once, before two runs would do it at the same time; the exit code."""
    print("compiling the contracts …", flush=True)
    return brownie.run(["compile"], log=log)


def run_contracts(log: Path) -> list[Outcome]:
    """The contracts' tests on both chains, one after the other; what they print goes to `log`."""
    if not any((ROOT / "tests" / "contracts").glob("test_*.py")):
        return []
    return [
        measured(f"contracts on {title}", on_chain(network, log))
        for network, title in (("development", "Anvil"), ("ganache-cli", "Ganache"))
    ]


def page(report: Path) -> int:
    files = sorted(str(path) for path in (ROOT / "tests" / "web").rglob("*.test.*js"))
    argv = ["node", "--test", "--test-reporter=junit", f"--test-reporter-destination={report}"]
    argv += ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    return subprocess.run([*argv, *files], cwd=ROOT, check=False).returncode


def node_counted(outcome: Outcome, report_text: str) -> Outcome:
    """Node's report has test cases outside of suites: they are counted one by one."""
    cases = list(ElementTree.fromstring(report_text).iter("testcase"))
    outcome.failed = sum(case.find("failure") is not None for case in cases)
    outcome.skipped = sum(case.find("skipped") is not None for case in cases)
    outcome.passed = len(cases) - outcome.failed - outcome.skipped
    return outcome


def run_page() -> Outcome:
    print("\n== the page's JavaScript", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
        report = Path(folder) / "report.xml"
        code = page(report)
        outcome = Outcome("the page's JavaScript", code, time.monotonic() - started)
        if not report.exists():
            outcome.code = code or 1
            return outcome
        return node_counted(outcome, report.read_text())


def run_everything() -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder, ThreadPoolExecutor(1) as beside:
        log = Path(folder) / "contracts.log"
        compiled = compile_contracts(log)
        if compiled != 0:
            print(log.read_text(errors="replace"), flush=True)
            return [Outcome("compiling the contracts", compiled, 0)]
        contracts = beside.submit(run_contracts, log)
        outcomes = [measured("off-chain, with real servers", off_chain)]
        if any((ROOT / "tests" / "web").rglob("*.test.*js")):
            outcomes.append(run_page())
        print("\n== contracts, on Anvil and on Ganache", flush=True)
        outcomes += contracts.result()
        print(log.read_text(errors="replace"), flush=True)
    return outcomes


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
