"""Runs the tests of some files or folders: python -m scripts.test PATH... [pytest options].

A path under tests/contracts runs in Brownie, on the chain that is asked for; every other path runs
in plain pytest.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.devnet import brownie
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, STATE

CONTRACTS = ROOT / "tests" / "contracts"
# Brownie's names of the local chains.
NETWORKS = {"anvil": "development", "ganache": "ganache-cli"}
# Stateful tests take minutes on a small machine: the limit of other tests does not fit them.
LIMIT_S = 1_200


def off_chain_command(*arguments: str) -> list[str]:
    """Tests that need no Brownie."""
    return [sys.executable, "-m", "pytest", "-p", "no:pytest-brownie", "-q", *arguments]


def run_on_chain(chain: str, *arguments: str) -> int:
    """Runs tests of the contracts on "anvil" or "ganache"; returns the exit code."""
    options = ["--network", NETWORKS[chain], "-o", f"timeout={LIMIT_S}", "--show-capture=no"]
    # A home of its own for each chain: runs beside each other use different ports.
    return brownie.run(["test", *arguments, *options], home=STATE / f"home-{chain}")


def is_of_contracts(path: str) -> bool:
    """Whether the tests of this path, PATH::TEST with pytest, need Brownie."""
    file = Path(path.split("::")[0]).resolve()
    return file == CONTRACTS or CONTRACTS in file.parents


def run(paths: Sequence[str], chains: Sequence[str], options: Sequence[str]) -> int:
    """The worst exit code of the runs that the paths need."""
    of_contracts = [path for path in paths if is_of_contracts(path)]
    others = [path for path in paths if path not in of_contracts]
    codes = [0]
    if others:
        codes.append(subprocess.run(off_chain_command(*others, *options), cwd=ROOT).returncode)
    if of_contracts:
        codes += [run_on_chain(chain, *of_contracts, *options) for chain in chains]
    return max(codes)


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the tests of files or folders.")
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("--chain", choices=[*NETWORKS, "both"], default="anvil")
    arguments, options = parser.parse_known_args()
    chains = list(NETWORKS) if arguments.chain == "both" else [arguments.chain]
    try:
        return run(arguments.paths, chains, options)
    except DevnetError as error:
        print(f"test: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
