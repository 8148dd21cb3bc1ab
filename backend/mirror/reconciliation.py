"""Holds the checks of what the backend accepted against what the mirror shows.

Each counts the rows that break its rule: 0 when all is well.
"""

from __future__ import annotations

from backend.mirror.fragments import (
    BET_OF_NONCE,
    BET_OF_SLIP,
    live_transaction_sql,
    skips_of_slip_sql,
)
from backend.mirror.reserves import DIFFERENCES
from backend.mirror.slips import BATCH_ONLY
from protocol.placed_event import SkipReason

_LIVE = live_transaction_sql("%(head)s")
_BET_OF_NONCE = f"""b.deployment = %(deployment)s AND {BET_OF_NONCE}
    AND b.rest_of IS NULL AND b.instead_of IS NULL"""
_SKIPS_OF_SLIP = skips_of_slip_sql("%(deployment)s")
_RETRIED = f"{SkipReason.NONCE_USED:d}, {BATCH_ONLY}"
_SUBMISSIONS = """SELECT count(*) FROM backend.submission u
    JOIN backend.chain_transaction t ON t.id = u.transaction"""

RESERVES_DIFFER = "reserves_differ_from_slips"

CHECKS: dict[str, str] = {
    # A slip that was placed may be skipped as a replay, or before its receipt placed it.
    "slip_placed_and_refused": f"""
        WITH s AS MATERIALIZED (
            SELECT s.* FROM backend.slip s
            WHERE EXISTS (SELECT {_SKIPS_OF_SLIP} AND k.reason NOT IN ({_RETRIED})))
        SELECT count(*) FROM s
        WHERE EXISTS (SELECT FROM mirror.bet b WHERE b.deployment = %(deployment)s
            AND {BET_OF_SLIP} AND b.rest_of IS NULL)""",  # noqa: S608 - constants of ours
    "slip_placed_twice": """
        SELECT count(*) FROM (
            SELECT FROM mirror.bet WHERE deployment = %(deployment)s AND rest_of IS NULL
                AND instead_of IS NULL
            GROUP BY account, nonce HAVING count(*) > 1) AS twice""",
    "slip_submitted_twice": f"""
        SELECT count(*) FROM backend.slip s
        WHERE s.accepted_at_s >= %(now_s)s - %(receipt_window_s)s
          AND ({_SUBMISSIONS} WHERE u.slip = s.id AND {_LIVE}) > 1""",  # noqa: S608 - constants of ours
    # Accepted, and by the mirror's own time too late for the chain, with neither a bet nor a
    # reason there. Whether the bet is as the receipt says is the next check's matter.
    "slip_lost": f"""
        SELECT count(*) FROM backend.slip s
        WHERE s.accepted_at_s < %(head_s)s - %(receipt_window_s)s
          AND NOT EXISTS (SELECT FROM mirror.bet b WHERE {_BET_OF_NONCE})
          AND NOT EXISTS (SELECT {_SKIPS_OF_SLIP} AND k.reason NOT IN ({BATCH_ONLY}))""",  # noqa: S608 - constants of ours
    # A bet that is not as the receipt says, and that no other slip explains by its time of
    # acceptance, took the nonce of one.
    "bet_differs_from_slip": f"""
        SELECT count(*) FROM backend.slip s JOIN mirror.bet b ON b.deployment = %(deployment)s
            AND b.account = s.account AND b.nonce = s.nonce AND b.rest_of IS NULL
        WHERE NOT {BET_OF_SLIP}
          AND NOT EXISTS (SELECT FROM backend.slip o WHERE o.account = b.account
              AND o.nonce = b.nonce AND o.accepted_at_s = b.accepted_at_s AND o.id <> s.id)""",  # noqa: S608 - constants of ours
    "balance_differs_from_movements": """
        SELECT count(*) FROM
            (SELECT account, sum(delta_micro) AS micro FROM mirror.movement
             WHERE deployment = %(deployment)s GROUP BY account) AS moved
            FULL JOIN
            (SELECT account, balance_micro AS micro FROM mirror.balance
             WHERE deployment = %(deployment)s) AS held USING (account)
        WHERE coalesce(moved.micro, 0) <> coalesce(held.micro, 0)""",
    "balance_negative": """
        SELECT count(*) FROM mirror.balance
        WHERE deployment = %(deployment)s AND balance_micro < 0""",
    "stakes_differ_from_bets": """
        SELECT count(*) FROM
            (SELECT batch, sum(stake_micro) AS micro FROM mirror.bet
             WHERE deployment = %(deployment)s AND rest_of IS NULL GROUP BY batch) AS bets
            FULL JOIN
            (SELECT batch, -sum(delta_micro) AS micro FROM mirror.movement
             WHERE deployment = %(deployment)s AND kind = 'stake' GROUP BY batch) AS moved
            USING (batch)
        WHERE coalesce(bets.micro, 0) <> coalesce(moved.micro, 0)""",
    "payouts_differ_from_settlements": """
        SELECT count(*) FROM
            (SELECT batch, sum(payout_micro) AS micro FROM mirror.settlement
             WHERE deployment = %(deployment)s GROUP BY batch) AS settled
            FULL JOIN
            (SELECT batch, sum(delta_micro) AS micro FROM mirror.movement
             WHERE deployment = %(deployment)s AND kind IN ('payout', 'cash_out', 'refund')
             GROUP BY batch) AS moved
            USING (batch)
        WHERE coalesce(settled.micro, 0) <> coalesce(moved.micro, 0)""",
    # What is accepted and waits must be covered by the balance it waits for.
    "pending_above_balance": f"""
        SELECT count(*) FROM
            (SELECT s.account, sum(s.stake_micro) AS micro FROM backend.slip s
             WHERE s.accepted_at_s >= %(now_s)s - %(receipt_window_s)s
               AND NOT EXISTS (SELECT FROM mirror.bet b WHERE {_BET_OF_NONCE})
               AND NOT EXISTS (SELECT {_SKIPS_OF_SLIP})
             GROUP BY s.account) AS pending
            LEFT JOIN mirror.balance h
                ON h.deployment = %(deployment)s AND h.account = pending.account
        WHERE pending.micro > coalesce(h.balance_micro, 0)""",  # noqa: S608 - constants of ours
    # The first of these stops acceptance (backend.reports.reserves).
    RESERVES_DIFFER: f"SELECT count(*) FROM ({DIFFERENCES}) AS differing",  # noqa: S608 - the same
}
