"""Rolls back all blocks above a fork, inside the caller's SQL transaction.

Rows of events are deleted by block. What they added to balances, exposures and book is subtracted;
results and exits are recomputed from the newest change that remains. Markets that were marked above
the fork are no longer marked.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from indexer.mirror import checkpoint
from indexer.mirror import head_state as state
from indexer.mirror.book_change import BookChange
from indexer.mirror.tables import EVENT_TABLES, STATE_TABLES, Block, MirrorRow

Connection = psycopg.Connection[tuple[Any, ...]]

_MOVED = """
SELECT account, -sum(delta_micro)::bigint FROM mirror.movement
WHERE deployment = %s AND block > %s GROUP BY account
"""
# Bets placed above the fork (sign -1: they are removed) and bets settled there (sign 1: they are
# open again).
_BETS = """
WITH change AS (
    SELECT -1 AS sign, b.batch, b.bet FROM mirror.bet b
    WHERE b.deployment = %(deployment)s AND b.block > %(fork)s
    UNION ALL
    SELECT 1, s.batch, s.bet FROM mirror.settlement s
    WHERE s.deployment = %(deployment)s AND s.block > %(fork)s)
SELECT l.market, l.outcome, sum(c.sign * b.payout_max_micro)::bigint,
    sum(c.sign * b.stake_micro)::bigint
FROM change c
JOIN mirror.bet b ON b.deployment = %(deployment)s AND (b.batch, b.bet) = (c.batch, c.bet)
LEFT JOIN mirror.leg l ON l.deployment = b.deployment AND (l.batch, l.bet) = (b.batch, b.bet)
    AND b.legs = 1
GROUP BY l.market, l.outcome
"""
_POOL = """
SELECT coalesce(sum(-delta_micro), 0)::bigint FROM (
    SELECT delta_micro FROM mirror.house_movement WHERE deployment = %(deployment)s
        AND block > %(fork)s
    UNION ALL
    SELECT -delta_micro FROM mirror.movement WHERE deployment = %(deployment)s
        AND block > %(fork)s AND kind IN ('stake', 'payout', 'cash_out', 'refund')) AS moved
"""
_SETTLED = """
SELECT batch, -count(*)::int FROM mirror.settlement
WHERE deployment = %s AND block > %s GROUP BY batch
"""
_BATCHES = "SELECT count(*) FROM mirror.batch WHERE deployment = %s AND block > %s"
_FIXTURES = """
SELECT DISTINCT fixture FROM mirror.result_change WHERE deployment = %s AND block > %s
"""
_EXITS = "SELECT DISTINCT account FROM mirror.exit_change WHERE deployment = %s AND block > %s"
_DROP_BALANCES = """
DELETE FROM mirror.balance h USING mirror.account a
WHERE h.deployment = %(deployment)s AND a.deployment = h.deployment AND a.account = h.account
    AND a.block > %(fork)s
"""
_DROP_EXPOSURES = "DELETE FROM mirror.exposure WHERE deployment = %s AND block > %s"
_DROP_BLOCKS = "DELETE FROM mirror.block WHERE deployment = %s AND number > %s"


def roll_back_above(connection: Connection, deployment: int, fork: int) -> None:
    """Remove all blocks above number `fork`; the caller moves the checkpoint. Raises Contradiction
    when a balance or an amount of the book would be negative."""
    at = (deployment, fork)
    fixtures = [bytes(row[0]) for row in connection.execute(_FIXTURES, at)]
    accounts = [row[0] for row in connection.execute(_EXITS, at)]
    state.move_balances(connection, deployment, dict(_pairs(connection, _MOVED, at)))
    state.subtract_settled(connection, deployment, dict(_pairs(connection, _SETTLED, at)))
    book = _book_change(connection, deployment, fork)
    connection.execute(_DROP_BALANCES, {"deployment": deployment, "fork": fork})
    for table in EVENT_TABLES:
        connection.execute(
            sql.SQL("DELETE FROM mirror.{} WHERE deployment = %s AND block > %s").format(
                sql.Identifier(str(table.__tablename__))
            ),
            at,
        )
    connection.execute(_DROP_BLOCKS, at)
    state.recompute_results(connection, deployment, fixtures)
    state.move_book(connection, deployment, book, {}, fork)
    connection.execute(_DROP_EXPOSURES, at)
    state.recompute_exits(connection, deployment, accounts)
    state.recompute_paused(connection, deployment)


def delete_all(connection: Connection, deployment: int) -> None:
    """Delete all rows of a deployment, and reset its checkpoint; its number stays."""
    checkpoint.reset(connection, deployment)
    tables: tuple[type[MirrorRow], ...] = (Block, *EVENT_TABLES, *STATE_TABLES)
    for table in tables:
        connection.execute(
            sql.SQL("DELETE FROM mirror.{} WHERE deployment = %s").format(
                sql.Identifier(str(table.__tablename__))
            ),
            (deployment,),
        )
    state.open_book(connection, deployment)


def _pairs(connection: Connection, query: str, at: tuple[int, int]) -> list[tuple[int, int]]:
    return [(row[0], row[1]) for row in connection.execute(query, at)]


def _book_change(connection: Connection, deployment: int, fork: int) -> BookChange:
    change = BookChange()
    at = {"deployment": deployment, "fork": fork}
    for market, outcome, payout, stake in connection.execute(_BETS, at):
        if market is None:
            change.accumulator_stakes_micro += stake
            change.accumulators_locked_micro += payout - stake
        else:
            change.move_single(bytes(market), outcome, payout, stake)
    pool, batches = connection.execute(_POOL, at), connection.execute(_BATCHES, (deployment, fork))
    change.pool_micro = _integer(pool)
    change.batches = -_integer(batches)
    return change


def _integer(rows: psycopg.Cursor[tuple[Any, ...]]) -> int:
    row = rows.fetchone()
    assert row is not None
    return int(row[0])
