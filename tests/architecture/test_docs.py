"""Checks that the files, links and tests that the documents name exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from scripts.devnet.paths import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])
TEST = re.compile(r"`((?:tests/)?[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`([\w.-]+/[\w./-]+\.(?:py|sol|md|json|toml|yaml))`")
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([\w-]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
EVENT = re.compile(
    r"`((?:api|backfill|chain|checkpoint|cross_check|database|endpoints?|finality|gas|index|indexer"
    r"|listener|metrics|odds|rebuild|reconciliation|results?|run|settlements|slips?|standby|task"
    r"|transactions?)\.(?!py`)[a-z_]+)`"
)
# A table of the mirror and its column, which look like an event.
COLUMNS = {"transaction.gas_used"}
MADE_BY_RUNS = re.compile(r"^(\.devnet|build|contracts/deployments|bench/results)/")


@cache
def functions_of(path: Path) -> set[str]:
    """The functions of a file, tests among them."""
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@cache
def anchors_of(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = HEADING.findall(path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def missing_tests(text: str) -> list[str]:
    """Tests that a text names and that do not exist."""
    missing = []
    for file, test in TEST.findall(text):
        found = [ROOT / file] if "/" in file else sorted((ROOT / "tests").rglob(file))
        if not any(path.exists() and test in functions_of(path) for path in found):
            missing.append(f"{file}::{test}")
    return missing


def events_of(source: str) -> set[str]:
    """The events that a module logs: first arguments of `log.info("...")` and the like, and of the
    functions that pass an event on to the log."""
    events = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _logs(node.func):
            events |= {
                event.value
                for event in (node.args[1:3] if _is_fault_log(node.func) else node.args[:1])
                if isinstance(event, ast.Constant) and isinstance(event.value, str)
            }
    return events


def _logs(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        of_log = isinstance(function.value, ast.Name) and function.value.id == "log"
        return of_log or function.attr in ("_back_off", "_blocked", "_note")
    named = isinstance(function, ast.Name) and function.id in ("log_line", "report")
    return named or _is_fault_log(function)


def _is_fault_log(function: ast.expr) -> bool:
    """Whether it makes a FaultLog, whose second and third arguments are events."""
    return isinstance(function, ast.Name) and function.id == "FaultLog"


@cache
def logged_events() -> set[str]:
    """The events that backend and indexer log."""
    files = [path for folder in ("backend", "indexer") for path in (ROOT / folder).rglob("*.py")]
    return {event for path in files for event in events_of(path.read_text())}


def unlogged_events(text: str) -> list[str]:
    """Log events that a text names and that no code logs."""
    return sorted(set(EVENT.findall(text)) - logged_events() - COLUMNS)


def missing_files(text: str) -> list[str]:
    """Files that a text names by their path and that do not exist."""
    named = set(FILE.findall(text))
    return sorted(n for n in named if not MADE_BY_RUNS.match(n) and not (ROOT / n).exists())


def broken_links(document: Path) -> list[str]:
    """Links of a document that lead nowhere in the repository."""
    broken = []
    for target, anchor in LINK.findall(document.read_text()):
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            broken.append(f"{target}#{anchor}")
    return broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    assert missing_tests(text) == []
    assert missing_files(text) == []
    # The changelog also names what is gone.
    assert document.name == "CHANGELOG.md" or unlogged_events(text) == []
    assert broken_links(document) == []


def test_documents_name_the_tests_of_their_claims() -> None:
    named = {name for path in DOCUMENTS for name in TEST.findall(path.read_text())}
    assert len(named) > 30, "the documents hardly name any test: has their notation changed?"


def test_documents_name_log_events() -> None:
    named = {event for path in DOCUMENTS for event in EVENT.findall(path.read_text())}
    assert len(named) > 20, "the documents hardly name any log event: has their notation changed?"


def test_event_that_nothing_logs_is_noticed() -> None:
    assert unlogged_events("`api.nothing_of_the_kind`") == ["api.nothing_of_the_kind"]
    assert unlogged_events("`task.failed`, `slips.flushed` and `endpoints.py`") == []
    assert events_of('log.info("a.b", c=1)\nreport("d.e")\nother("f.g")') == {"a.b", "d.e"}


def test_missing_test_file_or_link_is_noticed(tmp_path: Path) -> None:
    assert missing_tests("`test_settle.py::test_nothing_of_the_kind`") != []
    assert missing_files("`indexer/nowhere.py`") == ["indexer/nowhere.py"]
    document = tmp_path / "page.md"
    document.write_text("# Title\n[a](#title) [b](#other) [c](gone.md)\n")
    assert broken_links(document) == ["#other", "gone.md#"]
