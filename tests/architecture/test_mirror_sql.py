"""Only `backend/mirror` holds SQL on schema `mirror`; the rule is in that package's docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

BACKEND = Path(__file__).resolve().parents[2] / "backend"
TABLE = re.compile(r"\bmirror\.[a-z_]", re.IGNORECASE)


def docstrings(tree: ast.AST) -> Iterator[ast.expr]:
    """The constants that are docstrings or other bare strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def tables_named(source: str) -> list[str]:
    """The strings of a module that name a table of schema `mirror`, those in f-strings included."""
    tree = ast.parse(source)
    prose = set(map(id, docstrings(tree)))
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in prose
        and TABLE.search(node.value)
    ]


def test_only_one_package_reads_the_mirror() -> None:
    modules = [
        path
        for path in sorted(BACKEND.rglob("*.py"))
        if path.relative_to(BACKEND).parts[0] not in ("mirror", "migrations")
    ]
    assert len(modules) > 50
    named = {str(path): found for path in modules if (found := tables_named(path.read_text()))}
    assert named == {}


def test_mirror_package_holds_the_statements() -> None:
    assert any(tables_named(path.read_text()) for path in (BACKEND / "mirror").glob("*.py"))


@pytest.mark.parametrize(
    "source",
    [
        'ROWS = "SELECT * FROM mirror.bet"',
        'ROWS = f"select 1 from Mirror.bet where {condition}"',
        'def rows():\n    return text("""\n        SELECT FROM mirror.book""")',
    ],
)
def test_sql_on_the_mirror_is_noticed(source: str) -> None:
    assert tables_named(source)


def test_docstrings_may_name_tables() -> None:
    assert tables_named('"""Reads mirror.bet."""\nfrom backend.mirror.bets import BET') == []
