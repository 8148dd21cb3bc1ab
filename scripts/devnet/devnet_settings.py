"""Reads from the environment what `make devnet` was asked for."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.devnet.chain import Kind, kind_from_environment
from scripts.devnet.errors import DevnetError
from scripts.devnet.record import deployment_elsewhere, folder, server_elsewhere

NOW, EVE = "now", "eve"
# Chains that begin at the same second have the same genesis hash, which shall tell them apart.
SPREAD_S = 6 * 60 * 60


@dataclass(frozen=True, slots=True)
class DevnetSettings:
    """`kind` and `start` are None where the environment leaves them open. `start` is "now", "eve"
    or a time in UTC. `rpc_url` and `database_url` are servers that were started elsewhere."""

    state: Path
    kind: Kind | None
    start: str | None
    reset: bool
    services: bool
    deployment_file: Path | None
    rpc_url: str | None
    database_url: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> DevnetSettings:
        """Raises DevnetError for an unknown value, and for two that exclude each other."""
        start = environment.get("START", "").strip() or None
        if start is not None:
            start = start if start in (NOW, EVE) else _time_text(start)
        settings = cls(
            state=folder(environment),
            kind=kind_from_environment() if environment.get("CHAIN", "").strip() else None,
            start=start,
            reset=_is_set(environment, "RESET"),
            services=_is_set(environment, "SERVICES"),
            deployment_file=deployment_elsewhere(environment),
            rpc_url=server_elsewhere("RPC_URL", environment),
            database_url=server_elsewhere("DATABASE_URL", environment),
        )
        if settings.rpc_url and (start or settings.kind):
            name = "START" if start else "CHAIN"
            raise DevnetError(
                f"{name} is for a chain that is started here, and RPC_URL names one that is not:"
                f" unset {name} or RPC_URL."
            )
        return settings


def start_s(start: str, now_s: int | None = None) -> int | None:
    """The time of the first block, in seconds; None is now. Two chains of the eve begin at
    different seconds."""
    if start == NOW:
        return None
    if start == EVE:
        from scripts.devnet.sample import EVE_S, first_kick_off_s

        now_s = int(time.time()) if now_s is None else now_s
        return first_kick_off_s() - EVE_S - now_s % SPREAD_S
    return int(datetime.fromisoformat(start).timestamp())


def _time_text(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise DevnetError(
            f"START={text} is not known: use START=eve, START=now or a time such as"
            " START=2025-05-24T19:00:00Z."
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def _is_set(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").strip() not in ("", "0")
