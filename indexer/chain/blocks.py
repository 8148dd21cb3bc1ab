"""Represents blocks and ranges of blocks as values, and checks that they link to each other.

A `BlockRange` is complete: it has every block from its first to its last, each the parent of the
next, and all events of the mirrored contracts in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from indexer.decode.events import Logged
from indexer.errors import Malformed, Unlinked
from protocol.keccak import keccak

_BLOOM_BITS = 2048


class BlockRef(NamedTuple):
    """Identifies a block."""

    number: int
    hash: bytes


class Header(NamedTuple):
    """The part of a block's header that the indexer uses; `bloom` is an integer of 2048 bits."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp_s: int
    bloom: int

    @property
    def ref(self) -> BlockRef:
        """Number and hash of the block."""
        return BlockRef(self.number, self.hash)


class BlockRange(NamedTuple):
    """Linked blocks and their events, in chain order."""

    headers: list[Header]
    events: list[Logged]

    @property
    def first(self) -> Header:
        """Header of the first block."""
        return self.headers[0]

    @property
    def last(self) -> Header:
        """Header of the last block."""
        return self.headers[-1]


def read_header(answer: Any) -> Header:
    """Parse a header from a JSON-RPC answer. Raises Malformed."""
    try:
        header = Header(
            int(answer["number"], 16),
            bytes.fromhex(answer["hash"][2:]),
            bytes.fromhex(answer["parentHash"][2:]),
            int(answer["timestamp"], 16),
            int(answer["logsBloom"], 16),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"a block header cannot be parsed: {error!r}") from error
    if len(header.hash) != 32 or len(header.parent_hash) != 32:
        raise Malformed("a block hash does not have 32 bytes")
    return header


def check_links(headers: Sequence[Header], first: int | None = None) -> None:
    """Raises Malformed when the numbers do not count up from `first`, Unlinked when a block is not
    the parent of the next."""
    first = headers[0].number if first is None else first
    for index, header in enumerate(headers):
        if header.number != first + index:
            raise Malformed(f"received block {header.number} instead of {first + index}")
        if index and header.parent_hash != headers[index - 1].hash:
            raise Unlinked(f"block {header.number} does not link to the block before it")


def join_ranges(left: BlockRange, right: BlockRange) -> BlockRange:
    """Join two adjacent ranges. Raises Unlinked."""
    if right.first.parent_hash != left.last.hash:
        raise Unlinked(f"block {right.first.number} does not link to the block before it")
    return BlockRange(left.headers + right.headers, left.events + right.events)


def part_up_to(blocks: BlockRange, number: int) -> BlockRange:
    """The part of a range up to block `number`; empty when the range starts above it."""
    if blocks.last.number <= number:
        return blocks
    return BlockRange(
        [header for header in blocks.headers if header.number <= number],
        [logged for logged in blocks.events if logged.block <= number],
    )


def part_above(blocks: BlockRange, number: int) -> BlockRange:
    """The part of a range above block `number`; empty when the range ends there or below."""
    return BlockRange(
        [header for header in blocks.headers if header.number > number],
        [logged for logged in blocks.events if logged.block > number],
    )


def bloom_mask(word: str) -> int:
    """The three bits that a log with this address or topic sets in its block's bloom filter."""
    digest = keccak(bytes.fromhex(word.removeprefix("0x")))
    mask = 0
    for at in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[at : at + 2], "big") % _BLOOM_BITS)
    return mask
