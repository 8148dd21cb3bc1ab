"""Encodes calls of the contracts' functions, and decodes their results and custom errors.

The committed ABI (contracts/abi) is the source: a function that is not in it is AbiMissing when the
call is encoded, not a transaction that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple, function_abi_to_4byte_selector

from protocol.abi import AbiMissing, load

SELECTOR_BYTES = 4
# Those whose functions are called from outside; a revert inside another contract passes through.
_CALLED = ("Sportsbook", "Results")


def encode_call(contract: str, function: str, *arguments: object) -> bytes:
    """Call data of a function. Raises AbiMissing."""
    item = _function(contract, function)
    return function_abi_to_4byte_selector(item) + encode(_types(item["inputs"]), arguments)


def decode_result(contract: str, function: str, result: bytes) -> tuple[Any, ...]:
    """The values that a function returned. Raises AbiMissing."""
    return decode(_types(_function(contract, function)["outputs"]), result)


def decode_error(data: bytes) -> tuple[str, tuple[object, ...]]:
    """Name and values of a custom error of the contracts; ("", ()) when it is none of theirs."""
    found = _errors().get(data[:SELECTOR_BYTES])
    if found is None:
        return "", ()
    try:
        return found["name"], decode(_types(found["inputs"]), data[SELECTOR_BYTES:])
    except DecodingError:
        return found["name"], ()


def revert_data(data: object) -> bytes:
    """What a call reverted with, from the `data` of a node's error; Ganache wraps it."""
    if isinstance(data, dict):
        data = data.get("result")
    return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""


def _types(parameters: Sequence[Any]) -> list[str]:
    return [collapse_if_tuple(parameter) for parameter in parameters]


@cache
def _function(contract: str, name: str) -> Any:
    for item in load(contract):
        if item["type"] == "function" and item["name"] == name:
            return item
    raise AbiMissing(
        f"the ABI of {contract} has no function {name}: python -m scripts.export_contracts"
    )


@cache
def _errors() -> dict[bytes, Any]:
    errors: list[Any] = [i for c in _CALLED for i in load(c) if i["type"] == "error"]
    return {function_abi_to_4byte_selector(item): item for item in errors}
