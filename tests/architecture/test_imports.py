"""Imports go one way: `protocol` and the Python client import nothing of ours, indexer and backend
only `protocol`, scripts and benches everything below them; only scripts and the contracts' tests
import Brownie. The demo's checker imports nothing of what it checks, the process of the stream
nothing that holds a key, and a module that calls itself pure nothing that does I/O."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("protocol", "backend", "indexer", "scripts", "bench", "tests", "fairline_client")
ALLOWED = {
    "protocol": {"protocol"},
    "indexer": {"indexer", "protocol"},
    "backend": {"backend", "protocol"},
    "scripts": {"scripts", "backend", "indexer", "protocol"},
    "bench": {"bench", "scripts", "backend", "indexer", "protocol"},
    "tests": set(OURS),
    "clients": {"fairline_client"},
}
BROWNIE_FOLDERS = ("scripts/", "tests/contracts/")
CHECKERS = ("scripts/demo/chain_reader.py", "scripts/demo/payout_check.py")
CHECKED = {"protocol", "indexer", "backend"}
# What has the house's keys or reads them from the environment.
HOLDS_KEYS = {"backend.api_settings", "backend.house_signer", "backend.services", "backend.worker"}
DOES_IO = {
    *("asyncio", "celery", "httpx", "os", "psycopg", "psycopg_pool", "redis", "requests", "socket"),
    *("sqlalchemy", "sqlmodel", "subprocess", "time", "web3"),
}


def imports_of(source: str, package: str = "") -> Iterator[str]:
    """Dotted names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield node.module or package
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(path: str, source: str) -> list[str]:
    """What the module at `path`, relative to the repository, imports and must not."""
    allowed = ALLOWED[path.split("/")[0]]
    if path in CHECKERS:
        allowed = allowed - CHECKED
    found = []
    for name in imports_of(source):
        top = name.split(".")[0]
        if top in OURS and top not in allowed:
            found.append(name)
        if top == "brownie" and not path.startswith(BROWNIE_FOLDERS):
            found.append(name)
    return found


def impure(source: str) -> list[str]:
    """What a module imports that does I/O or reads the clock, although its docstring says that it
    is pure."""
    first = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0]
    if not first.removesuffix(".").endswith("; pure"):
        return []
    return [name for name in imports_of(source) if name.split(".")[0] in DOES_IO]


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_imports_go_one_way(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, f"{folder} has no modules"
    wrong = {
        path: bad
        for file in files
        if (bad := forbidden(path := file.relative_to(ROOT).as_posix(), file.read_text()))
    }
    assert wrong == {}


def test_the_demo_checker_imports_nothing_of_what_it_checks() -> None:
    pending, seen = list(CHECKERS), set[str]()
    while pending:
        path = pending.pop()
        seen.add(path)
        names = list(imports_of((ROOT / path).read_text()))
        assert [name for name in names if name.split(".")[0] in CHECKED] == [], path
        for name in names:
            base = name.replace(".", "/")
            for module in (f"{base}.py", f"{base}/__init__.py"):
                if module.startswith("scripts/") and module not in seen:
                    pending += [module] if (ROOT / module).exists() else []
    assert seen > set(CHECKERS)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("protocol/a.py", "from indexer.errors import IndexerError"),
        ("protocol/a.py", "import backend.problems"),
        ("indexer/a.py", "from backend.slips import models"),
        ("indexer/a.py", "import brownie"),
        ("backend/a.py", "from indexer.mirror import tables"),
        ("backend/a.py", "import scripts.devnet"),
        ("backend/a.py", "from brownie import network"),
        ("scripts/a.py", "import tests.conftest"),
        ("bench/a.py", "from tests.support import people"),
        ("bench/a.py", "import brownie"),
        ("tests/support/a.py", "import brownie"),
        ("tests/conftest.py", "from brownie import network"),
        ("scripts/demo/chain_reader.py", "from indexer.decode import event_decoders"),
        ("scripts/demo/chain_reader.py", "from protocol.abi import load"),
        ("scripts/demo/payout_check.py", "from protocol.payout import payout_down"),
        ("scripts/demo/payout_check.py", "import backend.settlement.sheets"),
        ("clients/python/fairline_client/a.py", "from protocol.typed_data import Slip"),
        ("clients/python/fairline_client/a.py", "import backend.examples"),
        ("backend/a.py", "from fairline_client import Bettor"),
    ],
)
def test_a_wrong_import_is_noticed(path: str, line: str) -> None:
    assert forbidden(path, line) != []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("scripts/deploy.py", "import brownie"),
        ("tests/contracts/world.py", "import brownie"),
        ("tests/backend/a.py", "from tests.support import people"),
        ("scripts/demo/audit.py", "from protocol.payout import payout_down"),
        ("clients/python/fairline_client/a.py", "from fairline_client.messages import SLIP"),
    ],
)
def test_an_allowed_import_is_accepted(path: str, line: str) -> None:
    assert forbidden(path, line) == []


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


def test_api_does_not_load_what_fits_the_model() -> None:
    script = "import sys, backend.app; print('scipy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_process_of_the_stream_loads_nothing_that_holds_a_key() -> None:
    script = "import sys, backend.stream_app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "backend.stream.broadcast" in loaded
    assert loaded & HOLDS_KEYS == set()


def test_pure_modules_do_no_io() -> None:
    sources = {
        str(path.relative_to(ROOT)): path.read_text()
        for package in ("protocol", "indexer", "backend")
        for path in (ROOT / package).rglob("*.py")
    }
    assert {path: found for path, text in sources.items() if (found := impure(text))} == {}


def test_io_of_a_pure_module_is_noticed() -> None:
    assert impure('"""Decides; pure."""\nfrom psycopg import Connection') != []
    assert impure('"""Decides; pure.\n\nNever waits."""\nimport time') != []
    assert impure('"""Reads."""\nimport time') == []


def outside(source: str) -> list[str]:
    """What a module of the TypeScript client imports from another folder of this repository."""
    return re.findall(r"""from ["'](\.\./(?:[^"'])+|/[^"']+)["']""", source)


def test_typescript_client_imports_nothing_else_of_this_repository() -> None:
    files = sorted((ROOT / "clients" / "typescript" / "src").glob("*.ts"))
    assert files
    assert {file.name: found for file in files if (found := outside(file.read_text()))} == {}
    assert outside('import { price } from "../../../web/src/odds/market.ts";') != []


def test_the_page_asks_only_its_own_server() -> None:
    for file in (ROOT / "web").rglob("*"):
        # What is built from them has addresses in the messages of libraries; tests/web/test_app.py
        # watches what a browser asks.
        is_source = "dist" not in file.parts and "generated" not in file.parts
        if is_source and file.suffix in (".js", ".ts", ".tsx", ".html", ".css"):
            text = file.read_text()
            for scheme in ("http://", "https://"):
                outside = [
                    part for part in text.split(scheme)[1:] if not part.startswith("www.w3.org")
                ]
                assert outside == [], f"{file.name} names another host"
