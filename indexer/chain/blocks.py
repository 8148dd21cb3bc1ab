"""Owns blocks as values and how they link; pure.

A `BlockRange` is complete: every block from its first to its last, each the parent of the next,
with all events of ours in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from indexer.decode.events import Logged
from indexer.errors import Malformed, Unlinked

_BLOOM_BITS = 2048


class Header(NamedTuple):
    """What the indexer needs to know of a block; `bloom` is a number of 2048 bits."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp_s: int
    bloom: int


class BlockRange(NamedTuple):
    """Linked blocks with their events, in the order of the chain."""

    headers: list[Header]
    events: list[Logged]


def read_header(answer: Any) -> Header:
    """A header as JSON-RPC answers it. Raises Malformed."""
    try:
        header = Header(
            int(answer["number"], 16),
            bytes.fromhex(answer["hash"][2:]),
            bytes.fromhex(answer["parentHash"][2:]),
            int(answer["timestamp"], 16),
            int(answer["logsBloom"], 16),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"a block's header cannot be read: {error!r}") from error
    if len(header.hash) != 32 or len(header.parent_hash) != 32:
        raise Malformed("a block's hash has not 32 bytes")
    return header


def check_links(headers: Sequence[Header], first: int | None = None) -> None:
    """Raises Malformed when the numbers are not those from `first` on, Unlinked when a block is
    not the parent of the next."""
    first = headers[0].number if first is None else first
    for index, header in enumerate(headers):
        if header.number != first + index:
            raise Malformed(f"block {header.number} came in the place of {first + index}")
        if index and header.parent_hash != headers[index - 1].hash:
            raise Unlinked(f"block {header.number} does not follow from the one before")


def bloom_mask(word: str) -> int:
    """The three bits that a log with this address or topic sets in its block's bloom."""
    digest = keccak(hexstr=word)
    mask = 0
    for at in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[at : at + 2], "big") % _BLOOM_BITS)
    return mask


def join_ranges(left: BlockRange, right: BlockRange) -> BlockRange:
    """Two neighbouring ranges as one. Raises Unlinked."""
    if right.headers[0].parent_hash != left.headers[-1].hash:
        raise Unlinked(f"block {right.headers[0].number} does not follow from the one before")
    return BlockRange(left.headers + right.headers, left.events + right.events)
