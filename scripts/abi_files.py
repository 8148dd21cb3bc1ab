"""Writes the ABIs of the contracts that others call into contracts/abi, without compiling bytecode.

`python -m scripts.export_contracts` uses it, and writes the compiled contracts too.
"""

from __future__ import annotations

import json
from typing import Any

from scripts.devnet.paths import ROOT
from scripts.solc import compile_sources

FOLDER = ROOT / "contracts" / "abi"
SOURCES = {
    "Sportsbook": "contracts/Sportsbook.sol",
    "Results": "contracts/Results.sol",
    "Bankroll": "contracts/Bankroll.sol",
    "TestToken": "contracts/mocks/TestToken.sol",
}


def compiled_abis() -> dict[str, list[dict[str, Any]]]:
    """The ABI of each exported contract, from the sources as they are.

    Raises DevnetError when the compiler is missing or refuses the sources.
    """
    wanted = {source: [name] for name, source in SOURCES.items()}
    output = compile_sources(wanted, ["abi"])
    return {name: output[source][name]["abi"] for name, source in SOURCES.items()}


def rendered(abi: list[dict[str, Any]]) -> str:
    """The text of an ABI file; the entries are sorted, whatever their order in the source."""
    ordered = sorted(abi, key=lambda entry: json.dumps(entry, sort_keys=True))
    return json.dumps(ordered, indent=2, sort_keys=True) + "\n"


def stale() -> list[str]:
    """Names of the contracts whose committed file differs from the sources."""
    found = []
    for name, abi in compiled_abis().items():
        file = FOLDER / f"{name}.json"
        if not file.exists() or file.read_text() != rendered(abi):
            found.append(name)
    return found


def export() -> None:
    """Writes every file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, abi in compiled_abis().items():
        (FOLDER / f"{name}.json").write_text(rendered(abi))
