"""Checks that an account's owner signed: with the owner's own key, or by asking its contract."""

from __future__ import annotations

from backend.accounts.refusals import ContractSignatureUnsupported, SignatureInvalid, WrongChain
from backend.chain_view import ChainView
from protocol.signatures import COMPACT_BYTES, FULL_BYTES, SignatureMalformed, expand, recover
from protocol.typed_data import Domain

# Chains that a wallet may have been connected to by mistake.
_OTHER_CHAINS = (1, 10, 56, 100, 137, 1337, 8453, 31337, 42161, 43114, 84532, 11155111)


async def check_signature(
    domain: Domain, struct_hash: bytes, signature: bytes, owner: str, chain: ChainView | None
) -> None:
    """Without `chain`, no contract wallet is asked. Raises SignatureInvalid, WrongChain,
    ContractSignatureUnsupported or ChainUnreachable."""
    digest = domain.digest(struct_hash)
    if _recovered(digest, signature) == owner.lower():
        return
    other = _other_chain(domain, struct_hash, signature, owner)
    if other is not None:
        raise WrongChain(
            f"The owner signed for chain {other}, but this sportsbook is on chain"
            f" {domain.chain_id}. Switch the wallet to that chain and sign again.",
            chain_id=domain.chain_id,
            signed_chain_id=other,
        )
    # The contract reads 64 bytes as the owner's own signature, whatever the owner is.
    if len(signature) != COMPACT_BYTES and chain is not None:
        if await chain.signature_valid(owner, digest, signature):
            return
    elif len(signature) not in (COMPACT_BYTES, FULL_BYTES):
        raise ContractSignatureUnsupported(
            "This looks like the signature of a contract wallet, which is not supported here; sign"
            " with the owner's own key."
        )
    raise SignatureInvalid(
        f"{owner} did not sign exactly these values for chain {domain.chain_id} and contract"
        f" {domain.contract}; GET /v1/typed-data returns the domain and the types to sign.",
        owner=owner,
        chain_id=domain.chain_id,
        verifying_contract=domain.contract,
    )


def _recovered(digest: bytes, signature: bytes) -> str | None:
    try:
        full = expand(signature) if len(signature) == COMPACT_BYTES else signature
        return recover(digest, full).lower()
    except SignatureMalformed:
        return None


def _other_chain(domain: Domain, struct_hash: bytes, signature: bytes, owner: str) -> int | None:
    for chain_id in _OTHER_CHAINS:
        other = Domain(chain_id, domain.contract, domain.name)
        if _recovered(other.digest(struct_hash), signature) == owner.lower():
            return chain_id
    return None
