"""Maintains the rows that hold the state at the head: balances, exposures, book, results, exits.

Each is maintained by adding deltas, forward and on rollback, or by recomputing it from its
newest change. So a block that was rolled back leaves what a sync without it would have left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import psycopg

from indexer.decode.bet_reader import Bet, read_bets, split_stored
from indexer.errors import Contradiction
from indexer.mirror.book_change import BookChange, MarketChange, market_changes_micro
from indexer.mirror.decided_market import DecidingResult, owed_micro
from indexer.mirror.house_rows import PAUSED_ROLE
from protocol.exposure import Exposure
from protocol.market_id import FIXTURE_BYTES
from protocol.outcomes import Score

Connection = psycopg.Connection[tuple[Any, ...]]

_BATCHES = """
SELECT batch, markets, records, placed FROM mirror.batch
WHERE deployment = %s AND batch = ANY(%s)
"""
_UNSETTLED = """
UPDATE mirror.batch b SET open_bets = b.open_bets - c.settled
FROM unnest(%s::bigint[], %s::int[]) AS c (batch, settled)
WHERE b.deployment = %s AND b.batch = c.batch
"""
_OPEN_BOOK = """
INSERT INTO mirror.book (deployment, pool_micro, owed_micro, locked_micro, accumulators_micro,
                         batch_count, paused)
VALUES (%s, 0, 0, 0, 0, 0, false) ON CONFLICT (deployment) DO NOTHING
"""
_BALANCES = """
INSERT INTO mirror.balance AS held (deployment, account, balance_micro)
SELECT %s, account, delta FROM unnest(%s::bigint[], %s::bigint[]) AS c (account, delta)
ON CONFLICT (deployment, account)
DO UPDATE SET balance_micro = held.balance_micro + excluded.balance_micro
RETURNING balance_micro
"""
_EXPOSURES = """
INSERT INTO mirror.exposure AS held (deployment, market, payout_0_micro, payout_1_micro,
                                     payout_2_micro, stakes_micro, block, marked_block)
