"""Reads the choices for a run from the environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.devnet.chain import Kind
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import STATE

_SERVERS = ("DATABASE_URL", "REDIS_URL", "RPC_URL")
_SEEDS = 10**6
_CHAINS: dict[str, tuple[Kind, ...]] = {
    "anvil": ("anvil",),
    "ganache": ("ganache",),
    "both": ("anvil", "ganache"),
}


@dataclass(frozen=True, slots=True)
class ChaosSettings:
    """Round number n has the seed `seed` + n - 1. Each new house has the next of the `chains`."""

    rounds: int
    seed: int
    chains: tuple[Kind, ...]
    state: Path
    report_file: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ChaosSettings:
        """Reads ROUNDS, SEED, CHAIN (anvil, ganache or both), STATE_FOLDER and REPORT_FILE.

        Raises DevnetError for a value that is invalid, and for servers that were started elsewhere,
        which would be killed."""
        for name in _SERVERS:
            if environment.get(name, "").strip():
                raise DevnetError(
                    f"{name} is set, and faults would hit that server: unset it to have one"
                    " started here."
                )
        chain = environment.get("CHAIN", "").strip().lower() or "both"
        if chain not in _CHAINS:
            raise DevnetError(f"CHAIN={chain} is not supported: use {', '.join(_CHAINS)}.")
        state = Path(environment.get("STATE_FOLDER") or STATE / "chaos").resolve()
        return cls(
            rounds=_number(environment, "ROUNDS", 10, 1),
            seed=_number(environment, "SEED", secrets.randbelow(_SEEDS), 0),
            chains=_CHAINS[chain],
            state=state,
            report_file=Path(environment.get("REPORT_FILE") or state / "report.json").resolve(),
        )


def _number(environment: Mapping[str, str], name: str, default: int, minimum: int) -> int:
    text = environment.get(name, "").strip() or str(default)
    if not text.isdigit() or int(text) < minimum:
        raise DevnetError(f"{name}={text} is invalid: give a whole number of at least {minimum}.")
    return int(text)
