"""Reads the compiled contracts for tests that do not run under Brownie."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from scripts.devnet import brownie
from scripts.devnet.compiled import inputs_digest, is_current, read_archive
from tests.support.nodes import ROOT


@cache
def compiled() -> dict[str, Any]:
    """Brownie's build of each contract by name, with `abi` and `bytecode`: the committed one, or
    one compiled now when the sources have changed since."""
    if is_current(ROOT, inputs_digest(ROOT)):
        return {path.split("/")[1][:-5]: built for path, built in read_archive(ROOT).items()}
    assert brownie.run(["compile"]) == 0, "the contracts do not compile"
    files = (ROOT / "build" / "contracts").glob("*.json")
    return {path.stem: json.loads(path.read_text()) for path in files}