SELECT %s, c.* FROM unnest(%s::bytea[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                           %s::bigint[], %s::bigint[]) AS c
ON CONFLICT (deployment, market) DO UPDATE
SET payout_0_micro = held.payout_0_micro + excluded.payout_0_micro,
    payout_1_micro = held.payout_1_micro + excluded.payout_1_micro,
    payout_2_micro = held.payout_2_micro + excluded.payout_2_micro,
    stakes_micro = held.stakes_micro + excluded.stakes_micro,
    marked_block = coalesce(held.marked_block, excluded.marked_block)
RETURNING market, marked_block, owed_micro, payout_0_micro, payout_1_micro, payout_2_micro,
    stakes_micro
"""
_MARKED = """
UPDATE mirror.exposure h SET owed_micro = c.owed,
    marked_block = CASE WHEN c.owed IS NOT NULL THEN h.marked_block END
FROM unnest(%s::bytea[], %s::bigint[]) AS c (market, owed)
WHERE h.deployment = %s AND h.market = c.market
"""
_DECIDING = """
SELECT fixture, status, home_half, away_half, home_full, away_full, settled_at_s, published_at_s
FROM mirror.result WHERE deployment = %s AND fixture = ANY(%s)
"""
_BOOK = """
UPDATE mirror.book SET pool_micro = pool_micro + %s, owed_micro = owed_micro + %s,
    locked_micro = locked_micro + %s, accumulators_micro = accumulators_micro + %s,
    batch_count = batch_count + %s
WHERE deployment = %s
RETURNING pool_micro, owed_micro, locked_micro, accumulators_micro, batch_count
"""
# The term of the council that stood then: the highest so far.
_FIXTURES = """
INSERT INTO mirror.fixture (deployment, fixture, block, log_index, term)
SELECT %(deployment)s, f.fixture, f.block, f.log_index, coalesce((
    SELECT max(c.term) FROM mirror.council c
    WHERE c.deployment = %(deployment)s
        AND (c.block, c.log_index) < (f.block, f.log_index)), 0)
FROM unnest(%(fixtures)s::bytea[], %(blocks)s::bigint[], %(log_indexes)s::int[])
    AS f (fixture, block, log_index)
ON CONFLICT (deployment, fixture) DO NOTHING
"""
_PAUSED = """
UPDATE mirror.book SET paused = coalesce((
    SELECT value = 1 FROM mirror.role_change
    WHERE deployment = %(deployment)s AND contract = 'Sportsbook' AND role = %(role)s
    ORDER BY block DESC, log_index DESC LIMIT 1), false)
WHERE deployment = %(deployment)s
"""
_DROP_RESULTS = "DELETE FROM mirror.result WHERE deployment = %s AND fixture = ANY(%s)"
# A correction has no time of publication, and a dispute has only the time when it will be final.
_PUT_RESULTS = """
INSERT INTO mirror.result (deployment, fixture, block, log_index, status, home_half, away_half,
    home_full, away_full, settled_at_s, published_at_s, final_at_s, corrected, disputed)
SELECT t.deployment, t.fixture, n.block, n.log_index, t.status, t.home_half, t.away_half,
    t.home_full, t.away_full, t.settled_at_s, p.published_at_s, n.final_at_s, t.kind = 'corrected',
    n.kind = 'disputed'
FROM (SELECT DISTINCT ON (fixture) * FROM mirror.result_change
      WHERE deployment = %(deployment)s AND fixture = ANY(%(fixtures)s)
      ORDER BY fixture, block DESC, log_index DESC) AS n
JOIN (SELECT DISTINCT ON (fixture) * FROM mirror.result_change
      WHERE deployment = %(deployment)s AND fixture = ANY(%(fixtures)s) AND kind <> 'disputed'
      ORDER BY fixture, block DESC, log_index DESC) AS t USING (fixture)
JOIN mirror.result_change p ON p.deployment = %(deployment)s AND p.fixture = n.fixture
    AND p.kind = 'published'
"""
_DROP_EXITS = "DELETE FROM mirror.exit_request WHERE deployment = %s AND account = ANY(%s)"
_PUT_EXITS = """
INSERT INTO mirror.exit_request (deployment, account, amount_micro, unlocks_at_s)
SELECT deployment, account, amount_micro, unlocks_at_s FROM (
    SELECT DISTINCT ON (account) * FROM mirror.exit_change
    WHERE deployment = %s AND account = ANY(%s)
    ORDER BY account, block DESC, log_index DESC) AS newest
WHERE amount_micro > 0
"""


def open_book(connection: Connection, deployment: int) -> None:
    """Insert the book of a deployment if it has none."""
    connection.execute(_OPEN_BOOK, (deployment,))


def stored_bets(
    connection: Connection, deployment: int, batches: Collection[int]
) -> dict[int, list[Bet]]:
    """The bets of batches that are in the mirror."""
    if not batches:
        return {}
    rows = connection.execute(_BATCHES, (deployment, list(batches)))
    return {
        batch: read_bets(split_stored(markets, records, n)) for batch, markets, records, n in rows
    }


def move_balances(connection: Connection, deployment: int, changes: Mapping[int, int]) -> None:
    """Add to balances. Raises Contradiction when one would be negative."""
    if not changes:
        return
    rows = connection.execute(
        _BALANCES, (deployment, list(changes), list(changes.values()))
    ).fetchall()
    if min(balance for (balance,) in rows) < 0:
        raise Contradiction("the balance of an account would be negative")


def subtract_settled(connection: Connection, deployment: int, settled: Mapping[int, int]) -> None:
    """Subtract settled bets from the open bets of batches."""
    if settled:
        connection.execute(_UNSETTLED, (list(settled), list(settled.values()), deployment))


def move_book(
    connection: Connection,
    deployment: int,
    change: BookChange,
    market_blocks: Mapping[bytes, int],
    fork: int | None = None,
) -> None:
    """Add to exposures and book; `market_blocks` has, for new markets, the block of the first bet.
    With a `fork`, markets that were marked above it are no longer marked. Results must be
    those after the change. Raises Contradiction when an amount would be negative."""
    owed_change, locked_change = change.accumulator_stakes_micro, change.accumulators_locked_micro
    if change.exposures:
        markets = _move_exposures(connection, deployment, change, market_blocks, fork)
        singles = market_changes_micro(markets, change.exposures)
        owed_change += singles.owed_micro
        locked_change += singles.locked_micro
    deltas = (
        *(change.pool_micro, owed_change, locked_change, change.accumulators_locked_micro),
        change.batches,
    )
    if any(deltas):
        book = connection.execute(_BOOK, (*deltas, deployment)).fetchone()
        if book is None or min(book) < 0:
            raise Contradiction("an amount of the book would be negative")


def _move_exposures(
    connection: Connection,
    deployment: int,
    change: BookChange,
    market_blocks: Mapping[bytes, int],
    fork: int | None,
) -> list[MarketChange]:
    """Add to exposures, and store what the bets of marked markets are owed."""
    markets = list(change.exposures)
    amounts_by_part = map(list, zip(*change.exposures.values(), strict=True))
    first_blocks = [market_blocks.get(market, 0) for market in markets]
    marked_blocks = [change.marked.get(market) for market in markets]
    rows = connection.execute(
        _EXPOSURES, (deployment, markets, *amounts_by_part, first_blocks, marked_blocks)
    ).fetchall()
    exposures = {bytes(market): Exposure(*amounts) for market, _, _, *amounts in rows}
    # What is owed was stored if and only if the market was marked before this change.
    before = {bytes(market): owed for market, _, owed, *_ in rows}
    marked = [bytes(market) for market, block, *_ in rows if _is_marked(block, fork)]
    after: dict[bytes, int | None] = {}
    if marked:
        results = _deciding_results(connection, deployment, marked)
        for market in marked:
            result = results.get(market[:FIXTURE_BYTES])
            after[market] = owed_micro(market, exposures[market], result)
    after |= {m: None for m, owed in before.items() if owed is not None and m not in after}
    if after:
        connection.execute(_MARKED, (list(after), list(after.values()), deployment))
    return [
        MarketChange(market, exposure, before[market], after.get(market))
        for market, exposure in exposures.items()
    ]


def _is_marked(block: int | None, fork: int | None) -> bool:
    return block is not None and (fork is None or block <= fork)


def _deciding_results(
    connection: Connection, deployment: int, markets: Collection[bytes]
) -> dict[bytes, DecidingResult]:
    fixtures = list({market[:FIXTURE_BYTES] for market in markets})
    return {
        bytes(fixture): DecidingResult(status, Score(*goals), settled_at_s, published_at_s)
        for fixture, status, *goals, settled_at_s, published_at_s in connection.execute(
            _DECIDING, (deployment, fixtures)
        )
    }


def add_fixtures(
    connection: Connection, deployment: int, first_seen: Mapping[bytes, tuple[int, int]]
) -> None:
    """Add fixtures that are new, with the term of the council that decides them; `first_seen` has
    block and index of the log. The councils of the range must be stored."""
    if first_seen:
        blocks, log_indexes = map(list, zip(*first_seen.values(), strict=True))
        connection.execute(
            _FIXTURES,
            {
                "deployment": deployment,
                "fixtures": list(first_seen),
                "blocks": blocks,
                "log_indexes": log_indexes,
            },
        )


def recompute_paused(connection: Connection, deployment: int) -> None:
    """Recompute from the newest event whether placing is paused."""
    connection.execute(_PAUSED, {"deployment": deployment, "role": PAUSED_ROLE})


def recompute_results(connection: Connection, deployment: int, fixtures: Collection[bytes]) -> None:
    """Recompute the results of fixtures from their newest events."""
    if fixtures:
        connection.execute(_DROP_RESULTS, (deployment, list(fixtures)))
        connection.execute(_PUT_RESULTS, {"deployment": deployment, "fixtures": list(fixtures)})


def recompute_exits(connection: Connection, deployment: int, accounts: Collection[int]) -> None:
    """Recompute the exit requests of accounts from their newest events."""
    if accounts:
        connection.execute(_DROP_EXITS, (deployment, list(accounts)))
        connection.execute(_PUT_EXITS, (deployment, list(accounts)))
