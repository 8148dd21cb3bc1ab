"""Tests that the documents name are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from scripts.devnet.paths import ROOT

DOCUMENTS = (ROOT / "ARCHITECTURE.md", ROOT / "docs" / "attacks.md")
NAMED = re.compile(r"`((?:tests/)?[\w/]+\.py)::(\w+)`")


@cache
def functions_of(path: Path) -> set[str]:
    """The functions of a file, tests among them."""
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_is_named_exists(document: Path) -> None:
    named = NAMED.findall(document.read_text())
    assert len(named) > 5, f"{document.name} names hardly any test: is this still how it does?"
    missing = []
    for file, test in named:
        found = [ROOT / file] if "/" in file else sorted((ROOT / "tests").rglob(file))
        if not any(path.exists() and test in functions_of(path) for path in found):
            missing.append(f"{file}::{test}")
    assert not missing
