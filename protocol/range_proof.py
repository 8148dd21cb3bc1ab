"""Builds the Merkle tree of a batch and the proof of a run of its bets.

A node without a right neighbour at the end of its level moves up unchanged. A proof lists, from
the leaves up and left before right, the neighbours that the run itself cannot supply.
"""

from __future__ import annotations

from collections.abc import Sequence

from protocol.keccak import keccak


def commitment(whole: bytes, leaves: Sequence[bytes]) -> bytes:
    """What the contract stores for a batch: 247 bits of the hash of `whole` (the hash of its
    markets and records) and the root, a zero bit, and the number of bets minus one in 8 bits."""
    hashed = int.from_bytes(keccak(whole + root(leaves)), "big")
    return (hashed >> 9 << 9 | (len(leaves) - 1)).to_bytes(32, "big")


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of one or more leaves."""
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def prove(leaves: Sequence[bytes], first: int, count: int) -> list[bytes]:
    """The proof of `count` leaves from index `first`. Raises ValueError outside the tree."""
    if not (0 <= first and 0 < count and first + count <= len(leaves)):
        raise ValueError(f"no run of {count} from {first} in {len(leaves)} leaves")
    proof: list[bytes] = []
    level, low, high = list(leaves), first, first + count - 1
    while len(level) > 1:
        if low % 2:
            proof.append(level[low - 1])
        if high % 2 == 0 and high + 1 < len(level):
            proof.append(level[high + 1])
        level, low, high = _parents(level), low // 2, high // 2
    return proof


def _parents(level: Sequence[bytes]) -> list[bytes]:
    pairs = [keccak(level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + ([level[-1]] if len(level) % 2 else [])
