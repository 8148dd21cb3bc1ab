"""Reads the deployment file: where the contracts are on our chain, and the windows they enforce."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from protocol.typed_data import RESULTS_NAME, Domain


class DeploymentInvalid(RuntimeError):
    """The deployment file cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses of the contracts that this backend works with."""

    chain_id: int
    sportsbook: str
    results: str

    @classmethod
    def read(cls, path: Path, chain_id: int) -> Deployment:
        """Read a deployment file. Raises DeploymentInvalid unless it describes a deployment on
        `chain_id`."""
        try:
            loaded = json.loads(path.read_text())
            contracts = loaded["contracts"]
            found = cls(int(loaded["chain_id"]), contracts["Sportsbook"], contracts["Results"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeploymentInvalid(
                f"DEPLOYMENT_FILE {path} is not a deployment file ({error}); deploy first"
            ) from error
        if found.chain_id != chain_id:
            raise DeploymentInvalid(
                f"DEPLOYMENT_FILE {path} is for chain {found.chain_id}, but CHAIN_ID is {chain_id}"
            )
        return found

    @property
    def slip_domain(self) -> Domain:
        """The EIP-712 domain of slips."""
        return Domain(self.chain_id, self.sportsbook)

    @property
    def result_domain(self) -> Domain:
        """The EIP-712 domain of result sheets."""
        return Domain(self.chain_id, self.results, RESULTS_NAME)


@dataclass(frozen=True, slots=True)
class ContractWindows:
    """The time windows that the sportsbook enforces, in seconds."""

    receipt_window_s: int
    exit_delay_s: int

    @classmethod
    def read(
        cls, path: Path, receipt_window_s: int | None, exit_delay_s: int | None
    ) -> ContractWindows:
        """The windows that a deployment file names; the arguments replace those it does not name.
        Raises DeploymentInvalid when neither does. The file must be readable as JSON."""
        named = json.loads(path.read_text()).get("parameters") or {}

        def window(name: str, given: int | None) -> int:
            value = named.get(name, given)
            if not isinstance(value, int):
                raise DeploymentInvalid(
                    f"DEPLOYMENT_FILE {path} does not name {name}:"
                    f" set {name.upper()} in the environment"
                )
            return value

        return cls(
            window("receipt_window_s", receipt_window_s), window("exit_delay_s", exit_delay_s)
        )
