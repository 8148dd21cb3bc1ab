"""Builds the sets of domain, types and example message that wallets sign; pure."""

from __future__ import annotations

from typing import Any, Literal

from eth_account.messages import encode_typed_data

from backend.contracts.models import Eip712Domain
from backend.contracts.token import Token
from backend.slips.example_messages import EXAMPLES, authorization_to, permit_to
from backend.slips.models import TypedDataSet
from protocol.keccak import keccak
from protocol.wallet_messages import typed_data, types_of

_AUTHORIZATION = "ReceiveWithAuthorization"
SIGNED_BY: dict[str, Literal["owner", "house", "both"]] = {
    "Slip": "owner",
    "Withdrawal": "both",
    "Request": "owner",
    "CashOut": "both",
    "Receipt": "house",
    "Quote": "house",
    "Permit": "owner",
    _AUTHORIZATION: "owner",
}


def message_sets(domain: dict[str, Any], token: Token | None) -> dict[str, TypedDataSet]:
    """One set for each primary type of our contracts' `domain`, and for each with which the token
    lets the sportsbook take a deposit."""
    sets = {name: _set(domain, name, message) for name, message in EXAMPLES.items()}
    sportsbook = domain["verifyingContract"]
    if token is not None and token.permit_domain is not None:
        sets["Permit"] = _set(token.permit_domain, "Permit", permit_to(sportsbook))
    if token is not None and token.authorization_domain is not None:
        message = authorization_to(sportsbook)
        sets[_AUTHORIZATION] = _set(token.authorization_domain, _AUTHORIZATION, message)
    return sets


def _set(domain: dict[str, Any], primary_type: str, message: dict[str, Any]) -> TypedDataSet:
    whole = typed_data(domain, primary_type, message)
    return TypedDataSet(
        signed_by=SIGNED_BY[primary_type],
        domain=Eip712Domain(**domain),
        types=types_of(primary_type),
        primaryType=primary_type,
        message=message,
        digest=f"0x{_digest(whole).hex()}",
        v4=whole,
    )


def _digest(whole: dict[str, Any]) -> bytes:
    signable = encode_typed_data(full_message=whole)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)
