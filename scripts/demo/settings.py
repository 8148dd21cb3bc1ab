"""Reads the choices for a demo run from the environment."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import STATE


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Number of wallets, accepted bets to reach, seed, and whether to exit after the report."""

    wallets: int
    bets: int
    seed: int
    once: bool
    report_file: Path
    state: Path

    @classmethod
    def from_environment(cls) -> DemoSettings:
        """Reads WALLETS, BETS, SEED, ONCE, REPORT_FILE and STATE_FOLDER (the servers' data).

        Raises DevnetError for a value that is not a number."""
        state = Path(os.environ.get("STATE_FOLDER") or STATE)
        once = os.environ.get("ONCE", "").strip() not in ("", "0")
        return cls(
            wallets=_number("WALLETS", 60, 3),
            bets=_number("BETS", 520, 10),
            seed=_number("SEED", 38, 0),
            once=once or not sys.stdout.isatty(),
            report_file=Path(os.environ.get("REPORT_FILE") or state / "demo" / "report.json"),
            state=state,
        )


def _number(name: str, default: int, minimum: int) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isdigit() or int(text) < minimum:
        raise DevnetError(f"{name}={text} is invalid: give a whole number of at least {minimum}.")
    return int(text)
