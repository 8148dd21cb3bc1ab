"""Hashes with Keccak-256, the hash of Ethereum, in C. The library that eth_utils chooses takes
seven times as long."""

from __future__ import annotations

from sha3 import keccak_256


def keccak(data: bytes) -> bytes:
    """The Keccak-256 hash of `data`, 32 bytes."""
    digest: bytes = keccak_256(data).digest()
    return digest
