"""Holds the statements on accounts: owner, state and movements."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT, FIRST_HASH
from backend.mirror.fragments import LIVE_QUOTE, PENDING, stage_sql
from protocol.limits import NONCE_WINDOW

# An account by %(account)s or by %(owner)s; its columns are null when there is none. Its relayed
# requests are numbered from 0, without gaps.
ACCOUNT = f"""
WITH {DEPLOYMENT}
SELECT a.account, a.owner,
       (SELECT coalesce(max(r.number) + 1, 0) FROM mirror.relay r
        WHERE r.deployment = d.id AND r.account = a.account) AS request_number
FROM d
LEFT JOIN mirror.account a ON a.deployment = d.id
     AND (a.account = %(account)s OR lower(a.owner) = lower(%(owner)s))
"""  # noqa: S608 - the fragment is a constant of ours

# What every decision about %(accounts)s needs, one row for each of them.
CONTEXTS = f"""
WITH {DEPLOYMENT}
SELECT w.account, d.head_timestamp_s, a.owner, {FIRST_HASH}
FROM d CROSS JOIN unnest(%(accounts)s::bigint[]) AS w (account)
LEFT JOIN mirror.account a ON a.deployment = d.id AND a.account = w.account
"""  # noqa: S608 - the fragment is a constant of ours

# The state of account `w`. One statement, so that all is of the same moment. The contract's window
# is the highest nonce of a bet and the NONCE_WINDOW below it; all before are used. A countersigned
# withdrawal reserves its amount until its deadline, or until the mirror shows more withdrawals than
# when it was granted; exits do not count among these. A quote that can be used counts as
# a pending slip.
STATE_OF = f"""
SELECT coalesce((SELECT balance_micro FROM mirror.balance b
                 WHERE b.deployment = d.id AND b.account = w.account), 0) AS balance_micro,
       coalesce((SELECT e.amount_micro FROM mirror.exit_request e
                 WHERE e.deployment = d.id AND e.account = w.account), 0) AS exit_micro,
       (SELECT e.unlocks_at_s FROM mirror.exit_request e
        WHERE e.deployment = d.id AND e.account = w.account) AS exit_unlocks_at_s,
       coalesce((SELECT sum(g.amount_micro) FROM backend.withdrawal g
                 WHERE g.account = w.account AND g.deadline_s >= d.head_timestamp_s
                   AND g.withdrawals_before >= m.withdrawals), 0)::bigint AS withdrawals_micro,
       ARRAY(SELECT DISTINCT b.nonce FROM mirror.bet b WHERE b.deployment = d.id
                 AND b.account = w.account AND b.rest_of IS NULL AND b.instead_of IS NULL
             ORDER BY b.nonce DESC LIMIT {NONCE_WINDOW + 1}) AS placed_nonces,
       coalesce((SELECT max(x.until_s) FROM mirror.exclusion x WHERE x.deployment = d.id
                   AND x.account = w.account), 0) AS last_exclusion_s,
       coalesce(c.last_nonce, 0) AS cancelled_nonce,
       coalesce(c.cancelled_at_s, 0) AS cancelled_at_s,
       coalesce((SELECT max(o.last_nonce) FROM mirror.cancellation o
                 WHERE o.deployment = d.id AND o.account = w.account
                   AND (o.block, o.log_index) < (c.block, c.log_index)), 0) AS cancelled_before,
       p.*, m.withdrawals, d.head_timestamp_s
FROM d
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(o.nonce), ARRAY[]::integer[]) AS pending_nonces,
           coalesce(sum(o.stake_micro), 0)::bigint AS pending_micro
    FROM (SELECT s.nonce, s.stake_micro FROM backend.slip s
          WHERE s.account = w.account AND {PENDING}
          UNION ALL SELECT q.nonce, q.stake_micro FROM backend.quote q
          WHERE q.account = w.account AND {LIVE_QUOTE}) o) p
LEFT JOIN LATERAL (
    SELECT c.* FROM mirror.cancellation c
    WHERE c.deployment = d.id AND c.account = w.account
    ORDER BY c.block DESC, c.log_index DESC LIMIT 1) c ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS withdrawals FROM mirror.movement m
    WHERE m.deployment = d.id AND m.account = w.account AND m.kind = 'withdrawal'
        AND m.by_exit IS NOT TRUE) m
"""  # noqa: S608 - the fragments are constants of ours
# The states of %(accounts)s, a row for each.
STATES = f"""
WITH {DEPLOYMENT}
SELECT w.account, state.* FROM unnest(%(accounts)s::bigint[]) AS w (account)
CROSS JOIN LATERAL ({STATE_OF}) state
"""  # noqa: S608 - the fragments are constants of ours

# Movements of an account, the newest first, from the one after a cursor's.
MOVEMENTS = f"""
WITH {DEPLOYMENT}
SELECT m.kind, m.delta_micro, m.block, m.log_index, m.seq, m.batch, m.bet,
       b.timestamp_s AS at_s, {stage_sql("m.block")} AS stage,
       coalesce(m.tx_hash, CASE m.kind WHEN 'stake' THEN t.tx_hash ELSE s.tx_hash END) AS tx_hash
FROM d JOIN mirror.movement m ON m.deployment = d.id
JOIN mirror.block b ON b.deployment = d.id AND b.number = m.block
LEFT JOIN mirror.batch t ON t.deployment = d.id AND t.batch = m.batch
LEFT JOIN mirror.settlement s ON s.deployment = d.id AND s.batch = m.batch AND s.bet = m.bet
WHERE m.account = %(account)s
  AND (%(block)s::bigint IS NULL OR (m.block, m.log_index, m.seq)
       < (%(block)s::bigint, %(log_index)s::bigint, %(seq)s::bigint))
ORDER BY m.block DESC, m.log_index DESC, m.seq DESC
LIMIT %(limit)s
"""  # noqa: S608 - the fragments are constants of ours

# Countersigned withdrawals of an account, the newest first, from the one after a cursor's. One was
# paid by the withdrawal that the mirror shows after as many others as when it was granted, if that
# was in time: the next one may have been granted after it had expired.
WITHDRAWALS = f"""
WITH {DEPLOYMENT}, paid AS (
    SELECT row_number() OVER (ORDER BY m.block, m.log_index, m.seq) - 1 AS before,
           -m.delta_micro AS amount_micro, m.block, b.timestamp_s
    FROM d JOIN mirror.movement m ON m.deployment = d.id
    JOIN mirror.block b ON b.deployment = d.id AND b.number = m.block
    WHERE m.account = %(account)s AND m.kind = 'withdrawal' AND m.by_exit IS NOT TRUE)
SELECT w.account, w.amount_micro, w.deadline_s, w.sequence, w.struct_hash, w.house_signature,
       w.granted_at_s, p.block, w.deadline_s < d.head_timestamp_s AS expired, w.granted_seq
FROM d CROSS JOIN (
    SELECT w.*, row_number() OVER (
        ORDER BY w.granted_at_s, w.withdrawals_before, w.deadline_s) AS granted_seq
    FROM backend.withdrawal w WHERE w.account = %(account)s) w
LEFT JOIN paid p ON p.before = w.withdrawals_before AND p.amount_micro = w.amount_micro
     AND p.timestamp_s <= w.deadline_s
WHERE (%(struct_hash)s::bytea IS NULL OR w.struct_hash = %(struct_hash)s::bytea)
  AND (%(granted_seq)s::bigint IS NULL OR w.granted_seq < %(granted_seq)s::bigint)
ORDER BY w.granted_seq DESC
LIMIT %(limit)s
"""  # noqa: S608 - the fragments are constants of ours
