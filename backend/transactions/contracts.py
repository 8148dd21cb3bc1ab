"""Owns the call data of the contracts' functions and the names of their errors; sends nothing.

The committed ABI (contracts/abi) is the source: a function or error that is not in it is a clear
error at start, not a failed transaction later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple, function_abi_to_4byte_selector

from protocol.abi import AbiMissing, load
from protocol.signatures import pair
from protocol.typed_data import Result


@dataclass(frozen=True, slots=True)
class Run:
    """Bets `first` to `first + bets - 1` of a batch, to be settled."""

    batch: int
    first: int
    bets: int
    markets: bytes
    records: bytes
    proof: tuple[bytes, ...]


def encode_place_batch(batch: bytes) -> bytes:
    """Call data of `Sportsbook.placeBatch`."""
    return _encode("Sportsbook", "placeBatch", batch)


def encode_settle(runs: Sequence[Run]) -> bytes:
    """Call data of `Sportsbook.settle`."""
    return _encode(
        "Sportsbook",
        "settle",
        [(r.batch, r.first, r.markets, r.records, list(r.proof)) for r in runs],
    )


def encode_publish(results: Sequence[Result], signatures: Sequence[bytes]) -> bytes:
    """Call data of `Results.publish`; signatures in ascending order of their signers."""
    words = [result.word() for result in results]
    return _encode("Results", "publish", words, [pair(signature) for signature in signatures])


def encode_view(contract: str, function: str, *arguments: object) -> bytes:
    """Call data of a view."""
    return _encode(contract, function, *arguments)


def decode_view(contract: str, function: str, answer: bytes) -> tuple[Any, ...]:
    """The values that a view returned."""
    return decode(_types(_function(contract, function)["outputs"]), answer)


def decode_error(data: bytes) -> tuple[str, tuple[object, ...]]:
    """Name and values of a custom error of any of the contracts; ("", ()) when it is none."""
    found = _errors().get(data[:4])
    if found is None:
        return "", ()
    try:
        return found["name"], decode(_types(found["inputs"]), data[4:])
    except DecodingError:
        return found["name"], ()


def _encode(contract: str, function: str, *arguments: object) -> bytes:
    item = _function(contract, function)
    return function_abi_to_4byte_selector(item) + encode(_types(item["inputs"]), arguments)


def _types(parameters: Sequence[Any]) -> list[str]:
    return [collapse_if_tuple(parameter) for parameter in parameters]


@lru_cache
def _function(contract: str, name: str) -> Any:
    for item in load(contract):
        if item["type"] == "function" and item["name"] == name:
            return item
    raise AbiMissing(f"the ABI of {contract} has no function {name}: python -m scripts.export_abi")


@lru_cache
def _errors() -> dict[bytes, Any]:
    errors: list[Any] = [
        i for c in ("Sportsbook", "Results") for i in load(c) if i["type"] == "error"
    ]
    return {function_abi_to_4byte_selector(item): item for item in errors}
