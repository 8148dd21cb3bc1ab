"""Calls are encoded as web3.py encodes them, and errors are decoded by name."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from protocol.abi import AbiMissing, load
from protocol.calls import decode_error, decode_result, encode_call


def encoded_by_web3(contract: str, function: str, *arguments: Any) -> bytes:
    made: Any = Web3().eth.contract(abi=load(contract))
    return bytes.fromhex(made.encode_abi(function, list(arguments))[2:])


@pytest.mark.parametrize(
    ("contract", "function", "arguments"),
    [
        ("Sportsbook", "placeBatch", (b"some slips",)),
        ("Sportsbook", "settle", ([(7, 3, b"markets", b"records", [bytes(32), b"\x01" * 32])],)),
        ("Sportsbook", "settle", ([],)),
        ("Sportsbook", "accountAt", (5,)),
        ("Sportsbook", "resultOf", (b"\x02" * 16,)),
        ("Results", "publish", ([2**200], 7, 2**40 - 1, [(b"\x03" * 32, b"\x04" * 32)])),
    ],
)
def test_call_is_encoded_as_web3_encodes_it(
    contract: str, function: str, arguments: tuple[Any, ...]
) -> None:
    expected = encoded_by_web3(contract, function, *arguments)
    assert encode_call(contract, function, *arguments) == expected


def test_function_that_the_abi_lacks_is_named() -> None:
    with pytest.raises(AbiMissing, match="ABI of Sportsbook has no function fly"):
        encode_call("Sportsbook", "fly")


def test_result_is_decoded_by_the_types_of_the_function() -> None:
    assert decode_result("Results", "NOTICE", (3).to_bytes(32, "big")) == (3,)


def test_error_is_decoded_with_its_values() -> None:
    call = Web3.keccak(text="RunNotOfBatch(uint256)")[:4] + (9).to_bytes(32, "big")
    assert decode_error(call) == ("RunNotOfBatch", (9,))


def test_error_whose_values_are_truncated_keeps_its_name() -> None:
    selector = bytes(Web3.keccak(text="RunNotOfBatch(uint256)")[:4])
    assert decode_error(selector) == ("RunNotOfBatch", ())


def test_data_that_is_not_a_known_error_has_no_name() -> None:
    assert decode_error(b"\x08\xc3\x79\xa0 some text") == ("", ())
    assert decode_error(b"") == ("", ())
