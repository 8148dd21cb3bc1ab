"""Every test that the attack diary names is there."""

from __future__ import annotations

import ast
import re

import pytest

from scripts.devnet.places import ROOT

NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")
DIARY = (ROOT / "docs" / "attacks.md").read_text()
FILES = sorted({file for file, _ in NAMED.findall(DIARY)})


def names_in(file: str) -> set[str]:
    """The tests that a file of contract tests defines."""
    tree = ast.parse((ROOT / "tests" / "contracts" / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("file", FILES)
def test_diary_names_tests_that_exist(file: str) -> None:
    named = {test for where, test in NAMED.findall(DIARY) if where == file}
    assert named <= names_in(file), f"{file} has no {', '.join(sorted(named - names_in(file)))}"


def test_diary_names_a_test_for_every_attack() -> None:
    rows = [line for line in DIARY.splitlines() if re.match(r"\| (?!tried |-)", line)]
    assert len(rows) > 50
    assert not [row for row in rows if not NAMED.search(row)]
