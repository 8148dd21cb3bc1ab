"""Writes the file that a tester's shell sources: the settings of every process, and a PATH on which
the commands of README are found."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from scripts.devnet.accounts import BETTORS
from scripts.devnet.chain import account_key
from scripts.devnet.house import (
    BATCHES,
    CONFIRMATIONS,
    LIMITS,
    ODDS,
    arbiter_key,
    signing_keys,
    worker_keys,
)
from scripts.devnet.paths import ROOT
from scripts.devnet.postgres import programs
from scripts.devnet.record import SOURCED, DevnetRecord
from scripts.devnet.sample import FACTS_FILE

API_PORT = 8000
NAME = "devnet.env"


def variables(record: DevnetRecord, chain_id: int, api_port: int = API_PORT) -> dict[str, str]:
    """Every setting of every process, and what the tutorials read (API_URL, PRIVATE_KEY)."""
    return {
        "DATABASE_URL": record.database_url,
        "REDIS_URL": record.redis_url,
        "RPC_URL": record.rpc_url,
        # What cast reads.
        "ETH_RPC_URL": record.rpc_url,
        "CHAIN_ID": str(chain_id),
        "DEPLOYMENT_FILE": record.deployment_file,
        "FACTS_FILE": str(FACTS_FILE),
        "CLOCK": "chain",
        "CONFIRMATIONS": str(CONFIRMATIONS),
        **LIMITS,
        **ODDS,
        **BATCHES,
        **signing_keys(),
        **worker_keys(),
        **arbiter_key(),
        "API_URL": f"http://127.0.0.1:{api_port}",
        "PRIVATE_KEY": account_key(BETTORS[0]),
    }


def write(state: Path, values: Mapping[str, str]) -> Path:
    """Writes `values` as shell commands, and which devnet they are of; returns the file, which only
    its owner can read."""
    lines = ["# Sourced by a shell. The keys are well-known test keys."]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    venv = ROOT / ".venv"
    own = {SOURCED: str(state), "VIRTUAL_ENV": str(venv)}
    lines += [f"export {name}={shlex.quote(value)}" for name, value in own.items()]
    # No word is split in a quoted value, whatever the folder is called.
    found = f"{venv / 'bin'}:{ROOT / 'node_modules' / '.bin'}"
    # After what the machine has: with it, `psql` is found on every machine.
    lines += [f'export PATH={shlex.quote(found)}:"$PATH":{shlex.quote(str(programs()))}', ""]
    path = state / NAME
    made = state / f"{NAME}.tmp"
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(lines))
    made.replace(path)
    return path
