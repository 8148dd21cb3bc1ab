"""Reads from the deploy script's file which contracts are mirrored; sends no RPC."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import is_address, to_checksum_address

from indexer.chain.rpc import Endpoint
from indexer.errors import IndexerError
from protocol.scale import MICRO_DECIMALS, Scale

_CONTRACTS = ("Sportsbook", "Results", "Bankroll", "Token")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment: checksummed addresses, the first block that can have its events, the
    bankroll's commission on profit in basis points, and the decimals of the token. `genesis_hash`
    (0x and 64 hex digits) tells chains of one id apart; files of earlier versions have none."""

    chain_id: int
    first_block: int
    commission_bps: int
    token_decimals: int
    sportsbook: str
    results: str
    bankroll: str
    token: str
    genesis_hash: str | None = None

    @classmethod
    def read(cls, path: Path, chain_id: int) -> Deployment:
        """Read a deployment file. Raises IndexerError when it is invalid or for another chain."""
        try:
            loaded = json.loads(path.read_text())
            contracts = loaded["contracts"]
            named = [_address(contracts[name]) for name in _CONTRACTS]
            sportsbook, results, bankroll, token = named
            found = cls(
                chain_id=int(loaded["chain_id"]),
                first_block=int(loaded["first_block"]),
                commission_bps=int(loaded["parameters"]["commission_bps"]),
                # Files of deployments before it was recorded, when every token had 6.
                token_decimals=int(loaded.get("token_decimals", MICRO_DECIMALS)),
                sportsbook=sportsbook,
                results=results,
                bankroll=bankroll,
                token=token,
                genesis_hash=loaded.get("genesis_hash"),
            )
        except FileNotFoundError:
            raise IndexerError(
                f"DEPLOYMENT_FILE {path} does not exist: deploy first (scripts/deploy.py)"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexerError(
                f"DEPLOYMENT_FILE {path} is not a deployment file ({error!r}): deploy again"
            ) from error
        if found.chain_id != chain_id:
            raise IndexerError(
                f"DEPLOYMENT_FILE {path} is for chain {found.chain_id}, not for CHAIN_ID"
                f" {chain_id}: name the file for this chain, or correct CHAIN_ID"
            )
        return found

    def endpoints_at(self, urls: Sequence[str]) -> list[Endpoint]:
        """Endpoints that must serve this deployment's chain."""
        return [Endpoint(url, self.chain_id, genesis_hash=self.genesis_hash) for url in urls]

    @property
    def scale(self) -> Scale:
        """How the token is counted in micro-units."""
        return Scale.of_decimals(self.token_decimals)

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
        """The key of the advisory lock that its one writer holds, a signed 64-bit integer."""
        name = f"fairline indexer {self.chain_id} {self.sportsbook.lower()}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def _address(word: object) -> str:
    if not isinstance(word, str) or not is_address(word):
        raise ValueError(f"{word!r} is not an address")
    return to_checksum_address(word)
