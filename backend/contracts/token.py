"""Finds the EIP-712 domain with which transfers of a token are signed for others; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address

from protocol.keccak import keccak
from protocol.typed_data import DOMAIN_TYPE

# What a token is asked, by the signature of the function. The last two are part of EIP-2612 and of
# EIP-3009.
QUESTIONS = (
    *("name()", "symbol()", "version()", "eip712Domain()", "DOMAIN_SEPARATOR()"),
    *("nonces(address)", "authorizationState(address,bytes32)"),
)

_WORD = 32
_DOMAIN_OF_EIP5267 = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
# Versions of tokens that do not say theirs.
_USUAL_VERSIONS = ("1", "2")


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it describes itself. `permit_domain` is None when it takes no permits (EIP-2612),
    `authorization_domain` when it takes no authorizations (EIP-3009), and both when its domain is
    not one of name, version, chain and contract."""

    name: str | None
    symbol: str | None
    permit_domain: dict[str, Any] | None
    authorization_domain: dict[str, Any] | None


def question_data(question: str) -> bytes:
    """The call data of a question, whose arguments are all 0."""
    arguments = question[question.index("(") + 1 : -1]
    count = len(arguments.split(",")) if arguments else 0
    return keccak(question.encode())[:4] + bytes(_WORD * count)


def call_data(function: str, types: Sequence[str], arguments: Sequence[Any]) -> bytes:
    """The call data of a function, by its signature."""
    return keccak(function.encode())[:4] + encode(types, arguments)


def read_token(address: str, chain_id: int, answers: dict[str, bytes | None]) -> Token:
    """The token from its answers to QUESTIONS, None where it reverted."""
    name, symbol = _text(answers["name()"]), _text(answers["symbol()"])
    domain = _domain(address, chain_id, name, answers)
    return Token(
        name,
        symbol,
        permit_domain=domain if _is_word(answers["nonces(address)"]) else None,
        authorization_domain=(
            domain if _is_word(answers["authorizationState(address,bytes32)"]) else None
        ),
    )


def _domain(
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
        if separator == separator_of(domain):
            return domain
    return None


def _is_word(answer: bytes | None) -> bool:
    return answer is not None and len(answer) == _WORD


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


def separator_of(domain: dict[str, Any]) -> bytes:
    """The EIP-712 domain separator."""
    return keccak(
        encode(
            ("bytes32", "bytes32", "bytes32", "uint256", "address"),
            (
                keccak(DOMAIN_TYPE.encode()),
                keccak(domain["name"].encode()),
                keccak(domain["version"].encode()),
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
        if len(answer) == _WORD:
            return answer.rstrip(b"\0").decode()
        return str(decode(("string",), answer)[0])
    except (DecodingError, UnicodeDecodeError):
        return None
