"""Every custom error of the contracts is provoked by a test that names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.devnet.paths import ROOT

CONTRACT_TESTS = ROOT / "tests" / "contracts"
# Not those of other people's contracts, which we call, nor views, which have none.
OTHERS = {"IERC3009.sol", "ISportsbookViews.sol"}
FOLDER = ROOT / "contracts" / "interfaces"
INTERFACES = sorted(path for path in FOLDER.glob("*.sol") if path.name not in OTHERS)
DECLARED = re.compile(r"^\s*error\s+(\w+)\(", re.MULTILINE)
PROVOKED = re.compile(r"\breverts\(\s*\"(\w+)\"")


def errors(path: Path) -> list[str]:
    """The custom errors that an interface declares."""
    return DECLARED.findall(path.read_text())


def provoked() -> set[str]:
    """The errors that contract tests expect by name, each alone."""
    texts = (path.read_text() for path in CONTRACT_TESTS.glob("test_*.py"))
    return {name for text in texts for name in PROVOKED.findall(text)}


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_every_error_is_provoked_by_a_test_that_names_it(path: Path) -> None:
    declared = errors(path)
    assert declared, f"{path.name} declares no error: does this test still read it right?"
    missing = sorted(set(declared) - provoked())
    assert not missing, f"no contract test has reverts() with: {', '.join(missing)}"


def test_errors_are_declared_in_the_interfaces_alone() -> None:
    """Or this test would not see them; mocks may have their own."""
    others = [
        f"{path.name}: {name}"
        for folder in ("", "libraries")
        for path in sorted((ROOT / "contracts" / folder).glob("*.sol"))
        for name in errors(path)
    ]
    assert not others
