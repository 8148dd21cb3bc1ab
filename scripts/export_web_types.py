"""Writes what the app and the TypeScript client take from the API and the contracts: the types of
the OpenAPI document and the ABI as constants of TypeScript. Run it after changing either."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from backend.api_settings import ApiSettings
from backend.app import build
from backend.services import Services
from scripts.command_help import no_arguments

ROOT = Path(__file__).resolve().parent.parent
ABI = ROOT / "web" / "src" / "generated" / "abi.ts"
TYPES = ROOT / "clients" / "typescript" / "src" / "generated" / "api.ts"
# What the app calls, and every error, so that a refusal is named.
CALLED = {
    "Sportsbook": {
        *("accountAt", "accountCount", "accountOf", "book", "deposit", "depositWithPermit"),
        *("excludeSelf", "exit", "exitOf", "house", "houseFree", "keyOf", "placingPaused"),
        *("placeQuoted", "releasable", "requestExit", "withdrawGranted"),
    },
    "Bankroll": {
        *("balanceOf", "commissionOwed", "deposit", "maxDeposit", "maxRedeem", "previewDeposit"),
        *("previewRedeem", "redeem", "totalSupply"),
    },
    "TestToken": {"allowance", "approve", "balanceOf", "mint", "nonces"},
}
# Settings of a server that is never started.
NOWHERE: dict[str, Any] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/none",
    "redis_url": "redis://127.0.0.1:1",
    "rpc_url": "http://127.0.0.1:1",
    "receipt_signer_key": "0x" + "01" * 32,
    "withdrawal_signer_key": "0x" + "02" * 32,
    "min_stake_micro": 1,
    "max_stake_micro": 1,
    "max_payout_micro": 1,
    "max_legs": 1,
    "max_deadline_s": 1,
    "max_odds_age_ms": 1,
    "max_clock_skew_s": 1,
    "session_idle_s": 60,
    "session_lifetime_s": 60,
    "cash_out_offer_s": 5,
    "rate_limit_per_minute": 1,
    "chain_id": 1337,
    "clock": "wall",
    "receipt_window_s": 600,
    "exit_delay_s": 1_200,
    # For the types of the match-day control.
    "local_control": True,
}
HEADER = "// Written by scripts/export_web_types.py; do not edit.\n"


def abi_source() -> str:
    """The constants of TypeScript, which viem reads types from."""
    parts = [HEADER]
    for contract, called in CALLED.items():
        abi = json.loads((ROOT / "contracts" / "abi" / f"{contract}.json").read_text())
        items = [item for item in abi if item["type"] == "error" or item.get("name") in called]
        missing = called - {item.get("name") for item in items}
        if missing:
            raise SystemExit(f"{contract} has no {', '.join(sorted(missing))}")
        name = contract[0].lower() + contract[1:]
        parts.append(f"export const {name}Abi = {json.dumps(items, indent=2)} as const;\n")
    return "\n".join(parts)


def openapi() -> dict[str, Any]:
    """The document of a server at /. Nothing is connected to for it."""
    with tempfile.TemporaryDirectory() as folder:
        deployment = Path(folder) / "deployment.json"
        contract = "0x" + "11" * 20
        contracts = {"Sportsbook": contract, "Results": contract}
        deployment.write_text(json.dumps({"chain_id": 1337, "contracts": contracts}))
        settings = ApiSettings(**NOWHERE, deployment_file=deployment)
        return build(Services.from_settings(settings)).openapi()


def types_source(document: dict[str, Any]) -> str:
    """The types of the document, written by openapi-typescript."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "openapi.json", Path(folder) / "api.ts"
        source.write_text(json.dumps(document))
        tool = ROOT / "node_modules" / ".bin" / "openapi-typescript"
        subprocess.run([tool, source, "-o", made], check=True, capture_output=True)
        return HEADER + made.read_text()


def sources() -> dict[Path, str]:
    """Every generated file with its content."""
    return {ABI: abi_source(), TYPES: types_source(openapi())}


def main() -> int:
    for path, source in sources().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return 0


if __name__ == "__main__":
    no_arguments("python -m scripts.export_web_types", __doc__)
    sys.exit(main())
