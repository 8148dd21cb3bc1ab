"""Owns the form in which the house signs receipts and withdrawals; a KMS or HSM can stand in."""

from __future__ import annotations

from typing import Protocol

import coincurve

from protocol.signatures import address_of, sign


class QuoteSigner(Protocol):
    """Signs digests with a key that does nothing else."""

    @property
    def address(self) -> str:
        """Checksummed address that the contract knows as a signer."""

    async def sign(self, digest: bytes) -> bytes:
        """Signature r | s | v of 65 bytes."""


class LocalQuoteSigner:
    """Signs with a key held in memory; never shows it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._address = address_of(coincurve.PrivateKey(key).public_key)

    def __repr__(self) -> str:
        return f"LocalQuoteSigner({self._address})"

    @property
    def address(self) -> str:
        """Checksummed address of the key."""
        return self._address

    async def sign(self, digest: bytes) -> bytes:
        """Signature r | s | v of 65 bytes."""
        return sign(digest, self._key)
