"""The table of CONTRIBUTING.md names every folder of code, every folder of tests, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.devnet.paths import ROOT

DOCUMENT = ROOT / "CONTRIBUTING.md"
PRODUCT = (
    *("contracts", "protocol", "indexer", "backend", "web", "scripts", "bench"),
    *("clients/python", "clients/typescript"),
)
# Folders whose content is data of a run, or of another folder in the table.
NO_CODE = {"web/dist", "bench/results", "contracts/deployments", "contracts/compiled"}
ROW = re.compile(r"^\| (.+) \| (.+) \|$", re.MULTILINE)
PATH = re.compile(r"`((?:\w+/)+[\w.]*)`")


def table(text: str) -> list[tuple[set[str], set[str]]]:
    """The paths of code and of tests, by row of the table that says where the tests are."""
    section = text.split("## Where the tests are")[1].split("\n## ")[0]
    return [
        ({p.rstrip("/") for p in PATH.findall(code)}, {p.rstrip("/") for p in PATH.findall(tests)})
        for code, tests in ROW.findall(section)
    ]


def code_folders() -> Iterator[str]:
    """Product folders, and the folders in them, that hold files of code."""
    for top in PRODUCT:
        for folder in [ROOT / top, *(ROOT / top).iterdir()]:
            name = str(folder.relative_to(ROOT))
            if folder.is_dir() and name not in NO_CODE and has_files(folder):
                yield name


def folders_of_tests() -> Iterator[str]:
    """The folders of tests, and of what tests need."""
    for folder in (ROOT / "tests").iterdir():
        if folder.is_dir() and has_files(folder):
            yield str(folder.relative_to(ROOT))


def has_files(folder: Path) -> bool:
    return folder.name != "__pycache__" and any(path.is_file() for path in folder.iterdir())


@pytest.fixture(scope="module")
def rows() -> list[tuple[set[str], set[str]]]:
    return table(DOCUMENT.read_text())


def test_every_folder_of_code_is_in_the_table(rows: list[tuple[set[str], set[str]]]) -> None:
    named = {path for code, _ in rows for path in code}
    # Of these, the folders inside are in the table.
    named |= {"indexer", "backend", "scripts"}
    assert sorted(set(code_folders()) - named) == []


def test_every_folder_of_tests_is_in_the_section(rows: list[tuple[set[str], set[str]]]) -> None:
    named = {path for _, tests in rows for path in tests} | {"tests/support"}
    tops = {"/".join(path.split("/")[:2]) for path in named}
    assert sorted(set(folders_of_tests()) - tops) == []


def test_every_path_of_the_table_exists(rows: list[tuple[set[str], set[str]]]) -> None:
    assert len(rows) > 15, "the table is hardly read: has its form changed?"
    named = {path for row in rows for paths in row for path in paths}
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_row_that_leads_nowhere_is_read() -> None:
    text = "## Where the tests are\n| `backend/x/` | `tests/none.py` |\n## Next\n| `a/` | `b/` |\n"
    assert table(text) == [({"backend/x"}, {"tests/none.py"})]
