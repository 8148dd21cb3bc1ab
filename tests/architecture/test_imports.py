"""Imports go one way: `protocol` imports nothing of ours, indexer and backend only `protocol`,
scripts and benches everything below them; only scripts and the contracts' tests import Brownie."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("protocol", "backend", "indexer", "scripts", "bench", "tests")
ALLOWED = {
    "protocol": {"protocol"},
    "indexer": {"indexer", "protocol"},
    "backend": {"backend", "protocol"},
    "scripts": {"scripts", "backend", "indexer", "protocol"},
    "bench": {"bench", "scripts", "backend", "indexer", "protocol"},
}
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
        ("protocol", "from indexer.errors import IndexerError"),
        ("protocol", "import backend.problems"),
        ("indexer", "from backend.slips import models"),
        ("indexer", "import brownie"),
        ("backend", "from indexer.mirror import tables"),
        ("backend", "import scripts.devnet"),
        ("backend", "from brownie import network"),
        ("scripts", "import tests.conftest"),
    ],
)
def test_a_wrong_import_is_noticed(folder: str, line: str) -> None:
    assert forbidden(folder, line) != []


def folder_imports(package: str) -> dict[str, set[str]]:
    """Which folders of a package each of its folders imports."""
    found: dict[str, set[str]] = defaultdict(set)
    folders = {path.name for path in (ROOT / package).iterdir() if path.is_dir()}
    for folder in folders:
        for file in (ROOT / package / folder).rglob("*.py"):
            for name in imports_of(file.read_text()):
                parts = name.split(".")
                if parts[0] == package and len(parts) > 1 and parts[1] in folders - {folder}:
                    found[folder].add(parts[1])
    return found


def first_cycle(imports: Mapping[str, set[str]]) -> list[str]:
    """The folders of a cycle in their order; empty when there is none."""

    def walk(path: list[str]) -> list[str]:
        for following in sorted(imports.get(path[-1], ())):
            if following in path:
                return [*path[path.index(following) :], following]
            if found := walk([*path, following]):
                return found
        return []

    return next((found for start in sorted(imports) if (found := walk([start]))), [])


@pytest.mark.parametrize("package", ["indexer", "backend"])
def test_folders_import_each_other_without_a_cycle(package: str) -> None:
    assert first_cycle(folder_imports(package)) == []


def test_cycle_of_folders_is_noticed() -> None:
    assert first_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_the_page_asks_only_its_own_server() -> None:
    for file in (ROOT / "web").rglob("*"):
        if file.suffix in (".js", ".html", ".css"):
            text = file.read_text()
            for scheme in ("http://", "https://"):
                outside = [
                    part for part in text.split(scheme)[1:] if not part.startswith("www.w3.org")
                ]
                assert outside == [], f"{file.name} names another host"
