"""Holds the statements on accepted slips: their status, those that wait, those that count."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import (
    PLACED,
    SKIPPED,
    fixture_sql,
    legs_json,
    live_transaction_sql,
)

_SUBMITTED = f"""EXISTS (SELECT FROM backend.submission u
                  JOIN backend.chain_transaction t ON t.id = u.transaction
                  WHERE u.slip = s.id AND {live_transaction_sql("d.head_block")})"""

# A slip with its bet, or the first reason for which the contract left it out.
STATUS = f"""
WITH {DEPLOYMENT}
SELECT s.id, s.account, s.nonce, s.stake_micro, s.min_odds_e4, s.deadline_s, s.struct_hash,
       s.accepted_at_s, s.receipt_signature, s.payout_max_micro, b.batch, b.bet, k.reason,
       t.tx_hash, s.accepted_at_s < d.head_timestamp_s - %(receipt_window_s)s AS expired,
       {_SUBMITTED} AS submitted,
       {legs_json("backend.slip_leg", fixture_sql("l.market"), "l.slip = s.id")}
FROM backend.slip s CROSS JOIN d
LEFT JOIN mirror.bet b ON b.deployment = d.id AND b.account = s.account AND b.nonce = s.nonce
    AND b.rest_of IS NULL
LEFT JOIN mirror.batch t ON t.deployment = d.id AND t.batch = b.batch
LEFT JOIN LATERAL (SELECT reason FROM mirror.skip k
                   WHERE k.deployment = d.id AND k.account = s.account AND k.nonce = s.nonce
                   ORDER BY k.batch, k.seq LIMIT 1) k ON true
WHERE s.id = %(id)s
"""  # noqa: S608 - the fragments are constants of ours

# Slips that are neither on the chain nor in a transaction, the oldest first. One statement, so that
# the mirror's head and what the mirror shows are of the same moment.
WAITING = f"""
SELECT s.id, s.account, s.nonce, s.stake_micro, s.min_odds_e4, s.deadline_s, s.accepted_at_s,
       s.signature, s.struct_hash, a.owner
FROM backend.slip s
JOIN mirror.deployment d ON d.id = %(deployment)s
JOIN mirror.account a ON a.deployment = d.id AND a.account = s.account
WHERE s.accepted_at_s >= %(oldest_s)s
  AND NOT {PLACED}
  AND NOT {SKIPPED}
  AND NOT {_SUBMITTED}
ORDER BY s.accepted_at_s, s.account, s.nonce
LIMIT %(limit)s
"""  # noqa: S608 - the fragments are constants of ours

# Legs of slips on any of %(fixtures)s that move odds. One that the contract left out does not; one
# that it placed and, when it was sent again, left out does.
COUNTED_LEGS = f"""
WITH {DEPLOYMENT}
SELECT s.id::text AS slip, s.stake_micro, l.market, l.outcome, l.odds_e4
FROM backend.slip s JOIN backend.slip_leg l ON l.slip = s.id
WHERE EXISTS (
    SELECT FROM backend.slip_leg o
    WHERE o.slip = s.id AND {fixture_sql("o.market")} = ANY(%(fixtures)s)
) AND (
    NOT EXISTS (
        SELECT FROM mirror.skip k JOIN d ON k.deployment = d.id
        WHERE k.account = s.account AND k.nonce = s.nonce
    ) OR EXISTS (
        SELECT FROM mirror.bet b JOIN d ON b.deployment = d.id
        WHERE b.account = s.account AND b.nonce = s.nonce
    )
)
ORDER BY s.id, l.leg
"""  # noqa: S608 - the fragment is a constant of ours
