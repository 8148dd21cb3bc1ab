"""Every contract test file runs on both chains in `make test`, or is named as Anvil's alone; so is
what the tests of backend and indexer leave out on Ganache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from scripts.devnet.paths import ROOT
from scripts.test_parts import PARTS
from tests.backend.chains import ANVIL_ALONE as BACKEND
from tests.contracts.chains import ANVIL_ALONE, MARK, ON_BOTH
from tests.indexer.chains import ANVIL_ALONE as INDEXER
from tests.support.ganache_again import MARK as AGAIN

FILES = {file.name for file in (ROOT / "tests" / "contracts").glob("test_*.py")}


def named() -> Counter[str]:
    """How often each file is named."""
    return Counter(
        f"test_{name}.py"
        for table in (ON_BOTH, ANVIL_ALONE)
        for names in table.values()
        for name in names
    )


def test_every_contract_test_file_is_named_once() -> None:
    assert dict(named()) == dict.fromkeys(FILES, 1)


@pytest.mark.parametrize(("folder", "tables"), [("backend", BACKEND), ("indexer", INDEXER)])
def test_what_is_left_out_exists(folder: str, tables: Mapping[str, Sequence[str]]) -> None:
    for name in (name for names in tables.values() for name in names):
        file, _, test = name.partition("::")
        text = (ROOT / "tests" / folder / file).read_text()
        assert f"def {test.split('[')[0] or 'test_'}" in text, name


def test_parts_that_leave_tests_out_name_the_command_that_runs_them() -> None:
    leaving = {part.name: part.left_to for part in PARTS if part.left_to}
    parts = ("backend", "indexer", "API", "page, devnet and the rest", "contracts on Ganache")
    assert leaving == dict.fromkeys(parts, "make test-ganache")
    selecting = {
        part.name: part.command[part.command.index("-m", 3) + 1] for part in PARTS if part.left_to
    }
    assert selecting == {
        **dict.fromkeys(("backend", "indexer", "API", "page, devnet and the rest"), f"not {AGAIN}"),
        "contracts on Ganache": f"not {MARK}",
    }
    recipe = (ROOT / "Makefile").read_text().split("\ntest-ganache: setup\n")[1].split("\n\n")[0]
    assert recipe.splitlines() == [
        "\t@$(RUN) -m scripts.test tests/contracts --chain ganache",
        f"\t@$(RUN) -m scripts.test tests/backend tests/indexer tests/web -m {AGAIN}",
    ]
