"""Reads and writes deployment files, and compares code on a chain with compiled code.

The file of a finished deployment is renamed into place. Until then its progress is kept in another
file, so that no service reads half a deployment.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protocol.scale import MICRO_DECIMALS
from scripts.devnet.paths import ROOT

FOLDER = ROOT / "contracts" / "deployments"

# The compiler's metadata: a hash of the sources, comments included, and the compiler's version.
_METADATA = re.compile(rb"\xa2\x64ipfs\x58\x22\x12\x20.{32}\x64solcC.{3}\x00\x33", re.DOTALL)

# The compiler's placeholder for an immutable: PUSH32 of zeros.
_IMMUTABLE = re.compile(rb"\x7f\x00{32}")


class RecordInvalid(ValueError):
    """A deployment file that cannot be read; the message says what to do."""


@dataclass
class Record:
    """A deployment: checksummed addresses by contract name, and the decimals of the token; no event
    is older than `first_block`. `genesis_hash` tells chains of one id apart; `deployer` paid, and
    was the first owner."""

    chain_id: int
    genesis_hash: str
    first_block: int
    deployer: str
    parameters: dict[str, Any]
    contracts: dict[str, str] = field(default_factory=dict)
    token_decimals: int = MICRO_DECIMALS

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """The record at `path`, None when there is none. Raises RecordInvalid."""
        try:
            loaded = json.loads(path.read_text())
            return cls(
                int(loaded["chain_id"]),
                str(loaded["genesis_hash"]),
                int(loaded["first_block"]),
                str(loaded["deployer"]),
                dict(loaded["parameters"]),
                dict(loaded["contracts"]),
                # Files of deployments before it was recorded, when every token had 6.
                int(loaded.get("token_decimals", MICRO_DECIMALS)),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RecordInvalid(
                f"{path} is not a deployment file ({error!r}): move it away or name another one"
                " with DEPLOYMENT_FILE."
            ) from error

    def write(self, path: Path) -> None:
        """Writes the record to `path`, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        content = {
            "chain_id": self.chain_id,
            "genesis_hash": self.genesis_hash,
            "first_block": self.first_block,
            "token_decimals": self.token_decimals,
            "deployer": self.deployer,
            "contracts": self.contracts,
            "parameters": self.parameters,
        }
        with made.open("w") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)

    def is_same(self, other: Record) -> bool:
        """Whether both are of the same sportsbook on the same chain."""
        mine, others = (one.contracts.get("Sportsbook") for one in (self, other))
        return self.genesis_hash == other.genesis_hash and mine == others


def default_path(chain_id: int) -> Path:
    """Where the deployment of a chain is kept."""
    return FOLDER / f"{chain_id}.json"


def progress_path(path: Path) -> Path:
    """Where the progress of an unfinished deployment is kept."""
    return path.with_name(f"{path.stem}.partial.json")


def set_aside(path: Path, record: Record) -> Path:
    """Renames the file of a deployment that another replaces; returns its name from now on."""
    sportsbook = record.contracts.get("Sportsbook", "none")
    name = f"{path.stem}.{record.genesis_hash[2:10]}-{sportsbook[2:10]}.json"
    return path.replace(path.with_name(name))


def same_code(held: bytes, compiled: bytes) -> bool:
    """Whether code on a chain is what the compiler made, apart from immutables and metadata.

    The metadata at the end has a hash of the sources, comments included.
    """
    held, compiled = _executable(held), _executable(compiled)
    if len(held) != len(compiled) or not held:
        return False
    at = 0
    for immutable in _IMMUTABLE.finditer(compiled):
        if held[at : immutable.start() + 1] != compiled[at : immutable.start() + 1]:
            return False
        at = immutable.end()
    return held[at:] == compiled[at:]


def same_creation(sent: bytes, compiled: bytes) -> bool:
    """Whether a transaction created a contract with this code and these arguments behind it, apart
    from metadata. Code that is left on the chain does not say how it came there."""
    if len(sent) != len(compiled):
        return False
    at = 0
    for metadata in _METADATA.finditer(compiled):
        if sent[at : metadata.start()] != compiled[at : metadata.start()]:
            return False
        at = metadata.end()
    return sent[at:] == compiled[at:]


def _executable(code: bytes) -> bytes:
    """Code without the metadata; the last two bytes are its length."""
    if len(code) < 2:
        return b""
    length = int.from_bytes(code[-2:], "big") + 2
    return code[:-length] if length < len(code) else code
