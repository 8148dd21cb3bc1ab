"""Builds the sets of domain, types and example message that wallets sign; pure."""

from __future__ import annotations

from typing import Any, Literal

from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from backend import examples
from backend.contracts.models import Eip712Domain
from backend.slips.example_messages import EXAMPLES
from backend.slips.models import TypedDataSet
from protocol.wallet_messages import typed_data, types_of

SIGNED_BY: dict[str, Literal["owner", "house", "both"]] = {
    "Slip": "owner",
    "Withdrawal": "both",
    "Request": "owner",
    "CashOut": "both",
    "Receipt": "house",
    "Quote": "house",
    "Permit": "owner",
}


def message_sets(
    domain: dict[str, Any], permit_domain: dict[str, Any] | None
) -> dict[str, TypedDataSet]:
    """One set for each primary type of our contracts' `domain`, and with `permit_domain` that of
    the token's permits, which allow the sportsbook to take a deposit."""
    sets = {name: _set(domain, name, message) for name, message in EXAMPLES.items()}
    if permit_domain is not None:
        permit = {
            "owner": examples.OWNER,
            "spender": domain["verifyingContract"],
            "value": "100000000",
            "nonce": "0",
            "deadline": str(examples.DEADLINE_S),
        }
        sets["Permit"] = _set(permit_domain, "Permit", permit)
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
