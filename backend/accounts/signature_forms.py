"""Reads the forms in which wallets return an ECDSA signature, and names those that cannot count;
pure."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.keccak import keccak
from protocol.signatures import (
    COMPACT_BYTES,
    FULL_BYTES,
    SignatureMalformed,
    expand,
    lower_s,
    recover,
    recover_bytes,
)

# The suffix of ERC-6492, for wallets that are not deployed.
ERC6492_SUFFIX = bytes.fromhex("6492" * 16)

_PARITIES = (0, 1)
_V_OF_PARITY = 27
_FIRST_EIP155_V = 35
# v of a transaction of any chain whose id fits 64 bits.
_MAX_V_BYTES = 9
_DER_SEQUENCE, _DER_INTEGER = 0x30, 0x02


def own_signature(signature: bytes) -> bytes | None:
    """r | s | v as the contracts count it, from what a wallet returned: 64 bytes of EIP-2098, v of
    0 or 1 (Ledger and others), s in the upper half (some KMS). None for any other form."""
    if len(signature) == COMPACT_BYTES:
        return lower_s(expand(signature))
    if len(signature) != FULL_BYTES:
        return None
    v = signature[64] + _V_OF_PARITY if signature[64] in _PARITIES else signature[64]
    try:
        return lower_s(signature[:64] + bytes((v,)))
    except SignatureMalformed:
        return None


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """Checksummed address of who signed a digest, in any form that `own_signature` reads."""
    own = own_signature(signature)
    try:
        return None if own is None else recover(digest, own)
    except SignatureMalformed:
        return None


def signed_by(digest: bytes, own: bytes, owner: str) -> bool:
    """Whether `own`, a signature as the contracts count it, is that of the owner."""
    try:
        return recover_bytes(digest, own) == bytes.fromhex(owner[2:])
    except SignatureMalformed:
        return False


def is_counterfactual(signature: bytes) -> bool:
    """Whether this is a signature of a wallet that is not deployed (ERC-6492)."""
    return signature.endswith(ERC6492_SUFFIX)


def is_der(signature: bytes) -> bool:
    """Whether this is r and s, DER-encoded, as a KMS or HSM returns them, without the parity."""
    return (
        len(signature) > 8
        and signature[0] == _DER_SEQUENCE
        and signature[1] == len(signature) - 2
        and signature[2] == _DER_INTEGER
    )


def eip155_chain(signature: bytes) -> int | None:
    """The chain id in the v of 65 bytes in the form of a transaction (EIP-155); None when it has
    none."""
    if len(signature) != FULL_BYTES or signature[64] < _FIRST_EIP155_V:
        return None
    return (signature[64] - _FIRST_EIP155_V) // 2


def owners_eip155_chain(digest: bytes, signature: bytes, owner: str) -> int | None:
    """The same for a v of any length, with which the owner signed the digest."""
    if not FULL_BYTES <= len(signature) <= COMPACT_BYTES + _MAX_V_BYTES:
        return None
    v = int.from_bytes(signature[COMPACT_BYTES:], "big")
    if v < _FIRST_EIP155_V:
        return None
    chain_id, parity = divmod(v - _FIRST_EIP155_V, 2)
    signer = signer_of(digest, signature[:COMPACT_BYTES] + bytes((parity,)))
    return chain_id if signer is not None and signer.lower() == owner.lower() else None


def signed_as_text(digest: bytes, struct_hash: bytes, signature: bytes, owner: str) -> bool:
    """Whether the owner signed the hash as a message (personal_sign, EIP-191) and not the typed
    data."""
    return any(
        (signer := signer_of(text_digest(text), signature)) and signer.lower() == owner.lower()
        for text in _texts(digest, struct_hash)
    )


def _texts(digest: bytes, struct_hash: bytes) -> Iterator[bytes]:
    for hashed in (digest, struct_hash):
        yield hashed
        yield f"0x{hashed.hex()}".encode()
        yield hashed.hex().encode()


def text_digest(text: bytes) -> bytes:
    """What a wallet signs for a text message (personal_sign, EIP-191)."""
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)
