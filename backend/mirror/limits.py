"""Holds the statement on what an account has deposited, staked and lost of late."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import LIVE_QUOTE, PENDING

# For each length in %(periods)s, of the time before %(now_s)s. A stake counts when its bet was
# accepted, whoever placed it; what is left of a bet, and one that replaced another, is no new
# stake. Pending slips and quotes are not on the chain yet.
USE = f"""
WITH {DEPLOYMENT}, pending AS (
    SELECT coalesce(sum(o.stake_micro), 0)::bigint AS micro FROM (
        SELECT s.stake_micro FROM d JOIN backend.slip s ON s.account = %(account)s AND {PENDING}
        UNION ALL SELECT q.stake_micro
        FROM d JOIN backend.quote q ON q.account = %(account)s AND {LIVE_QUOTE}) o
), moved AS (
    SELECT m.kind, m.delta_micro, b.timestamp_s
    FROM d JOIN mirror.movement m ON m.deployment = d.id AND m.account = %(account)s
    JOIN mirror.block b ON b.deployment = d.id AND b.number = m.block
    WHERE b.timestamp_s > %(now_s)s - (SELECT max(l) FROM unnest(%(periods)s::bigint[]) AS l)
)
SELECT p.seconds,
       coalesce((SELECT sum(delta_micro) FROM moved
                 WHERE kind = 'deposit' AND timestamp_s > %(now_s)s - p.seconds), 0)::bigint
           AS deposit_micro,
       coalesce((SELECT sum(x.stake_micro) FROM d JOIN mirror.bet x ON x.deployment = d.id
                 WHERE x.account = %(account)s AND x.rest_of IS NULL AND x.instead_of IS NULL
                   AND x.accepted_at_s > %(now_s)s - p.seconds), 0)::bigint
           + (SELECT micro FROM pending) AS stake_micro,
       greatest(0, -coalesce((SELECT sum(delta_micro) FROM moved
                 WHERE kind IN ('stake', 'payout', 'cash_out', 'refund')
                   AND timestamp_s > %(now_s)s - p.seconds), 0))::bigint
           + (SELECT micro FROM pending) AS loss_micro
FROM d CROSS JOIN unnest(%(periods)s::bigint[]) AS p (seconds)
"""  # noqa: S608 - the fragments are constants of ours
