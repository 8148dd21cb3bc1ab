"""Writes a range of blocks in one SQL transaction: rollback, rows, state and checkpoint.

Readers see the mirror before the transaction or after it, never in between, even when the process
dies in the middle.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from indexer.chain.blocks import BlockRange, BlockRef
from indexer.errors import Contradiction
from indexer.mirror import head_state as state
from indexer.mirror.checkpoint import Stages, StoredBlock, move_final, move_head, stored
from indexer.mirror.copy_format import NULL
from indexer.mirror.encoded_range import EncodedRange, encode_range
from indexer.mirror.projection import earlier_batches
from indexer.mirror.rollback import roll_back_above
from indexer.mirror.tables import MirrorRow, columns_of
from protocol.records import PackedInvalid

Connection = psycopg.Connection[tuple[Any, ...]]
CHANNEL = "mirror"


class Written(NamedTuple):
    """What a write did: the number of rows, and the block that became final, if one did."""

    rows: int
    final: BlockRef | None


def write_range(
    connection: Connection,
    deployment: int,
    *,
    head: BlockRef | None,
    base: BlockRef | None,
    blocks: BlockRange,
    encoded: EncodedRange | None,
    stages: Stages,
) -> Written:
    """Write a range above `base`, in place of what the mirror has from there up to its `head`.

    `encoded` holds the range's rows; it is None for a range that replaces blocks, which is encoded
    here, after the rollback. Raises, and then nothing has changed: CheckpointMoved when the
    mirror's head is no longer `head`, Contradiction when the events cannot have happened.
    """
    with connection.transaction():
        try:
            last = stored(blocks.last)
            move_head(connection, deployment, head, base, last, stages.confirmed)
            if head != base:
                assert encoded is None
                roll_back_above(connection, deployment, base.number if base else -1)
            if encoded is None:
                earlier = state.stored_bets(connection, deployment, earlier_batches(blocks.events))
                encoded = encode_range(deployment, blocks, earlier)
            _write(connection, deployment, encoded)
        except (PackedInvalid, psycopg.IntegrityError, psycopg.DataError) as error:
            raise Contradiction(
                f"blocks {blocks.first.number} to {blocks.last.number} have impossible events:"
                f" {type(error).__name__}: {error}"
            ) from error
        final = move_final(connection, deployment, last.ref, stages.final)
        _notify(connection, deployment, last.number)
    return Written(encoded.row_count, final)


def roll_back_to(
    connection: Connection, deployment: int, head: BlockRef, base: StoredBlock, confirmed: int
) -> None:
    """Remove the blocks above `base`, and write nothing in their place. Raises CheckpointMoved."""
    with connection.transaction():
        move_head(connection, deployment, head, base.ref, base, confirmed)
        roll_back_above(connection, deployment, base.number)
        _notify(connection, deployment, base.number)


def finalize(
    connection: Connection, deployment: int, head: BlockRef, number: int
) -> BlockRef | None:
    """Make a block final while the head stays; returns it. None when it is final already, or when
    the mirror's head is no longer `head`."""
    with connection.transaction():
        final = move_final(connection, deployment, head, number)
        if final is not None:
            _notify(connection, deployment, head.number)
    return final


def _write(connection: Connection, deployment: int, encoded: EncodedRange) -> None:
    for table, rows in encoded.copies:
        _copy(connection, table, rows)
    changes = encoded.changes
    state.move_balances(connection, deployment, changes.balances)
    state.subtract_settled(connection, deployment, changes.settled_bets)
    state.add_fixtures(connection, deployment, changes.first_seen)
    # Before the book: what the bets of a decided market are owed follows from the result.
    state.recompute_results(connection, deployment, changes.fixtures)
    state.move_book(connection, deployment, changes.book, changes.market_blocks)
    state.recompute_exits(connection, deployment, changes.exit_accounts)
    if changes.pause_changed:
        state.recompute_paused(connection, deployment)


def _copy(connection: Connection, table: type[MirrorRow], rows: str | bytes) -> None:
    statement = _copy_statement(table, isinstance(rows, bytes))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows)


@cache
def _copy_statement(table: type[MirrorRow], binary: bool) -> sql.Composed:
    form = sql.SQL("FORMAT binary") if binary else sql.SQL("NULL {}").format(NULL)
    return sql.SQL("COPY mirror.{} ({}) FROM STDIN ({})").format(
        sql.Identifier(str(table.__tablename__)),
        sql.SQL(", ").join(map(sql.Identifier, columns_of(table))),
        form,
    )


def _notify(connection: Connection, deployment: int, head: int) -> None:
    payload = json.dumps({"deployment": deployment, "head": head})
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
