"""Checks that an account's owner signed: with the owner's own key, or by asking its contract.

A signature that does not count is named for what it is, with what to do instead.
"""

from __future__ import annotations

from backend.accounts.refusals import (
    ContractSignatureUnsupported,
    SignatureInDer,
    SignatureInvalid,
    SignedAsText,
    TransactionSignature,
    WalletNotDeployed,
    WrongChain,
)
from backend.accounts.signature_forms import (
    eip155_chain,
    is_counterfactual,
    is_der,
    own_signature,
    owners_eip155_chain,
    signed_as_text,
    signed_by,
    signer_of,
)
from backend.chain_view import ChainView
from protocol.signatures import COMPACT_BYTES, FULL_BYTES
from protocol.typed_data import CashOut, Domain, Request, Slip, Withdrawal
from protocol.wallet_messages import domain_of, message_of

# Chains that a wallet may have been connected to by mistake.
_OTHER_CHAINS = (1, 10, 56, 100, 137, 1337, 8453, 31337, 42161, 43114, 84532, 11155111)
_TYPED_DATA = "GET /v1/typed-data returns domain, types and an example message for each."


async def check_signature(
    domain: Domain,
    struct: Slip | Withdrawal | CashOut | Request,
    signature: bytes,
    owner: str,
    chain: ChainView | None,
) -> bytes:
    """The signature as the contracts count it: r | s | v of the owner's own, or what the owner's
    contract confirmed. Without `chain`, no contract wallet's counts, whether it is deployed or not.
    Raises the refusal that names what the signature is, or ChainUnreachable."""
    struct_hash = struct.struct_hash()
    digest = domain.digest(struct_hash)
    own = own_signature(signature)
    if own is not None and signed_by(digest, own, owner):
        return own
    _check_owner_signed_otherwise(domain, struct_hash, signature, owner)
    # The contract reads 64 bytes as the owner's own signature, whatever the owner is.
    if (
        chain is not None
        and len(signature) != COMPACT_BYTES
        and await chain.signature_valid(owner, digest, signature)
    ):
        return signature
    check_form(signature)
    if chain is None:
        _check_own(signature, owner)
    check_deployed(signature, owner)
    short = ""
    if len(signature) < COMPACT_BYTES:
        short = f"A signature has 64 or 65 bytes, and this one has {len(signature)}. "
    raise SignatureInvalid(
        f"{short}{owner} did not sign exactly these values for chain {domain.chain_id} and contract"
        f" {domain.contract}. Compare what your wallet signed with `domain` and `message`, and"
        f" its hash with `digest`. {_TYPED_DATA}",
        owner=owner,
        signer=signer_of(digest, signature),
        chain_id=domain.chain_id,
        verifying_contract=domain.contract,
        digest=f"0x{digest.hex()}",
        struct_hash=f"0x{struct_hash.hex()}",
        primary_type=type(struct).__name__,
        domain=domain_of(domain),
        message=message_of(struct),
    )


def _check_owner_signed_otherwise(
    domain: Domain, struct_hash: bytes, signature: bytes, owner: str
) -> None:
    """Raises the refusal that names what the owner signed instead."""
    other = _other_chain(domain, struct_hash, signature, owner)
    if other is not None:
        raise WrongChain(
            f"The owner signed for chain {other}, but this sportsbook is on chain"
            f" {domain.chain_id}. Switch the wallet to that chain and sign again.",
            chain_id=domain.chain_id,
            signed_chain_id=other,
        )
    digest = domain.digest(struct_hash)
    if signed_as_text(digest, struct_hash, signature, owner):
        raise SignedAsText(
            "The owner signed the hash as a text message (personal_sign). Sign the typed data"
            f" (eth_signTypedData_v4), so that the wallet shows the values. {_TYPED_DATA}",
            owner=owner,
        )
    if (chain_id := owners_eip155_chain(digest, signature, owner)) is not None:
        raise _transaction_signature(chain_id)


def check_form(signature: bytes) -> None:
    """Raises the refusal that names a signature by its form alone."""
    if (chain_id := eip155_chain(signature)) is not None:
        raise _transaction_signature(chain_id)
    if is_der(signature):
        raise SignatureInDer(
            "The signature is DER-encoded, as from a KMS. Send r, s and v as 65 bytes, and choose"
            " v = 27 or 28 so that recovery yields the owner's address."
        )


def check_deployed(signature: bytes, owner: str) -> None:
    """Raises WalletNotDeployed for a signature that a contract wallet gives before it is
    deployed."""
    if is_counterfactual(signature):
        raise WalletNotDeployed(
            "This signature is from a contract wallet that is not deployed (ERC-6492). Deploy the"
            " wallet first; the contracts call it to verify the signature (ERC-1271).",
            owner=owner,
        )


def _check_own(signature: bytes, owner: str) -> None:
    """Raises ContractSignatureUnsupported for what is longer than the signature of a key."""
    if len(signature) > FULL_BYTES:
        raise ContractSignatureUnsupported(
            "This looks like the signature of a contract wallet. Contract wallets cannot bet or"
            " cash out through the API, but they can send a cash-out to the chain themselves. To"
            " bet, use an account owned by an ordinary key.",
            owner=owner,
        )


def _transaction_signature(chain_id: int) -> TransactionSignature:
    return TransactionSignature(
        f"The signature's v names chain {chain_id}, as in a transaction (EIP-155). For typed"
        " data the chain goes into the domain, not into v: send r, s and a v of 27 or 28"
        " (0 or 1), 65 bytes.",
        signed_chain_id=chain_id,
    )


def _other_chain(domain: Domain, struct_hash: bytes, signature: bytes, owner: str) -> int | None:
    for chain_id in _OTHER_CHAINS:
        other = Domain(chain_id, domain.contract, domain.name)
        signer = signer_of(other.digest(struct_hash), signature)
        if signer is not None and signer.lower() == owner.lower():
            return chain_id
    return None
