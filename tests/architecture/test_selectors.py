"""A function's place among the selectors is gas: the lowest is compared first."""

from __future__ import annotations

import json

from eth_utils.abi import function_abi_to_4byte_selector

from scripts.devnet.paths import ROOT


def test_withdraw_granted_has_the_lowest_selector() -> None:
    entries = json.loads((ROOT / "contracts" / "abi" / "Sportsbook.json").read_text())
    selectors = {
        function_abi_to_4byte_selector(entry): entry["name"]
        for entry in entries
        if entry["type"] == "function"
    }
    assert len(selectors) > 40
    assert selectors[min(selectors)] == "withdrawGranted"
