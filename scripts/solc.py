"""Runs the pinned compiler alone, without the build data that Brownie makes of its output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Mapping
from typing import Any

import yaml

from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, STATE

COMPILER = STATE / "solc" / "solc-v0.8.30"
# What a build file of Brownie takes over unchanged, by its place in the compiler's output.
COPIED = {
    "abi": ("abi",),
    "bytecode": ("evm", "bytecode", "object"),
    "sourceMap": ("evm", "bytecode", "sourceMap"),
    "deployedBytecode": ("evm", "deployedBytecode", "object"),
    "deployedSourceMap": ("evm", "deployedBytecode", "sourceMap"),
    "opcodes": ("evm", "deployedBytecode", "opcodes"),
}

# What the compiler says of each contract, by the path of its source and its name.
Output = dict[str, dict[str, dict[str, Any]]]


def compile_sources(wanted: Mapping[str, Collection[str]], fields: Collection[str]) -> Output:
    """Compiles all sources as they are, with the settings of brownie-config.yaml.

    `wanted` names the contracts of each source, and "*" stands for all; `fields` are of COPIED.
    Only bytecode takes long: a minute for all contracts. Raises DevnetError when the compiler is
    missing or refuses the sources.
    """
    if not COMPILER.exists():
        raise DevnetError("The compiler is not installed: run python3 scripts/setup.py.")
    files = sorted((ROOT / "contracts").rglob("*.sol"))
    outputs = [".".join(COPIED[field]) for field in fields]
    config = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]["solc"]
    settings = {
        "evmVersion": config["evm_version"],
        "optimizer": config["optimizer"],
        "viaIR": config["viaIR"],
        "remappings": config["remappings"],
        "outputSelection": {
            source: dict.fromkeys(names, outputs) for source, names in wanted.items()
        },
    }
    sources = {str(file.relative_to(ROOT)): {"content": file.read_text()} for file in files}
    task = {"language": "Solidity", "sources": sources, "settings": settings}
    done = subprocess.run(
        [str(COMPILER), "--standard-json"],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        raise DevnetError(f"The compiler failed: {done.stderr.strip()[-500:]}")
    output = json.loads(done.stdout)
    for error in output.get("errors", []):
        if error["severity"] == "error":
            raise DevnetError(f"The contracts do not compile: {error['formattedMessage']}")
    contracts: Output = output["contracts"]
    return {
        source: {
            name: {field: _value(contract, field) for field in fields}
            for name, contract in compiled.items()
        }
        for source, compiled in contracts.items()
    }


def _value(contract: Any, field: str) -> Any:
    for key in COPIED[field]:
        contract = contract[key]
    return contract
