"""Checks that a holder of tokens signed a permit or an authorization with the own key; pure."""

from __future__ import annotations

from typing import Any

from backend.accounts.check_signature import check_form
from backend.accounts.refusals import SignatureInvalid
from backend.accounts.signature_forms import own_signature, signer_of
from backend.contracts.token import separator_of
from protocol.token_messages import Authorization, Permit, token_digest

_PRIMARY_TYPES = {Permit: "Permit", Authorization: "ReceiveWithAuthorization"}


def check_token_signature(
    domain: dict[str, Any], struct: Permit | Authorization, signature: bytes
) -> bytes:
    """The signature as the token takes it, r | s | v. Raises SignatureInvalid with what was to be
    signed, or the refusal that names the form. No contract is asked: it could confirm its signature
    to us and deny it on the chain."""
    digest = token_digest(separator_of(domain), struct)
    own, signer = own_signature(signature), signer_of(digest, signature)
    if own is not None and signer is not None and signer.lower() == struct.owner.lower():
        return own
    check_form(signature)
    primary_type = _PRIMARY_TYPES[type(struct)]
    raise SignatureInvalid(
        f"{struct.owner} did not sign exactly these values for the token"
        f" {domain['verifyingContract']}. Compare what your wallet signed with `domain` and"
        " `message`, and its hash with `digest`; only the signature of a key counts here. GET"
        f" /v1/typed-data returns domain, types and an example message for {primary_type}.",
        owner=struct.owner,
        signer=signer,
        chain_id=domain["chainId"],
        verifying_contract=domain["verifyingContract"],
        digest=f"0x{digest.hex()}",
        struct_hash=f"0x{struct.struct_hash().hex()}",
        primary_type=primary_type,
        domain=domain,
        message=struct.message(),
    )
