"""Runs slither over the contracts and compares what it finds with docs/slither.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts.command_help import no_arguments
from scripts.devnet.paths import ROOT, STATE

VERSION = "0.11.6"
EXPLAINED = ROOT / "docs" / "slither.md"
EVERYWHERE = "*"
_UV = STATE / "tools" / "bin" / "uv"
_LIMIT_S = 1_200
_CELLS = 3


class Finding(NamedTuple):
    """What slither reports: the detector's name, and the place as Contract.function[.variable]."""

    detector: str
    place: str


def explained(text: str) -> set[Finding]:
    """The rows of the table."""
    found = set()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) != _CELLS or set(cells[0]) <= {"-"}:
            continue
        found |= {Finding(cells[0], place.strip()) for place in cells[1].split(",")}
    return found - {Finding("detector", "where")}


def findings(report: dict[str, Any]) -> set[Finding]:
    """The findings of slither's JSON."""
    return {
        Finding(found["check"], place_of(found["elements"][0]))
        for found in report["results"].get("detectors", [])
    }


def place_of(element: dict[str, Any]) -> str:
    """The place of an element, beginning with its contract."""

    def outward(inner: dict[str, Any]) -> Iterator[str]:
        yield inner["name"]
        parent = inner.get("type_specific_fields", {}).get("parent")
        while parent:
            if parent["type"] in ("function", "contract"):
                yield parent["name"]
            parent = parent.get("type_specific_fields", {}).get("parent")

    return ".".join(reversed(list(outward(element))))


def differences(found: set[Finding], known: set[Finding]) -> list[str]:
    """Findings without an explanation, and explanations without a finding."""
    everywhere = {finding.detector for finding in known if finding.place == EVERYWHERE}
    said = [
        f"not explained: {finding.detector} in {finding.place}"
        for finding in sorted(found - known)
        if finding.detector not in everywhere
    ]
    detectors = {finding.detector for finding in found}
    for finding in sorted(known - found):
        if finding.place != EVERYWHERE or finding.detector not in detectors:
            said.append(f"explained, but no longer found: {finding.detector} in {finding.place}")
    return said


def run(report: Path) -> str:
    """Runs slither, which writes its JSON to `report`; returns what it printed."""
    argv = [str(_UV), "tool", "run", "--python", sys.executable]
    argv += ["--from", f"slither-analyzer=={VERSION}", "slither", "."]
    argv += ["--filter-paths", "node_modules|contracts/mocks", "--json", str(report)]
    path = f"{ROOT / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    return done.stdout + done.stderr


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
        report = Path(folder) / "slither.json"
        printed = run(report)
        if not report.exists():
            print(printed, "slither wrote no report; its output is above.", sep="\n")
            return 2
        found = findings(json.loads(report.read_text()))
    wrong = differences(found, explained(EXPLAINED.read_text()))
    print(f"slither {VERSION}: {len(found)} findings, {len(wrong)} to look at")
    for difference in wrong:
        print(f"  {difference}")
    return 1 if wrong else 0


if __name__ == "__main__":
    no_arguments("python -m scripts.slither", __doc__)
    sys.exit(main())
