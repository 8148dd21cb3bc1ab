"""What slither and forge report is read as it is meant: nothing passes because it was not seen."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from scripts import invariants, slither
from scripts.devnet import DevnetError

TABLE = """
| detector | where | why |
|---|---|---|
| timestamp | * | windows are long |
| unused-return | A.f, A.g.x | not needed |
"""


def element(*names: str) -> dict[str, Any]:
    """A variable in a function in a contract, or a function in a contract."""
    kinds = ("contract", "function", "variable")
    found: dict[str, Any] = {}
    for kind, name in zip(kinds, names, strict=False):
        fields = {"parent": found} if found else {}
        found = {"type": kind, "name": name, "type_specific_fields": fields}
    return found


def report(*found: tuple[str, tuple[str, ...]]) -> dict[str, Any]:
    detectors = [{"check": check, "elements": [element(*names)]} for check, names in found]
    return {"results": {"detectors": detectors}}


KNOWN = (
    ("timestamp", ("B", "h")),
    ("unused-return", ("A", "f")),
    ("unused-return", ("A", "g", "x")),
)


def test_findings_that_are_explained_are_no_difference() -> None:
    assert slither.differences(slither.findings(report(*KNOWN)), slither.explained(TABLE)) == []


def test_finding_that_is_new_and_explanation_that_is_stale_are_said() -> None:
    found = slither.findings(report(*KNOWN[:2], ("reentrancy-eth", ("A", "f"))))
    assert slither.differences(found, slither.explained(TABLE)) == [
        "not explained: reentrancy-eth in A.f",
        "explained, but no longer found: unused-return in A.g.x",
    ]
    assert "timestamp in *" in slither.differences(set(), slither.explained(TABLE))[0]


def forge(status: str, calls: int, reason: str | None = None) -> str:
    metrics = {"tests/Handler.sol:Handler.place": {"calls": calls, "reverts": 0, "discards": 0}}
    result = {
        "status": status,
        "reason": reason,
        "kind": {"Invariant": {"runs": 1, "calls": calls, "reverts": 0, "metrics": metrics}},
    }
    suite = {"test_results": {"invariant_holds()": result}}
    return "Compiling …\n" + json.dumps({"Suite": suite})


@pytest.mark.parametrize(
    ("text", "held", "said"),
    [
        (forge("Success", 10_000), True, "10000 calls"),
        (forge("Success", 9_999), False, "too few calls"),
        (forge("Failure", 20_000, "a stake is stuck"), False, "BROKEN: a stake is stuck"),
    ],
)
def test_walks_hold_when_nothing_broke_and_enough_was_done(
    text: str, held: bool, said: str
) -> None:
    output = io.StringIO()
    assert invariants.check(invariants.read(text), output) is held
    assert said in output.getvalue()


def test_walks_that_did_not_run_are_an_error() -> None:
    with pytest.raises(DevnetError):
        invariants.read("error: no solc\n")
