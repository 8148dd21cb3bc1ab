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

# The compiler's placeholder for an immutable: PUSH32 of zeros.
_IMMUTABLE = re.compile(rb"\x7f\x00{32}")


class RecordInvalid(ValueError):
    """A deployment file that cannot be read; the message says what to do."""


@dataclass
class Record:
    """A deployment: checksummed addresses by contract name, and the decimals of the token; no event
    is older than `first_block`."""

    chain_id: int
    first_block: int
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
                int(loaded["first_block"]),
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
            "first_block": self.first_block,
            "token_decimals": self.token_decimals,
            "contracts": self.contracts,
            "parameters": self.parameters,
        }
        with made.open("w") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)


def default_path(chain_id: int) -> Path:
    """Where the deployment of a chain is kept."""
    return FOLDER / f"{chain_id}.json"


def progress_path(path: Path) -> Path:
    """Where the progress of an unfinished deployment is kept."""
    return path.with_name(f"{path.stem}.partial.json")


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


def _executable(code: bytes) -> bytes:
    """Code without the metadata; the last two bytes are its length."""
    if len(code) < 2:
        return b""
    length = int.from_bytes(code[-2:], "big") + 2
    return code[:-length] if length < len(code) else code
