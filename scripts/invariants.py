"""Runs forge's invariant tests of the contracts (tests/invariants), and reports what they did.

`python -m scripts.invariants` is what CI runs; `--runs` and `--seed` make it longer or another one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from scripts.devnet import brownie
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT

FORGE = ROOT / "node_modules" / ".bin" / "forge"
MIN_CALLS = 10_000
LIMIT_S = 3_600


@dataclass(frozen=True)
class Tested:
    """What a test of invariants did: calls by function of the handler, and why it failed ("" when
    it held)."""

    name: str
    calls: dict[str, int]
    failure: str

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
            metrics = result["kind"].get("Invariant", {}).get("metrics", {})
            calls = {what.rsplit(".", 1)[1]: did["calls"] for what, did in metrics.items()}
            held = result["status"] == "Success"
            found.append(Tested(name, calls, "" if held else str(result["reason"])))
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
        print(f"{test.name}: {test.all_calls} calls", file=output)
        for what, calls in sorted(test.calls.items()):
            print(f"  {what:<14}{calls:>8}", file=output)
        if test.failure:
            print(f"  BROKEN: {test.failure}", file=output)
        elif test.all_calls < MIN_CALLS:
            print(f"  too few calls to show anything: at least {MIN_CALLS}", file=output)
        good &= not test.failure and test.all_calls >= MIN_CALLS
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, help="runs of depth 60; CI does 200")
    parser.add_argument("--seed", help="random seed, 0x…")
    parser.add_argument("--log", type=Path, help="where Brownie's compiler says what it does")
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        if brownie.run(["compile"], log=arguments.log) != 0:
            return 1
        good = check(run(arguments.runs, arguments.seed))
    except DevnetError as error:
        print(f"invariants: {error}", file=sys.stderr)
        return 2
    print(f"{'held' if good else 'BROKEN'} after {time.monotonic() - started:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
