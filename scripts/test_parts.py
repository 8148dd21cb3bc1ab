"""What `make test` runs, in parts: each is a process of its own (scripts/all_tests.py)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.test import off_chain_command


@dataclass(frozen=True)
class Part:
    """A process that runs tests. One that `needs_contracts` starts when they are compiled; one that
    `reports` writes a JUnit report, and any other is one test by itself. What it deselects is left
    to the command `left_to`."""

    name: str
    command: Sequence[str]
    needs_contracts: bool = True
    reports: bool = True
    times: int = 1
    left_to: str = ""
    # The part whose failed tests these are.
    again_of: str = ""


def on_chain_part(title: str, chain: str, *options: str, left_to: str = "") -> Part:
    command = [sys.executable, "-m", "scripts.test", "tests/contracts", "--chain", chain]
    return Part(title, [*command, "--durations", "12", *options], left_to=left_to)


def off_chain_part(
    title: str, *arguments: str, needs_contracts: bool = True, left_to: str = ""
) -> Part:
    command = off_chain_command(*arguments, "--durations", "10")
    return Part(title, command, needs_contracts, left_to=left_to)


# The second time removes what the first wrote and no contract needs, so that no test finds a
# file missing.
COMPILE = Part(
    "compile",
    [sys.executable, "-m", "scripts.devnet.brownie", "compile"],
    needs_contracts=False,
    reports=False,
    times=2,
)
COMPILER_PROOF = "tests/devnet/test_compiled.py"
# See tests/support/ganache_again.py.
NOT_AGAIN = ("-m", "not ganache_again")
OF_THE_API = ("tests/backend/api", "tests/backend/surface")
NEED_CONTRACTS = (
    *("tests/contracts", "tests/backend", "tests/indexer"),
    *("tests/end_to_end", "tests/chaos"),
)
# In the order in which they start: the longest first, and early those that wait more than they
# compute, so that no core is idle at the end. Those that need the contracts keep their workers
# waiting until COMPILE has ended: that is a few seconds with the shipped build, and two minutes
# when the contracts must be compiled.
PARTS = (
    off_chain_part("API", *OF_THE_API, *NOT_AGAIN, left_to="make test-ganache"),
    on_chain_part("contracts on Anvil", "anvil"),
    off_chain_part(
        "backend",
        *("tests/backend", *(f"--ignore={path}" for path in OF_THE_API)),
        *NOT_AGAIN,
        left_to="make test-ganache",
    ),
    off_chain_part(
        "page, devnet and the rest",
        *("tests", *(f"--ignore={path}" for path in (*NEED_CONTRACTS, COMPILER_PROOF))),
        *("-m", "not ganache_again"),
        needs_contracts=False,
        left_to="make test-ganache",
    ),
    off_chain_part("indexer", "tests/indexer", *NOT_AGAIN, left_to="make test-ganache"),
    off_chain_part("demo and faults", "tests/end_to_end", "tests/chaos"),
    on_chain_part(
        "contracts on Ganache",
        "ganache",
        # See tests/contracts/chains.py.
        *("-m", "not anvil_alone"),
        left_to="make test-ganache",
    ),
    off_chain_part("compiler", COMPILER_PROOF, needs_contracts=False),
    Part("invariants, by forge", [sys.executable, "-m", "scripts.invariants"], reports=False),
)
