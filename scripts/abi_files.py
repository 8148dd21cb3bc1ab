"""Writes the ABIs of the contracts that others call into contracts/abi, without compiling bytecode.

`python -m scripts.export_contracts` uses it, and writes the compiled contracts too.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, STATE

FOLDER = ROOT / "contracts" / "abi"
SOURCES = {
    "Sportsbook": "contracts/Sportsbook.sol",
    "Results": "contracts/Results.sol",
    "Bankroll": "contracts/Bankroll.sol",
    "TestToken": "contracts/mocks/TestToken.sol",
}
_SOLC = STATE / "solc" / "solc-v0.8.30"


def compiled_abis() -> dict[str, list[dict[str, Any]]]:
    """The ABI of each exported contract, from the sources as they are.

    Raises DevnetError when the compiler is missing or refuses the sources.
    """
    if not _SOLC.exists():
        raise DevnetError("The compiler is not installed: run python3 scripts/setup.py.")
    files = sorted((ROOT / "contracts").rglob("*.sol"))
    sources = {str(file.relative_to(ROOT)): {"content": file.read_text()} for file in files}
    settings = {
        "evmVersion": "shanghai",
        "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
        "outputSelection": {source: {name: ["abi"]} for name, source in SOURCES.items()},
    }
    task = {"language": "Solidity", "sources": sources, "settings": settings}
    done = subprocess.run(
        [str(_SOLC), "--standard-json"],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    output = json.loads(done.stdout)
    for error in output.get("errors", []):
        if error["severity"] == "error":
            raise DevnetError(f"The contracts do not compile: {error['formattedMessage']}")
    return {name: output["contracts"][source][name]["abi"] for name, source in SOURCES.items()}


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
