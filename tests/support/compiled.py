"""Compiles the contracts for tests that do not run under Brownie."""

from __future__ import annotations

import hashlib
import json
import subprocess
from functools import cache
from typing import Any

from tests.support.nodes import ROOT

SOLC = ROOT / ".devnet" / "solc" / "solc-v0.8.30"
CACHE = ROOT / ".devnet" / "cache"
# Used by the contract tests only, and slow to compile.
_UNUSED = frozenset(
    {
        *("FeeToken", "GenerousToken", "HookToken", "IHooked", "Intruder", "LibraryHarness"),
        *("OutcomeGrid", "ShrinkingToken", "SilentToken"),
    }
)


@cache
def compiled() -> dict[str, Any]:
    """ABI and bytecode by contract, compiled once for each state of the sources."""
    files = sorted(f for f in (ROOT / "contracts").rglob("*.sol") if f.stem not in _UNUSED)
    sources = {str(file.relative_to(ROOT)): {"content": file.read_text()} for file in files}
    settings = {
        "viaIR": True,
        "evmVersion": "shanghai",
        "optimizer": {"enabled": True, "runs": 1_500},
        "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
        "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
    }
    task = json.dumps({"language": "Solidity", "sources": sources, "settings": settings})
    cached = CACHE / f"contracts-{hashlib.sha256(task.encode()).hexdigest()[:16]}.json"
    if not cached.exists():
        assert SOLC.exists(), "the compiler is missing; run python3 scripts/setup.py"
        done = subprocess.run(
            [SOLC, "--standard-json"], input=task, capture_output=True, text=True, cwd=ROOT
        )
        output = json.loads(done.stdout)
        errors = [e["formattedMessage"] for e in output.get("errors", []) if "error" in e.values()]
        assert not errors, errors
        found = {n: c for file in output["contracts"].values() for n, c in file.items()}
        CACHE.mkdir(parents=True, exist_ok=True)
        cached.write_text(json.dumps(found))
    loaded: dict[str, Any] = json.loads(cached.read_text())
    return loaded
