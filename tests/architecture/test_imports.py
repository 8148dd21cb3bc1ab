"""Imports go one way: the indexer knows the contracts' ABI, the backend the mirror's tables and
formats, scripts know everything; only scripts and the contracts' tests know Brownie."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("backend", "indexer", "scripts", "bench", "tests")
ALLOWED = {
    "indexer": {"indexer"},
    "backend": {"backend", "indexer"},
    "scripts": {"scripts", "backend", "indexer"},
    "bench": {"bench", "scripts", "backend", "indexer"},
}
MIRROR_MODULES = (
    "market_id",
    "packed",
    "range_proof",
    "exposure",
    "tables",
    "deployment",
    "migrate",
)
BROWNIE_FOLDERS = ("scripts", "tests/contracts")


def imports_of(source: str, package: str = "") -> Iterator[str]:
    """Dotted names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield node.module or package
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(folder: str, source: str) -> list[str]:
    """What a module of `folder` imports and must not."""
    found = []
    for name in imports_of(source):
        top = name.split(".")[0]
        if top in OURS and top not in ALLOWED[folder]:
            found.append(name)
        if top == "brownie" and folder not in BROWNIE_FOLDERS:
            found.append(name)
        inner = name.startswith("indexer.") and name.split(".")[1] not in MIRROR_MODULES
        if folder == "backend" and inner:
            found.append(name)
    return found


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_imports_go_one_way(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, f"{folder} has no modules"
    wrong = {
        str(file.relative_to(ROOT)): bad
        for file in files
        if (bad := forbidden(folder, file.read_text()))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("indexer", "from backend.slips import typed_data"),
        ("indexer", "import brownie"),
        ("backend", "from indexer.follow import Follower"),
        ("backend", "import scripts.devnet"),
        ("backend", "from brownie import network"),
        ("scripts", "import tests.conftest"),
    ],
)
def test_a_wrong_import_is_noticed(folder: str, line: str) -> None:
    assert forbidden(folder, line) != []


def test_the_page_asks_only_its_own_server() -> None:
    for file in (ROOT / "web").rglob("*"):
        if file.suffix in (".js", ".html", ".css"):
            text = file.read_text()
            for scheme in ("http://", "https://"):
                outside = [
                    part for part in text.split(scheme)[1:] if not part.startswith("www.w3.org")
                ]
                assert outside == [], f"{file.name} names another host"
