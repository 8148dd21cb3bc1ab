"""Owns reading bets from the mirror; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.database import Database
from backend.stages import stage_sql

_D = """
d AS (SELECT id, head_block, head_timestamp_s, confirmed_block, final_block
      FROM mirror.deployment
      WHERE chain_id = %(chain_id)s AND lower(sportsbook) = lower(%(sportsbook)s)
        AND head_block IS NOT NULL)
"""
_BETS = f"""
WITH {_D}
SELECT b.batch, b.bet, b.account, b.nonce, b.stake_micro, b.payout_max_micro, b.accepted_at_s,
       b.rest_of, t.tx_hash, s.payout_micro, s.cashed_out, s.tx_hash AS settlement_tx_hash,
       {stage_sql("coalesce(s.block, b.block)")} AS stage,
       (SELECT json_agg(json_build_object('market', encode(l.market, 'hex'),
                                          'outcome', l.outcome, 'odds_e4', l.odds_e4,
                                          'fixture', f.name) ORDER BY l.leg)
        FROM mirror.leg l LEFT JOIN backend.fixture f ON f.id = l.fixture
        WHERE l.deployment = d.id AND l.batch = b.batch AND l.bet = b.bet) AS legs
FROM d JOIN mirror.bet b ON b.deployment = d.id
JOIN mirror.batch t ON t.deployment = d.id AND t.batch = b.batch
LEFT JOIN mirror.settlement s ON s.deployment = d.id AND s.batch = b.batch AND s.bet = b.bet
"""  # noqa: S608 - the fragment is a constant of ours
_STATES = {
    "open": " AND s.payout_micro IS NULL",
    "settled": " AND s.payout_micro IS NOT NULL",
    None: "",
}
_BEFORE = " AND (b.batch, b.bet) < (%(batch)s, %(bet)s)"
_ORDER = " ORDER BY b.batch DESC, b.bet DESC LIMIT %(limit)s"

_BOOK = f"""
WITH {_D}
SELECT k.pool_micro, k.open_stakes_micro, k.locked_micro, k.batch_count, k.paused,
       d.head_block, d.head_timestamp_s
FROM d JOIN mirror.book k ON k.deployment = d.id
"""  # noqa: S608 - the fragment is a constant of ours


async def bets_of_account(
    database: Database,
    key: Mapping[str, Any],
    account: int,
    state: str | None,
    before: tuple[int, ...] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Bets of an account, the newest first; `before` is batch and bet of the last one seen."""
    statement = _BETS + " WHERE b.account = %(account)s" + _STATES[state]
    parameters = {**key, "account": account, "limit": limit}
    if before is not None:
        statement += _BEFORE
        parameters |= {"batch": before[0], "bet": before[1]}
    return await database.rows(statement + _ORDER, parameters)


async def bet(
    database: Database, key: Mapping[str, Any], batch: int, number: int
) -> dict[str, Any] | None:
    """One bet."""
    statement = _BETS + " WHERE b.batch = %(batch)s AND b.bet = %(bet)s"
    return await database.row(statement, {**key, "batch": batch, "bet": number})


async def book(database: Database, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The house's book; None while the mirror has none."""
    return await database.row(_BOOK, key)
