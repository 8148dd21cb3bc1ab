"""Reads the deployment file: where the contracts are on our chain, the windows they enforce, and
how their token is counted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.scale import MAX_DECIMALS, MICRO_DECIMALS, Scale
from protocol.typed_data import RESULTS_NAME, Domain

# Chains of a developer's own machine.
LOCAL_CHAIN_IDS = (1337, 31337)


class DeploymentInvalid(RuntimeError):
    """The deployment file cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ContractWindows:
    """The time windows that the sportsbook enforces, in seconds."""

    receipt_window_s: int
    exit_delay_s: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses of the contracts that this backend works with, their time windows in seconds, and
    their token. None for what the file does not name. `first_block` is the first that the mirror
    has; `genesis_hash` (0x and 64 hex digits) tells chains of one id apart."""

    chain_id: int
    sportsbook: str
    results: str
    receipt_window_s: int | None = None
    exit_delay_s: int | None = None
    token_decimals: int = MICRO_DECIMALS
    bankroll: str | None = None
    token: str | None = None
    first_block: int | None = None
    genesis_hash: str | None = None

    @classmethod
    def read(cls, path: Path, chain_id: int) -> Deployment:
        """Read a deployment file. Raises DeploymentInvalid unless it describes a deployment on
        `chain_id`."""
        try:
            found = _parse(path.read_text())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeploymentInvalid(
                f"DEPLOYMENT_FILE {path} is not a deployment file ({error}); deploy first"
            ) from error
        if found.chain_id != chain_id:
            raise DeploymentInvalid(
                f"DEPLOYMENT_FILE {path} is for chain {found.chain_id}, but CHAIN_ID is {chain_id}"
            )
        return found

    def windows(self, receipt_window_s: int | None, exit_delay_s: int | None) -> ContractWindows:
        """The windows that the file names; the arguments replace those that it does not name.
        Raises DeploymentInvalid when neither does."""
        return ContractWindows(
            _named("receipt_window_s", self.receipt_window_s, receipt_window_s),
            _named("exit_delay_s", self.exit_delay_s, exit_delay_s),
        )

    @property
    def is_local(self) -> bool:
        """Whether the chain is one of a developer's own machine, by its id."""
        return self.chain_id in LOCAL_CHAIN_IDS

    @property
    def scale(self) -> Scale:
        """How the token is counted in micro-units."""
        return Scale.of_decimals(self.token_decimals)

    @property
    def slip_domain(self) -> Domain:
        """The EIP-712 domain of slips."""
        return Domain(self.chain_id, self.sportsbook)

    @property
    def result_domain(self) -> Domain:
        """The EIP-712 domain of result sheets."""
        return Domain(self.chain_id, self.results, RESULTS_NAME)


def _parse(text: str) -> Deployment:
    """Raises ValueError, KeyError or TypeError for a text that is not a deployment file."""
    loaded = json.loads(text)
    contracts = loaded["contracts"]
    parameters = loaded.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ValueError("its parameters are not an object")
    return Deployment(
        chain_id=int(loaded["chain_id"]),
        sportsbook=contracts["Sportsbook"],
        results=contracts["Results"],
        receipt_window_s=_seconds(parameters, "receipt_window_s"),
        exit_delay_s=_seconds(parameters, "exit_delay_s"),
        token_decimals=_decimals(loaded),
        bankroll=contracts.get("Bankroll"),
        token=contracts.get("Token"),
        first_block=loaded.get("first_block"),
        genesis_hash=loaded.get("genesis_hash"),
    )


def _seconds(parameters: dict[str, Any], name: str) -> int | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, int):
        raise ValueError(f"{name} is not a whole number")
    return value


def _decimals(loaded: dict[str, Any]) -> int:
    # Files of deployments before it was recorded, when every token had 6.
    value = loaded.get("token_decimals", MICRO_DECIMALS)
    if not isinstance(value, int) or not 0 <= value <= MAX_DECIMALS:
        raise ValueError(f"token_decimals is not a whole number from 0 to {MAX_DECIMALS}")
    return value


def _named(name: str, in_file: int | None, given: int | None) -> int:
    value = given if in_file is None else in_file
    if value is None:
        raise DeploymentInvalid(
            f"DEPLOYMENT_FILE does not name {name}: set {name.upper()} in the environment"
        )
    return value
