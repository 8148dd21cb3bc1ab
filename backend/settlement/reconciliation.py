"""Owns comparing what the backend promised with what the mirror shows; repairs nothing.

Every accepted slip is exactly one of placed, refused, expired and pending; every sum of money has
two sides. Each check counts what breaks that rule: 0 in good order.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, Engine, text
from sqlmodel import Session

from backend.settlement.tables import Reconciliation
from backend.transactions.deployment import Deployment, read_mirror
from backend.transactions.store import LIVE_SQL

log = structlog.get_logger(__name__)

_LIVE = LIVE_SQL.replace(":mirror_head", ":head")
_BET_OF_SLIP = """b.deployment = :deployment AND b.account = s.account AND b.nonce = s.nonce
    AND b.rest_of IS NULL"""
_SKIP_OF_SLIP = "k.deployment = :deployment AND k.account = s.account AND k.nonce = s.nonce"
_SUBMISSIONS = """SELECT count(*) FROM backend.submission u
    JOIN backend.chain_transaction t ON t.id = u.transaction"""
_NONCE_USED = 3

CHECKS: dict[str, str] = {
    # A slip that was placed may be skipped as a replay, and for no other reason.
    "slip_placed_and_refused": f"""
        SELECT count(*) FROM backend.slip s
        WHERE EXISTS (SELECT FROM mirror.bet b WHERE {_BET_OF_SLIP})
          AND EXISTS (SELECT FROM mirror.skip k
                      WHERE {_SKIP_OF_SLIP} AND k.reason <> {_NONCE_USED})""",  # noqa: S608 - constants of ours
    "slip_placed_twice": """
        SELECT count(*) FROM (
            SELECT FROM mirror.bet WHERE deployment = :deployment AND rest_of IS NULL
            GROUP BY account, nonce HAVING count(*) > 1) AS twice""",
    "slip_submitted_twice": f"""
        SELECT count(*) FROM backend.slip s
        WHERE s.accepted_at_s >= :now_s - :receipt_window_s
          AND ({_SUBMISSIONS} WHERE u.slip = s.id AND {_LIVE}) > 1""",  # noqa: S608 - constants of ours
    # Accepted, and by the mirror's own time too late for the chain, with neither a bet nor a
    # reason there.
    "slip_lost": f"""
        SELECT count(*) FROM backend.slip s
        WHERE s.accepted_at_s < :head_s - :receipt_window_s
          AND NOT EXISTS (SELECT FROM mirror.bet b WHERE {_BET_OF_SLIP})
          AND NOT EXISTS (SELECT FROM mirror.skip k WHERE {_SKIP_OF_SLIP})""",  # noqa: S608 - constants of ours
    "bet_differs_from_slip": f"""
        SELECT count(*) FROM backend.slip s JOIN mirror.bet b ON {_BET_OF_SLIP}
        WHERE (b.stake_micro, b.accepted_at_s) <> (s.stake_micro, s.accepted_at_s)
           OR (SELECT array_agg((l.market, l.outcome::int, l.odds_e4::bigint) ORDER BY l.leg)
               FROM backend.slip_leg l WHERE l.slip = s.id)
              IS DISTINCT FROM
              (SELECT array_agg((l.market, l.outcome::int, l.odds_e4::bigint) ORDER BY l.leg)
               FROM mirror.leg l
               WHERE l.deployment = b.deployment AND l.batch = b.batch AND l.bet = b.bet)""",  # noqa: S608 - constants of ours
    "balance_differs_from_movements": """
        SELECT count(*) FROM
            (SELECT account, sum(delta_micro) AS micro FROM mirror.movement
             WHERE deployment = :deployment GROUP BY account) AS moved
            FULL JOIN
            (SELECT account, balance_micro AS micro FROM mirror.balance
             WHERE deployment = :deployment) AS held USING (account)
        WHERE coalesce(moved.micro, 0) <> coalesce(held.micro, 0)""",
    "balance_negative": """
        SELECT count(*) FROM mirror.balance
        WHERE deployment = :deployment AND balance_micro < 0""",
    "stakes_differ_from_bets": """
        SELECT count(*) FROM
            (SELECT batch, sum(stake_micro) AS micro FROM mirror.bet
             WHERE deployment = :deployment AND rest_of IS NULL GROUP BY batch) AS bets
            FULL JOIN
            (SELECT batch, -sum(delta_micro) AS micro FROM mirror.movement
             WHERE deployment = :deployment AND kind = 'stake' GROUP BY batch) AS moved
            USING (batch)
        WHERE coalesce(bets.micro, 0) <> coalesce(moved.micro, 0)""",
    "payouts_differ_from_settlements": """
        SELECT count(*) FROM
            (SELECT batch, sum(payout_micro) AS micro FROM mirror.settlement
             WHERE deployment = :deployment GROUP BY batch) AS settled
            FULL JOIN
            (SELECT batch, sum(delta_micro) AS micro FROM mirror.movement
             WHERE deployment = :deployment AND kind IN ('payout', 'cash_out')
             GROUP BY batch) AS moved
            USING (batch)
        WHERE coalesce(settled.micro, 0) <> coalesce(moved.micro, 0)""",
    # What is accepted and waits must be covered by the balance it waits for.
    "pending_above_balance": f"""
        SELECT count(*) FROM
            (SELECT s.account, sum(s.stake_micro) AS micro FROM backend.slip s
             WHERE s.accepted_at_s >= :now_s - :receipt_window_s
               AND NOT EXISTS (SELECT FROM mirror.bet b WHERE {_BET_OF_SLIP})
               AND NOT EXISTS (SELECT FROM mirror.skip k WHERE {_SKIP_OF_SLIP})
             GROUP BY s.account) AS pending
            LEFT JOIN mirror.balance h
                ON h.deployment = :deployment AND h.account = pending.account
        WHERE pending.micro > coalesce(h.balance_micro, 0)""",  # noqa: S608 - constants of ours
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A check that did not come out at 0."""

    check: str
    count: int


def reconcile(
    engine: Engine, deployment: Deployment, now_s: int, receipt_window_s: int
) -> list[Difference]:
    """Run every check on one snapshot of the database, keep and log what they found. Raises
    MirrorMissing."""
    mirror = read_mirror(engine, deployment)
    values = {
        "deployment": mirror.deployment,
        "head": mirror.head,
        "head_s": mirror.head_timestamp_s,
        "now_s": now_s,
        "receipt_window_s": receipt_window_s,
    }
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as connection:
        counts = {name: _count(connection, sql, values) for name, sql in CHECKS.items()}
    with Session(engine) as session:
        for name, count in counts.items():
            session.merge(Reconciliation(name=name, differences=count, checked_s=now_s))
        session.commit()
    found = [Difference(name, count) for name, count in counts.items() if count]
    for difference in found:
        log.error("reconciliation.difference", check=difference.check, count=difference.count)
    return found


def _count(connection: Connection, sql: str, values: dict[str, int]) -> int:
    statement = text(sql)
    names = statement.compile().params
    return int(connection.execute(statement, {n: values[n] for n in names}).scalar_one())
