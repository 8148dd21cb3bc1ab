"""Owns one SQL transaction for a range of blocks: undo, rows, state and checkpoint together.

Readers see the mirror before it or after it, never in between, whatever happens in the middle.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from indexer.chain.blocks import BlockRange, Header
from indexer.errors import CheckpointMoved, Contradiction
from indexer.mirror import head_state as state
from indexer.mirror.copy_format import NULL, Prepared, prepare
from indexer.mirror.projection import batches_needed
from indexer.mirror.rollback import undo_above
from indexer.mirror.tables import EVENT_TABLES, STATE_TABLES, Block, MirrorRow, columns_of
from protocol.records import PackedInvalid

Connection = psycopg.Connection[tuple[Any, ...]]
CHANNEL = "mirror"

_CHECKPOINT = """
UPDATE mirror.deployment SET head_block = %s, head_hash = %s, head_timestamp_s = %s,
    confirmed_block = CASE WHEN %s >= first_block THEN %s END
WHERE id = %s AND head_hash IS NOT DISTINCT FROM %s AND coalesce(final_block, -1) <= %s
"""
_FINAL = """
UPDATE mirror.deployment d SET final_block = b.number, final_hash = b.hash
FROM mirror.block b
WHERE d.id = %s AND d.head_hash = %s AND (d.final_block IS NULL OR d.final_block < b.number)
    AND b.deployment = d.id AND b.number = %s
RETURNING b.number, b.hash, b.parent_hash, b.timestamp_s
"""
_FORGET = """
UPDATE mirror.deployment SET head_block = NULL, head_hash = NULL, head_timestamp_s = NULL,
    confirmed_block = NULL, final_block = NULL, final_hash = NULL
WHERE id = %s
"""
_OPEN_BOOK = "INSERT INTO mirror.book VALUES (%s, 0, 0, 0, 0, false)"
_BLOCKS = """
SELECT number, hash, parent_hash, timestamp_s FROM mirror.block
WHERE deployment = %s AND number BETWEEN %s AND %s ORDER BY number
"""


class Stages(NamedTuple):
    """The highest confirmed block with a new head, and the one that becomes final (None: none)."""

    confirmed: int
    final: int | None


def write_range(
    connection: Connection,
    deployment: int,
    head: Header | None,
    base: Header | None,
    blocks: BlockRange | Prepared,
    stages: Stages,
) -> tuple[int, Header | None]:
    """Put a range behind `base`, in the place of what the mirror has above it up to its `head`;
    returns the number of rows, and the block that became final, if one did. A range that replaces
    blocks must not be prepared yet. Raises CheckpointMoved when the mirror's head is another by
    now, Contradiction when the events cannot have happened so; then nothing has changed."""
    first, last = blocks.headers[0], blocks.headers[-1]
    with connection.transaction():
        try:
            _move_checkpoint(connection, deployment, head, base, last, stages.confirmed)
            if head != base:
                assert isinstance(blocks, BlockRange)
                undo_above(connection, deployment, base.number if base else -1)
            if isinstance(blocks, BlockRange):
                earlier = state.bets_of(connection, deployment, batches_needed(blocks.events))
                blocks = prepare(deployment, blocks, earlier)
            _write(connection, deployment, blocks)
        except (PackedInvalid, psycopg.IntegrityError, psycopg.DataError) as error:
            raise Contradiction(
                f"blocks {first.number} to {last.number} hold events that cannot be:"
                f" {type(error).__name__}: {error}"
            ) from error
        final = _move_final(connection, deployment, last, stages.final)
        _notify(connection, deployment, last.number)
    return blocks.row_count, final


def cut_to(
    connection: Connection, deployment: int, head: Header, base: Header, confirmed: int
) -> None:
    """Undo what the mirror has above `base`, and put nothing in its place."""
    with connection.transaction():
        _move_checkpoint(connection, deployment, head, base, base, confirmed)
        undo_above(connection, deployment, base.number)
        _notify(connection, deployment, base.number)


def make_final(connection: Connection, deployment: int, head: Header, number: int) -> Header | None:
    """A block becomes final while the head stays; returns it. None when it was already, or when the
    mirror's head is another by now."""
    with connection.transaction():
        final = _move_final(connection, deployment, head, number)
        if final is not None:
            _notify(connection, deployment, head.number)
    return final


def drop_rows(connection: Connection, deployment: int) -> None:
    """Take out every row of a deployment but the one that numbers it, inside the caller's SQL
    transaction."""
    connection.execute(_FORGET, (deployment,))
    tables: tuple[type[MirrorRow], ...] = (Block, *EVENT_TABLES, *STATE_TABLES)
    for table in tables:
        connection.execute(
            sql.SQL("DELETE FROM mirror.{} WHERE deployment = %s").format(
                sql.Identifier(str(table.__tablename__))
            ),
            (deployment,),
        )
    connection.execute(_OPEN_BOOK, (deployment,))


def stored_headers(connection: Connection, deployment: int, first: int, last: int) -> list[Header]:
    """Blocks as the mirror has them, by number (without their blooms)."""
    rows = connection.execute(_BLOCKS, (deployment, first, last))
    return [Header(n, bytes(hash_), bytes(parent), time_s, 0) for n, hash_, parent, time_s in rows]


def _move_checkpoint(
    connection: Connection,
    deployment: int,
    head: Header | None,
    base: Header | None,
    to: Header,
    confirmed: int,
) -> None:
    """First of all, so that whoever else writes waits here and then sees that it came too late.
    What lies above `base` and is not in `to` will be undone, which no final block may be."""
    moved = connection.execute(
        _CHECKPOINT,
        (
            *(to.number, to.hash, to.timestamp_s, confirmed, confirmed),
            *(deployment, head.hash if head else None, base.number if base else -1),
        ),
    )
    if moved.rowcount != 1:
        raise CheckpointMoved("the mirror's head is not where this process left it")


def _move_final(
    connection: Connection, deployment: int, head: Header, number: int | None
) -> Header | None:
    if number is None:
        return None
    row = connection.execute(_FINAL, (deployment, head.hash, number)).fetchone()
    return Header(row[0], bytes(row[1]), bytes(row[2]), row[3], 0) if row else None


def _write(connection: Connection, deployment: int, prepared: Prepared) -> None:
    for table, rows in prepared.copies:
        _copy(connection, table, rows)
    changes = prepared.changes
    state.move_balances(connection, deployment, changes.balances)
    state.count_settled(connection, deployment, changes.settled_bets)
    state.move_book(connection, deployment, changes.book, changes.market_blocks)
    state.renew_results(connection, deployment, changes.fixtures)
    state.renew_exits(connection, deployment, changes.exit_accounts)
    if changes.pausing:
        state.renew_paused(connection, deployment)


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
