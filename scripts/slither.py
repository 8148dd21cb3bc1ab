"""Runs slither over the contracts and compares what it finds with docs/slither.md.

Fails for a finding that the page does not explain, and for an explanation whose finding is gone.
Slither comes from the package registry in an environment of its own, since its dependencies do not
fit Brownie's.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TRIAGE = ROOT / "docs" / "slither.md"
OUT = ROOT / "build" / "slither"
SLITHER = "slither-analyzer==0.11.6"
# Libraries of others have their own audits, and mocks hold nobody's money.
NOT_OURS = r"node_modules|contracts/mocks"

_DETECTOR = re.compile(r"^## `([a-z0-9-]+)`$")
_ROW = re.compile(r"^\| (.+?) \| (.+?) \|$")
_PLACE = re.compile(r"`([\w.]+)`(?: x(\d+))?")
_NAMED = re.compile(r"\b([A-Z]\w*(?:\.\w+)+)")

# (detector, place) of every finding, and how many there are.
Findings = Counter[tuple[str, str]]


class SlitherError(Exception):
    """One sentence: what went wrong."""


def place_of(description: str) -> str:
    """Contract and function, variable or event that a finding is about, without its parameters:
    lines move, and names stay. Raises SlitherError when it names none."""
    first = description.splitlines()[0]
    while (shorter := re.sub(r"\([^()]*\)", "", first)) != first:
        first = shorter
    named = _NAMED.search(first)
    if not named:
        raise SlitherError(f"slither speaks of no place in {first!r}")
    return named.group(1)


def findings_of(report: Mapping[str, Any]) -> Findings:
    """The findings of a report in slither's JSON. Raises SlitherError when slither failed."""
    if not report.get("success"):
        raise SlitherError(f"slither failed: {report.get('error')}")
    found = report["results"].get("detectors", [])
    return Counter((item["check"], place_of(item["description"])) for item in found)


def explained(page: str) -> Findings:
    """The findings that the page explains. Raises SlitherError for a row without a reason."""
    known: Findings = Counter()
    detector = ""
    for line in page.splitlines():
        if heading := _DETECTOR.match(line):
            detector = heading.group(1)
        elif (row := _ROW.match(line)) and detector and (places := _PLACE.findall(row.group(1))):
            if not row.group(2).strip():
                raise SlitherError(f"docs/slither.md does not say why: {line}")
            for place, count in places:
                known[detector, place] += int(count or 1)
    return known


def compare(found: Findings, known: Findings) -> list[str]:
    """A sentence for every difference."""
    return _sentences("not explained", found - known) + _sentences("gone", known - found)


def _sentences(what: str, items: Mapping[tuple[str, str], int]) -> list[str]:
    return [f"{what}: {check} at {place} ({n})" for (check, place), n in sorted(items.items())]


def analyse() -> Findings:
    """Compiles the contracts and runs slither over them."""
    uvx = ROOT / ".devnet" / "tools" / "bin" / "uvx"
    forge: list[str | Path] = [
        ROOT / "node_modules" / ".bin" / "forge",
        "build",
        "--force",
        "--build-info",
    ]
    shutil.rmtree(OUT, ignore_errors=True)
    _run([*forge, "--out", OUT, "--build-info-path", OUT / "build-info"], ok=(0,))
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        slither: list[str | Path] = [
            uvx,
            "--python-preference",
            "only-system",
            "--from",
            SLITHER,
            "slither",
            ".",
        ]
        slither += ["--ignore-compile", "--foundry-out-directory", OUT.relative_to(ROOT)]
        # It ends with 255 for any finding, and with other numbers when it could not look.
        _run([*slither, "--filter-paths", NOT_OURS, "--json", report], ok=(0, 255))
        if not report.exists():
            raise SlitherError("slither wrote no report")
        return findings_of(json.loads(report.read_text()))


def _run(argv: Iterable[str | Path], ok: tuple[int, ...]) -> None:
    command = [str(part) for part in argv]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in ok:
        raise SlitherError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")


def main() -> int:
    try:
        found = analyse()
        differences = compare(found, explained(TRIAGE.read_text()))
    except SlitherError as error:
        sys.exit(str(error))
    for sentence in differences:
        print(sentence)
    if differences:
        print("Fix it, or explain it in docs/slither.md.")
        return 1
    print(f"slither: {found.total()} findings, all explained in docs/slither.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
