"""Holds the statement that finds what a receipt needs to be enforced."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import (
    BET_OF_NONCE,
    BET_OF_SLIP,
    BETS,
    fixture_sql,
    legs_json,
)

# A slip with its owner, and the bet that has its nonce: the one of its receipt if it is placed,
# else one that is still open.
ENFORCEABLE = f"""
WITH {DEPLOYMENT}
SELECT s.id, s.account, s.nonce, s.stake_micro, s.min_odds_e4, s.deadline_s, s.accepted_at_s,
       s.signature, s.struct_hash, s.receipt_signature, a.owner, d.head_timestamp_s,
       b.batch, b.bet, b.as_receipt, b.ended, t.markets, t.records,
       {legs_json("backend.slip_leg", fixture_sql("l.market"), "l.slip = s.id")}
FROM backend.slip s CROSS JOIN d
JOIN mirror.account a ON a.deployment = d.id AND a.account = s.account
LEFT JOIN LATERAL (
    SELECT b.batch, b.bet, {BET_OF_SLIP} AS as_receipt,
           EXISTS (SELECT FROM mirror.settlement e WHERE e.deployment = d.id
                   AND e.batch = b.batch AND e.bet = b.bet) AS ended
    FROM {BETS} b WHERE b.deployment = d.id AND {BET_OF_NONCE}
    ORDER BY as_receipt DESC, ended, b.batch DESC LIMIT 1) b ON true
LEFT JOIN mirror.batch t ON t.deployment = d.id AND t.batch = b.batch
WHERE s.id = %(id)s
"""  # noqa: S608 - the fragments are constants of ours
