"""Reads the committed ABI of the contracts and their events; `protocol.calls` encodes calls."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from protocol.keccak import keccak

FOLDER = Path(__file__).resolve().parent.parent / "contracts" / "abi"


class AbiMissing(RuntimeError):
    """The committed ABI lacks a file, or a function or event in it; the message says what to do."""


@cache
def load(contract: str) -> list[dict[str, Any]]:
    """The entries of a contract's ABI. Raises AbiMissing when the file is missing."""
    path = FOLDER / f"{contract}.json"
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise AbiMissing(
            f"the ABI of {contract} cannot be read ({error!r}): python -m scripts.export_contracts"
        ) from error
    return entries


def events(contract: str) -> set[str]:
    """The events as "Name(type indexed,type)"; a struct is its fields' types in parentheses."""
    return {
        f"{entry['name']}({','.join(_parameter(p) for p in entry['inputs'])})"
        for entry in load(contract)
        if entry["type"] == "event"
    }


def topic(event: str) -> str:
    """The first topic of an event: 0x and 64 hex digits."""
    return "0x" + keccak(event.replace(" indexed", "").encode()).hex()


def _parameter(entry: dict[str, Any]) -> str:
    return _type(entry) + (" indexed" if entry.get("indexed") else "")


def _type(entry: dict[str, Any]) -> str:
    name = str(entry["type"])
    if not name.startswith("tuple"):
        return name
    fields = ",".join(_type(field) for field in entry["components"])
    return f"({fields}){name.removeprefix('tuple')}"
