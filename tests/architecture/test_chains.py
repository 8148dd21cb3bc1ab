"""Every contract test file runs on both chains in `make test`, or is named as Anvil's alone."""

from __future__ import annotations

from collections import Counter

from scripts.devnet.paths import ROOT
from scripts.devnet.run_tests import PARTS
from tests.contracts.chains import ANVIL_ALONE, MARK, ON_BOTH

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


def test_only_ganache_leaves_tests_out_and_names_the_command_that_runs_them() -> None:
    leaving = [part for part in PARTS if MARK in " ".join(part.command)]
    assert [(part.name, part.left_to) for part in leaving] == [
        ("contracts on Ganache", "make test-ganache")
    ]
    assert [part for part in PARTS if part.left_to] == leaving
    recipe = (ROOT / "Makefile").read_text().split("\ntest-ganache: setup\n")[1].split("\n\n")[0]
    assert recipe == "\t@$(RUN) -m scripts.test tests/contracts --chain ganache"
