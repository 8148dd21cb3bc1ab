"""Every name that a file imports from this project exists there.

mypy reads all folders but `tests/contracts`, whose Brownie objects have no types; a renamed
function would only be noticed when the contract tests start.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from scripts.devnet.paths import ROOT

PACKAGES = ("protocol", "indexer", "backend", "scripts", "bench", "tests")


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names that a module defines or imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
            case ast.Import() | ast.ImportFrom():
                found.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
    return frozenset(found)


def exists(module: str, name: str) -> bool:
    """Whether a module of this project has a name, or a package a module of that name."""
    path = ROOT.joinpath(*module.split("."))
    file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    if file.exists() and name in names_in(file):
        return True
    return (path / f"{name}.py").exists() or (path / name).is_dir()


def unknown_imports(source: str) -> Iterator[str]:
    """Names that a source imports from this project and that are not there."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            for alias in node.names:
                if not exists(str(node.module), alias.name):
                    yield f"{node.module}.{alias.name}"


def test_every_imported_name_exists() -> None:
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    wrong = {
        str(file.relative_to(ROOT)): found
        for file in files
        if (found := list(unknown_imports(file.read_text())))
    }
    assert wrong == {}


def test_renamed_function_and_module_are_noticed() -> None:
    assert list(unknown_imports("from protocol.payout import pay_everything")) != []
    assert list(unknown_imports("from protocol.nowhere import anything")) != []
    assert list(unknown_imports("from protocol import payout")) == []
