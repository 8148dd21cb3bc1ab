"""Runs forge's invariant tests of the contracts and known attacks (tests/invariants).

`python -m scripts.invariants` is what CI runs; `--runs` and `--seed` make it longer or another one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from scripts.devnet import brownie
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT

FORGE = ROOT / "node_modules" / ".bin" / "forge"
TESTS = ROOT / "tests" / "invariants"
# What each run did, written at its end: a line of NAME=TIMES; for each kind of action.
TALLY = ROOT / "build" / "invariants" / "tally.txt"
# How the handler names what it counts.
COUNTED = re.compile(r'_done\("([^"]+)"\)')
MIN_CALLS = 10_000
# Enough for a million calls on a busy machine.
LIMIT_S = 10_800


@dataclass(frozen=True)
class Tested:
    """What a test did: calls by function of the handler, and why it failed ("" when it held). An
    attack has no calls."""

    name: str
    calls: dict[str, int]
    failure: str
    is_attack: bool = False

    @property
    def all_calls(self) -> int:
        return sum(self.calls.values())


def read(report: str) -> list[Tested]:
    """The tests of forge's JSON. Raises DevnetError when there is none in it."""
    suites: dict[str, Any] = {}
    for line in report.splitlines():
        if line.startswith("{"):
            suites |= json.loads(line)
    found = []
    for suite in suites.values():
        for name, result in suite["test_results"].items():
            is_attack = "Invariant" not in result["kind"]
            metrics = {} if is_attack else result["kind"]["Invariant"].get("metrics", {})
            calls = {what.rsplit(".", 1)[1]: did["calls"] for what, did in metrics.items()}
            held = result["status"] == "Success"
            found.append(Tested(name, calls, "" if held else str(result["reason"]), is_attack))
    if not found:
        raise DevnetError("forge ran no test of invariants; its output is above.")
    return found


def run(runs: int | None = None, seed: str | None = None) -> list[Tested]:
    """Test what Brownie compiled. Raises DevnetError when forge could not."""
    argv = [str(FORGE), "test", "--offline", "--json"]
    environment = {**os.environ, "FOUNDRY_PROFILE": "invariants"}
    if runs is not None:
        environment["FOUNDRY_INVARIANT_RUNS"] = str(runs)
    if seed is not None:
        argv += ["--fuzz-seed", seed]
    TALLY.parent.mkdir(parents=True, exist_ok=True)
    TALLY.unlink(missing_ok=True)
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    try:
        return read(done.stdout)
    except (DevnetError, ValueError, KeyError):
        print(done.stdout, done.stderr, sep="\n")
        raise


def check(tests: list[Tested], output: TextIO | None = None) -> bool:
    """Says what was done, and whether it held and was enough."""
    good = True
    for test in tests:
        good &= not test.failure
        if test.is_attack:
            print(f"{test.name}: {test.failure or 'refused'}", file=output)
            continue
        print(f"{test.name}: {test.all_calls} calls", file=output)
        for what, calls in sorted(test.calls.items()):
            print(f"  {what:<14}{calls:>8}", file=output)
        if test.failure:
            print(f"  BROKEN: {test.failure}", file=output)
        elif test.all_calls < MIN_CALLS:
            print(f"  too few calls to show anything: at least {MIN_CALLS}", file=output)
            good = False
    return good


def tally(lines: str) -> Counter[str]:
    """How often each kind of action was done, over all runs."""
    done: Counter[str] = Counter()
    for part in lines.replace("\n", "").split(";"):
        what, _, times = part.rpartition("=")
        if what:
            done[what] += int(times)
    return done


def check_tally(done: Counter[str], wanted: set[str], output: TextIO | None = None) -> bool:
    """Says how often each kind of action was done, and whether none was left out: runs that never
    settle a bet hold every invariant about settling."""
    print("what the runs did:", file=output)
    for what in sorted(wanted | set(done)):
        print(f"  {what:<36}{done[what]:>8}{'' if done[what] else '  NEVER DONE'}", file=output)
    return all(done[what] for what in wanted)


def counted_kinds() -> set[str]:
    """Every kind of action that the handler counts."""
    return {name for file in TESTS.rglob("*.sol") for name in COUNTED.findall(file.read_text())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, help="runs of depth 120; CI does 100")
    parser.add_argument("--seed", help="random seed, 0x…")
    parser.add_argument("--log", type=Path, help="where Brownie's compiler says what it does")
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        if brownie.run(["compile"], log=arguments.log) != 0:
            return 1
        tests = run(arguments.runs, arguments.seed)
        if not any(test.is_attack for test in tests):
            raise DevnetError("forge ran no attack: tests/invariants/attacks is missing.")
        good = check(tests)
        good &= check_tally(tally(TALLY.read_text() if TALLY.exists() else ""), counted_kinds())
    except DevnetError as error:
        print(f"invariants: {error}", file=sys.stderr)
        return 2
    print(f"{'held' if good else 'BROKEN'} after {time.monotonic() - started:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
