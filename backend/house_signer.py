"""Signs receipts and withdrawals for the house; a KMS or HSM can implement the same interface."""

from __future__ import annotations

from typing import Protocol

import coincurve

from protocol.signatures import address_of, sign_with


class HouseSigner(Protocol):
    """Signs digests with a key that is used for nothing else."""

    @property
    def address(self) -> str:
        """Checksummed address that the contract has registered as a signer."""

    async def sign(self, digest: bytes) -> bytes:
        """Signature r | s | v of 65 bytes."""


class LocalHouseSigner:
    """Signs with a key held in memory, which it never shows."""

    def __init__(self, key: bytes) -> None:
        # Its public key takes as long as a signature, so it is computed once.
        self._key = coincurve.PrivateKey(key)
        self._address = address_of(self._key.public_key)

    def __repr__(self) -> str:
        return f"LocalHouseSigner({self._address})"

    @property
    def address(self) -> str:
        """Checksummed address of the key."""
        return self._address

    async def sign(self, digest: bytes) -> bytes:
        """Signature r | s | v of 65 bytes."""
        return sign_with(self._key, digest)
