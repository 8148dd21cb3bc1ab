"""Holds the statements on accepted slips: their status, those that wait, those that count."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import (
    BET_OF_NONCE,
    BET_OF_SLIP,
    BETS,
    NONCE_USED,
    fixture_sql,
    legs_json,
    live_transaction_sql,
    skips_of_slip_sql,
    stage_sql,
)
from protocol.placed_event import SkipReason

_SUBMITTED = f"""EXISTS (SELECT FROM backend.submission u
                  JOIN backend.chain_transaction t ON t.id = u.transaction
                  WHERE u.slip = s.id AND {live_transaction_sql("d.head_block")})"""

# A slip `s` with its bet or, if none is as its receipt says (`as_receipt`), the newest that has its
# nonce; and the first reason for which the contract left it out.
SLIPS = f"""
SELECT s.id, s.account, s.nonce, s.stake_micro, s.min_odds_e4, s.deadline_s, s.struct_hash,
       s.accepted_at_s, s.receipt_signature, s.payout_max_micro, b.batch, b.bet, b.as_receipt,
       CASE WHEN b.batch IS NOT NULL THEN {stage_sql("b.block")} END AS stage,
       k.reason, t.tx_hash, s.accepted_at_s < d.head_timestamp_s - %(receipt_window_s)s AS expired,
       {_SUBMITTED} AS submitted,
       {legs_json("backend.slip_leg", fixture_sql("l.market"), "l.slip = s.id")}
FROM s CROSS JOIN d
LEFT JOIN LATERAL (SELECT b.batch, b.bet, b.block, {BET_OF_SLIP} AS as_receipt FROM {BETS} b
                   WHERE b.deployment = d.id AND {BET_OF_NONCE}
                   ORDER BY as_receipt DESC, b.batch DESC LIMIT 1) b ON true
LEFT JOIN mirror.batch t ON t.deployment = d.id AND t.batch = b.batch
LEFT JOIN LATERAL (SELECT k.reason {skips_of_slip_sql("d.id")}
                   ORDER BY k.batch, k.seq LIMIT 1) k ON true
"""  # noqa: S608 - the fragments are constants of ours


def _chosen(choice: str) -> str:
    """The statement on the slips of a choice from backend.slip."""
    return f"WITH {DEPLOYMENT}, s AS (SELECT * FROM backend.slip s {choice}) {SLIPS}"  # noqa: S608


STATUS = _chosen("WHERE s.id = %(id)s")
STATUS_BY_HASH = _chosen("WHERE s.struct_hash = %(struct_hash)s")

# Slips of an account, those accepted last first, from the one after a cursor's.
_NEWEST_FIRST = "ORDER BY s.accepted_at_s DESC, s.nonce DESC"
OF_ACCOUNT = (
    _chosen(f"""WHERE s.account = %(account)s AND (%(accepted_at_s)s::bigint IS NULL
        OR (s.accepted_at_s, s.nonce) < (%(accepted_at_s)s::bigint, %(nonce)s::bigint))
    {_NEWEST_FIRST} LIMIT %(limit)s""")
    + _NEWEST_FIRST
)

# Reasons for which a batch leaves out a slip that its receipt can still place: it came too late,
# the result came first, or a limit that is not for receipts.
BATCH_ONLY = ", ".join(
    f"{reason:d}"
    for reason in (
        SkipReason.MARKET_CLOSED,
        SkipReason.ACCEPTANCE_OUTSIDE_WINDOW,
        SkipReason.EXPOSURE_EXCEEDED,
        SkipReason.CAP_EXCEEDED,
    )
)

# Slips whose nonce no bet has, and that are in no transaction, the oldest first; of those that the
# contract left out, those that their receipts can place, and those that came at a wrong time, which
# a reorg can make right: their age decides. One statement, so that the mirror's head
# and what the mirror shows are of the same moment.
WAITING = f"""
SELECT s.id, s.account, s.nonce, s.stake_micro, s.min_odds_e4, s.deadline_s, s.accepted_at_s,
       s.signature, s.struct_hash, s.receipt_signature, a.owner,
       coalesce(k.last <> {SkipReason.ACCEPTANCE_OUTSIDE_WINDOW:d}, false) AS left_out
FROM backend.slip s
JOIN mirror.deployment d ON d.id = %(deployment)s
JOIN mirror.account a ON a.deployment = d.id AND a.account = s.account
LEFT JOIN LATERAL (SELECT k.reason AS last {skips_of_slip_sql("d.id")}
                   ORDER BY k.batch DESC, k.seq DESC LIMIT 1) k ON true
WHERE s.accepted_at_s >= %(oldest_s)s
  AND (k.last IS NULL OR k.last IN ({BATCH_ONLY}))
  AND NOT {NONCE_USED}
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
        SELECT {skips_of_slip_sql("(SELECT id FROM d)")}
    ) OR EXISTS (
        SELECT FROM {BETS} b JOIN d ON b.deployment = d.id
        WHERE {BET_OF_SLIP}
    )
)
ORDER BY s.id, l.leg
"""  # noqa: S608 - the fragments are constants of ours
