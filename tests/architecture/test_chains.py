"""Every contract test file runs on both chains in `make test`, or is named as Anvil's alone; so is
what the backend's tests leave out on Ganache."""

from __future__ import annotations

from collections import Counter

from scripts.devnet.paths import ROOT
from scripts.devnet.run_tests import PARTS
from tests.backend import chains
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


def test_what_the_backend_leaves_out_exists() -> None:
    for names in chains.ANVIL_ALONE.values():
        for name in names:
            file, _, test = name.partition("::")
            text = (ROOT / "tests" / "backend" / file).read_text()
            assert f"def {test or 'test_'}" in text, name


def test_parts_that_leave_tests_out_name_the_command_that_runs_them() -> None:
    leaving = {part.name: part.left_to for part in PARTS if part.left_to}
    parts = ("backend", "API", "page, devnet and the rest", "contracts on Ganache")
    assert leaving == dict.fromkeys(parts, "make test-ganache")
    selecting = {
        part.name: part.command[part.command.index("-m", 3) + 1] for part in PARTS if part.left_to
    }
    assert selecting == {
        "backend": f"not {chains.MARK}",
        "API": f"not {chains.MARK}",
        "page, devnet and the rest": f"not {chains.MARK}",
        "contracts on Ganache": f"not {MARK}",
    }
    recipe = (ROOT / "Makefile").read_text().split("\ntest-ganache: setup\n")[1].split("\n\n")[0]
    assert recipe.splitlines() == [
        "\t@$(RUN) -m scripts.test tests/contracts --chain ganache",
        f"\t@$(RUN) -m scripts.test tests/backend tests/web -m {chains.MARK}",
    ]
