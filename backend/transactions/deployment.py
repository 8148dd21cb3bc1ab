"""Owns where the contracts are on our chain, and under which number the mirror keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from backend.transactions.errors import RetryableError
from protocol.typed_data import RESULTS_NAME, Domain


class DeploymentInvalid(RuntimeError):
    """The deployment file cannot be used; the message says what to do."""


class MirrorMissing(RetryableError):
    """The indexer has not written this deployment into the mirror yet."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses of the contracts that this backend works with."""

    chain_id: int
    sportsbook: str
    results: str

    @classmethod
    def read(cls, path: Path, chain_id: int) -> Deployment:
        """Read a deployment file. Raises DeploymentInvalid when it is not one of this chain."""
        try:
            loaded = json.loads(path.read_text())
            contracts = loaded["contracts"]
            found = cls(int(loaded["chain_id"]), contracts["Sportsbook"], contracts["Results"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeploymentInvalid(
                f"DEPLOYMENT_FILE {path} is no deployment file ({error}); deploy first"
            ) from error
        if found.chain_id != chain_id:
            raise DeploymentInvalid(
                f"DEPLOYMENT_FILE {path} is of chain {found.chain_id}, not of CHAIN_ID {chain_id}"
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
class Mirror:
    """The mirror's row of a deployment: its number and how far it has followed the chain."""

    deployment: int
    head: int
    head_timestamp_s: int


_MIRROR = text("""
SELECT id, head_block, head_timestamp_s FROM mirror.deployment
WHERE chain_id = :chain_id AND lower(sportsbook) = lower(:sportsbook)
""")


def read_mirror(engine: Engine, deployment: Deployment) -> Mirror:
    """Where the mirror stands. Raises MirrorMissing when the indexer has not begun."""
    with engine.connect() as connection:
        row = connection.execute(
            _MIRROR, {"chain_id": deployment.chain_id, "sportsbook": deployment.sportsbook}
        ).one_or_none()
    if row is None or row.head_block is None:
        raise MirrorMissing(
            f"the mirror knows no deployment {deployment.sportsbook} on chain"
            f" {deployment.chain_id} yet; start the indexer"
        )
    return Mirror(row.id, row.head_block, row.head_timestamp_s or 0)
