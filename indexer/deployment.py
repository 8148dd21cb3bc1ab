"""Owns which contracts are mirrored, from the file that the deploy script wrote; does no RPC."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import is_address, to_checksum_address

from indexer.errors import IndexerError


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses (checksummed) of one deployment, the first block that can hold its events, and the
    part of its profit that the bankroll takes."""

    chain_id: int
    first_block: int
    commission_bps: int
    sportsbook: str
    results: str
    bankroll: str
    token: str

    @classmethod
    def read(cls, path: Path, chain_id: int) -> Deployment:
        """Read a deployment file. Raises IndexerError when it is none, or one of another chain."""
        try:
            loaded = json.loads(path.read_text())
            contracts = loaded["contracts"]
            found = cls(
                int(loaded["chain_id"]),
                int(loaded["first_block"]),
                int(loaded["parameters"]["commission_bps"]),
                *(_address(contracts[n]) for n in ("Sportsbook", "Results", "Bankroll", "Token")),
            )
        except FileNotFoundError:
            raise IndexerError(
                f"DEPLOYMENT_FILE {path} does not exist: deploy first (scripts/deploy.py)"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexerError(
                f"DEPLOYMENT_FILE {path} is no deployment file ({error!r}): deploy again"
            ) from error
        if found.chain_id != chain_id:
            raise IndexerError(
                f"DEPLOYMENT_FILE {path} is of chain {found.chain_id}, not of CHAIN_ID {chain_id}:"
                " name the file of this chain, or correct CHAIN_ID"
            )
        return found

    @property
    def contracts(self) -> dict[str, str]:
        """The contracts whose events are mirrored: lower-case address to name."""
        return {
            self.sportsbook.lower(): "Sportsbook",
            self.results.lower(): "Results",
            self.bankroll.lower(): "Bankroll",
        }

    @property
    def lock_key(self) -> int:
        """The advisory lock that its one writer holds: a signed 64-bit number."""
        name = f"fairline indexer {self.chain_id} {self.sportsbook.lower()}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def _address(word: object) -> str:
    if not isinstance(word, str) or not is_address(word):
        raise ValueError(f"{word!r} is no address")
    return to_checksum_address(word)
