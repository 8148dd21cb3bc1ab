"""Finds the EIP-712 domain with which a token's permits are signed; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from protocol.typed_data import DOMAIN_TYPE

# What a token is asked, by the signature of the function.
QUESTIONS = ("name()", "symbol()", "version()", "eip712Domain()", "DOMAIN_SEPARATOR()")

_DOMAIN_OF_EIP5267 = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
# Versions of tokens that do not say theirs.
_USUAL_VERSIONS = ("1", "2")


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it describes itself; `permit_domain` is None when it takes no permits (EIP-2612),
    or has a domain that is not one of name, version, chain and contract."""

    name: str | None
    symbol: str | None
    permit_domain: dict[str, Any] | None


def selector(question: str) -> bytes:
    """The call data of a function without arguments."""
    return keccak(text=question)[:4]


def read_token(address: str, chain_id: int, answers: dict[str, bytes | None]) -> Token:
    """The token from its answers to QUESTIONS, None where it reverted."""
    name, symbol = _text(answers["name()"]), _text(answers["symbol()"])
    return Token(name, symbol, _permit_domain(address, chain_id, name, answers))


def _permit_domain(
    address: str, chain_id: int, name: str | None, answers: dict[str, bytes | None]
) -> dict[str, Any] | None:
    """The domain whose separator is the token's own."""
    separator = answers["DOMAIN_SEPARATOR()"]
    for domain_name, version in _candidates(name, answers):
        domain = {
            "name": domain_name,
            "version": version,
            "chainId": chain_id,
            "verifyingContract": to_checksum_address(address),
        }
        if separator == _separator(domain):
            return domain
    return None


def _candidates(name: str | None, answers: dict[str, bytes | None]) -> Iterator[tuple[str, str]]:
    described = answers["eip712Domain()"]
    if described:
        try:
            _, domain_name, version, *_ = decode(_DOMAIN_OF_EIP5267, described)
            yield domain_name, version
        except (DecodingError, UnicodeDecodeError):
            pass
    if name is not None:
        own = _text(answers["version()"])
        for version in (*((own,) if own else ()), *_USUAL_VERSIONS):
            yield name, version


def _separator(domain: dict[str, Any]) -> bytes:
    return keccak(
        encode(
            ("bytes32", "bytes32", "bytes32", "uint256", "address"),
            (
                keccak(text=DOMAIN_TYPE),
                keccak(text=domain["name"]),
                keccak(text=domain["version"]),
                domain["chainId"],
                domain["verifyingContract"],
            ),
        )
    )


def _text(answer: bytes | None) -> str | None:
    """A string, or a text in 32 bytes as some old tokens have it."""
    if not answer:
        return None
    try:
        if len(answer) == 32:
            return answer.rstrip(b"\0").decode()
        return str(decode(("string",), answer)[0])
    except (DecodingError, UnicodeDecodeError):
        return None
