"""Signs digests, recovers signers and converts between the forms of an ECDSA signature."""

from __future__ import annotations

import coincurve
from eth_utils.address import to_checksum_address

from protocol.keccak import keccak

COMPACT_BYTES = 64
"""r | vs, the form of EIP-2098, which the contracts take from owners."""
FULL_BYTES = 65
"""r | s | v, the form that wallets return."""

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER = _ORDER // 2


class SignatureMalformed(ValueError):
    """The contract would not accept these bytes as a signature."""


def sign(digest: bytes, key: bytes) -> bytes:
    """Signature r | s | v of 65 bytes, v being 27 or 28, s in the lower half."""
    return sign_with(coincurve.PrivateKey(key), digest)


def sign_with(key: coincurve.PrivateKey, digest: bytes) -> bytes:
    """The same with a key that was read before, in half the time."""
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes((signature[64] + 27,))


def compact(signature: bytes) -> bytes:
    """The 64-byte form of EIP-2098. Raises SignatureMalformed unless given r | s | v."""
    _check(signature)
    parity = signature[64] - 27
    return signature[:32] + bytes((signature[32] | parity << 7,)) + signature[33:64]


def pair(signature: bytes) -> tuple[bytes, bytes]:
    """r and vs, as the contracts take a signature. Raises SignatureMalformed unless given
    r | s | v."""
    short = compact(signature)
    return short[:32], short[32:]


def expand(signature: bytes) -> bytes:
    """The 65-byte form of a compact signature. Raises SignatureMalformed unless 64 bytes."""
    if len(signature) != COMPACT_BYTES:
        raise SignatureMalformed(
            f"a compact signature has {COMPACT_BYTES} bytes, not {len(signature)}"
        )
    parity = signature[32] >> 7
    return signature[:32] + bytes((signature[32] & 0x7F,)) + signature[33:] + bytes((27 + parity,))


def lower_s(signature: bytes) -> bytes:
    """The form of the same signature whose s is in the lower half of the order, the only one that
    the contracts accept. Raises SignatureMalformed unless given r | s | v."""
    _check_form(signature)
    s = int.from_bytes(signature[32:64], "big")
    if not _HALF_ORDER < s < _ORDER:
        return signature
    return signature[:32] + (_ORDER - s).to_bytes(32, "big") + bytes((55 - signature[64],))


def recover(digest: bytes, signature: bytes) -> str:
    """Checksummed address of the signer. Raises SignatureMalformed, also for s in the upper half
    of the order, which the contract refuses."""
    return str(to_checksum_address(recover_bytes(digest, signature)))


def recover_bytes(digest: bytes, signature: bytes) -> bytes:
    """The same address as 20 bytes, which costs half as much."""
    _check(signature)
    try:
        public = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes((signature[64] - 27,)), digest, hasher=None
        )
    except Exception as error:
        raise SignatureMalformed("no public key can be recovered from this signature") from error
    return _address_bytes(public)


def address_of(public: coincurve.PublicKey) -> str:
    """Checksummed address of a public key."""
    return str(to_checksum_address(_address_bytes(public)))


def _address_bytes(public: coincurve.PublicKey) -> bytes:
    return keccak(public.format(compressed=False)[1:])[12:]


def _check_form(signature: bytes) -> None:
    if len(signature) != FULL_BYTES or signature[64] not in (27, 28):
        raise SignatureMalformed("a signature is r, s and v (27 or 28), 65 bytes")


def _check(signature: bytes) -> None:
    _check_form(signature)
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise SignatureMalformed("the signature's s is in the upper half of the curve order")
