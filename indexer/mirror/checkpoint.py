"""Reads and moves the checkpoint of a deployment: how far the mirror is, and what is final.

All SQL about the checkpoint is here. The functions run inside the caller's SQL transaction.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

from indexer.chain.blocks import BlockRef, Header
from indexer.errors import CheckpointMoved

Connection = psycopg.Connection[tuple[Any, ...]]

_HEAD = """
SELECT b.number, b.hash, b.timestamp_s FROM mirror.deployment d
JOIN mirror.block b ON b.deployment = d.id AND b.number = d.head_block
WHERE d.id = %s
"""
_CHECKPOINT = """
SELECT id, head_block, head_hash, head_timestamp_s, confirmed_block, final_block, final_hash
FROM mirror.deployment WHERE chain_id = %s AND sportsbook = %s AND head_block IS NOT NULL
"""
_FINAL = """
SELECT final_block, final_hash FROM mirror.deployment WHERE id = %s AND final_block IS NOT NULL
"""
_BLOCKS = """
SELECT number, hash, timestamp_s FROM mirror.block
WHERE deployment = %s AND number BETWEEN %s AND %s ORDER BY number
"""
_MOVE_HEAD = """
UPDATE mirror.deployment SET head_block = %s, head_hash = %s, head_timestamp_s = %s,
    confirmed_block = CASE WHEN %s >= first_block THEN %s END
WHERE id = %s AND head_hash IS NOT DISTINCT FROM %s AND coalesce(final_block, -1) <= %s
"""
_MOVE_FINAL = """
UPDATE mirror.deployment d SET final_block = b.number, final_hash = b.hash
FROM mirror.block b
WHERE d.id = %s AND d.head_hash = %s AND (d.final_block IS NULL OR d.final_block < b.number)
    AND b.deployment = d.id AND b.number = %s
RETURNING b.number, b.hash
"""
_RESET = """
UPDATE mirror.deployment SET head_block = NULL, head_hash = NULL, head_timestamp_s = NULL,
    confirmed_block = NULL, final_block = NULL, final_hash = NULL
WHERE id = %s
"""


class StoredBlock(NamedTuple):
    """A block as the mirror stores it."""

    number: int
    hash: bytes
    timestamp_s: int

    @property
    def ref(self) -> BlockRef:
        """Number and hash of the block."""
        return BlockRef(self.number, self.hash)


class Checkpoint(NamedTuple):
    """How far the mirror of a deployment (by its number) is. `confirmed` is None while no block is
    confirmed, `final` while none is final."""

    deployment: int
    head: StoredBlock
    confirmed: int | None
    final: BlockRef | None


class Stages(NamedTuple):
    """For a new head: the highest confirmed block, and the block that becomes final (or None)."""

    confirmed: int
    final: int | None


def stored(header: Header) -> StoredBlock:
    """A block as the mirror stores it."""
    return StoredBlock(header.number, header.hash, header.timestamp_s)


def read_checkpoint(connection: Connection, chain_id: int, sportsbook: str) -> Checkpoint | None:
    """The checkpoint of a deployment, None while its mirror is empty."""
    row = connection.execute(_CHECKPOINT, (chain_id, sportsbook)).fetchone()
    if row is None:
        return None
    deployment, head, head_hash, head_time_s, confirmed, final, final_hash = row
    return Checkpoint(
        deployment=deployment,
        head=StoredBlock(head, bytes(head_hash), head_time_s),
        confirmed=confirmed,
        final=None if final is None else BlockRef(final, bytes(final_hash)),
    )


def read_head(connection: Connection, deployment: int) -> StoredBlock | None:
    """The newest block of the mirror, None when it is empty."""
    row = connection.execute(_HEAD, (deployment,)).fetchone()
    return StoredBlock(row[0], bytes(row[1]), row[2]) if row else None


def read_final(connection: Connection, deployment: int) -> BlockRef | None:
    """The last final block, None while there is none."""
    row = connection.execute(_FINAL, (deployment,)).fetchone()
    return BlockRef(row[0], bytes(row[1])) if row else None


def read_blocks(
    connection: Connection, deployment: int, first: int, last: int
) -> list[StoredBlock]:
    """The blocks of the mirror in a range of numbers."""
    rows = connection.execute(_BLOCKS, (deployment, first, last))
    return [StoredBlock(number, bytes(hash_), time_s) for number, hash_, time_s in rows]


def read_block(connection: Connection, deployment: int, number: int) -> StoredBlock | None:
    """One block of the mirror, None when it does not have it."""
    blocks = read_blocks(connection, deployment, number, number)
    return blocks[0] if blocks else None


def move_head(
    connection: Connection,
    deployment: int,
    head: BlockRef | None,
    base: BlockRef | None,
    to: StoredBlock,
    confirmed: int,
) -> None:
    """Move the head from `head` to `to`; what lies above `base` and is not part of `to` will be
    rolled back. This is the first statement of a write, so that another writer waits here and then
    finds that it is late. Raises CheckpointMoved when the head is not `head`, or when a block above
    `base` is final."""
    moved = connection.execute(
        _MOVE_HEAD,
        (
            *(to.number, to.hash, to.timestamp_s, confirmed, confirmed),
            *(deployment, head.hash if head else None, base.number if base else -1),
        ),
    )
    if moved.rowcount != 1:
        raise CheckpointMoved("another process has moved the mirror's head")


def move_final(
    connection: Connection, deployment: int, head: BlockRef, block: int | None
) -> BlockRef | None:
    """Make a block final; returns it. None when there is nothing to move: no block, one that is
    final already, or a head that is not `head`."""
    if block is None:
        return None
    row = connection.execute(_MOVE_FINAL, (deployment, head.hash, block)).fetchone()
    return BlockRef(row[0], bytes(row[1])) if row else None


def reset(connection: Connection, deployment: int) -> None:
    """Set the checkpoint to that of an empty mirror."""
    connection.execute(_RESET, (deployment,))
