"""Measures branch coverage of the contracts: which branches of every conditional jump of their
bytecode the contract tests never took.

`python -m scripts.coverage` runs the contract tests on Anvil with every step traced, which takes
some twenty minutes. docs/coverage.md says what is counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.devnet import brownie
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, STATE

CONTRACTS = ("Sportsbook", "Settling", "Results", "Bankroll")
BUILD = ROOT / "build" / "contracts"
PANIC = bytes.fromhex("4e487b71")
_FURTHEST = 60
_ENDS = {"REVERT", "RETURN", "STOP", "INVALID", "JUMPI", "SSTORE", "LOG2", "CALL", "DELEGATECALL"}


@dataclass(frozen=True)
class Operation:
    """An instruction: its name, its immediate bytes, and where the next one stands."""

    name: str
    immediate: bytes
    following: int


@dataclass(frozen=True)
class Missed:
    """A branch that no test took: where in the bytecode, whether the jump was taken, its source."""

    contract: str
    at: int
    taken: bool
    source: str

    @property
    def is_ours(self) -> bool:
        """Whether it does not come from a library that is imported."""
        return is_ours(self.source)


class Code:
    """A contract's bytecode, and what its compiler says of it."""

    def __init__(self, name: str) -> None:
        built = json.loads((BUILD / f"{name}.json").read_text())
        self.name = name
        self._map: dict[str, Any] = built["pcMap"]
        self._paths: dict[str, str] = built["allSourcePaths"]
        self.operations = disassembled(bytes.fromhex(built["deployedBytecode"]), self._map)
        self.jumps = [at for at, op in self.operations.items() if op.name == "JUMPI"]

    def is_compilers(self, at: int, taken: bool) -> bool:
        """Whether a branch of a jump ends in a revert without data of its own, or a panic: what the
        compiler adds for call data that is too short, arithmetic that overflows, and calls that
        fail, whose words are passed on."""
        place: int | None = self._target(at) if taken else self.operations[at].following
        before: Operation | None = None
        panics = False
        for _ in range(_FURTHEST):
            operation = self.operations.get(-1 if place is None else place)
            if operation is None:
                return False
            if operation.name == "PUSH4":
                if operation.immediate != PANIC:
                    return False
                panics = True
            if operation.name == "PUSH32" and operation.immediate[4:] == bytes(28):
                if operation.immediate[:4] != PANIC:
                    return False
                panics = True
            if operation.name == "REVERT":
                return panics or before is not None
            if operation.name in _ENDS:
                return False
            if operation.name == "JUMP":
                if before is None or not before.name.startswith("PUSH"):
                    return False
                place = int.from_bytes(before.immediate, "big")
            else:
                place = operation.following
            before = operation
        return False

    def source(self, at: int) -> str:
        """File, line and text that a jump comes from."""
        entry = self._map.get(str(at), {})
        if "path" not in entry:
            return "assembly without a place in the source"
        path = self._paths[entry["path"]]
        text = (ROOT / path).read_text()
        start, end = entry["offset"]
        line = text.encode()[:start].count(b"\n") + 1
        shown = " ".join(text.encode()[start:end].decode(errors="replace").split())
        return f"{path}:{line}: {shown[:90]}"

    def _target(self, at: int) -> int | None:
        before = [op for place, op in self.operations.items() if place < at][-1]
        return int.from_bytes(before.immediate, "big") if before.name.startswith("PUSH") else None


def disassembled(code: bytes, pc_map: dict[str, Any]) -> dict[int, Operation]:
    """The instructions that the compiler's map knows, by place."""
    found = {}
    for at in sorted(map(int, pc_map)):
        name = pc_map[str(at)]["op"]
        size = int(name[4:]) if name.startswith("PUSH") and name != "PUSH0" else 0
        found[at] = Operation(name, code[at + 1 : at + 1 + size], at + 1 + size)
    return found


def is_ours(source: str) -> bool:
    """Whether a place in the source is in this project's contracts."""
    return not source.startswith("node_modules")


def compare(
    seen: dict[str, dict[str, list[bool]]],
) -> tuple[Counter[tuple[str, bool]], list[Missed]]:
    """How many branches there are, by contract and whether the code is ours, and those that no
    test took."""
    branches: Counter[tuple[str, bool]] = Counter()
    missed = []
    for name in CONTRACTS:
        code = Code(name)
        for at in code.jumps:
            gone = set(seen[name].get(str(at), []))
            source = code.source(at)
            for taken in (False, True):
                if taken not in gone and code.is_compilers(at, taken):
                    continue
                branches[name, is_ours(source)] += 1
                if taken not in gone:
                    missed.append(Missed(name, at, taken, source))
    return branches, missed


def run_tests(report: Path, tests: list[str]) -> None:
    """The contract tests, traced. Raises DevnetError when they fail."""
    arguments = ["test", *tests, "--network", "development", "-o", "timeout=3600"]
    extra = {"BRANCHES_FILE": str(report)}
    if brownie.run(arguments, home=STATE / "home-coverage", extra=extra, traced=True) != 0:
        raise DevnetError("the contract tests fail; their output is above.")


def main() -> int:
    parser = argparse.ArgumentParser(description="branch coverage of the contracts")
    parser.add_argument("tests", nargs="*", default=["tests/contracts"])
    parser.add_argument("--report", type=Path, help="read what an earlier run wrote, run nothing")
    parser.add_argument("--keep", type=Path, help="where to keep what this run writes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
        report = arguments.report or arguments.keep or Path(folder) / "branches.json"
        try:
            if arguments.report is None:
                run_tests(report, arguments.tests)
            said = json.loads(report.read_text())
            if not said["traces"]:
                raise DevnetError("nothing was traced: the node keeps no steps.")
        except (DevnetError, OSError) as error:
            print(f"coverage: {error}", file=sys.stderr)
            return 2
    branches, missed = compare(said["seen"])
    print(f"{said['traces']} transactions and calls traced, {said['left_out']} too long to read")
    for name in CONTRACTS:
        for ours, word in ((True, ""), (False, " (imported)")):
            count = branches[name, ours]
            left = sum((branch.contract, branch.is_ours) == (name, ours) for branch in missed)
            print(f"  {name + word:<23}{count - left:>5} of {count:>5} branches")
    for branch in missed:
        word = "taken" if branch.taken else "not taken"
        print(f"  {branch.contract} {branch.at} {word}: {branch.source}")
    return int(any(branch.is_ours for branch in missed))


if __name__ == "__main__":
    sys.exit(main())
