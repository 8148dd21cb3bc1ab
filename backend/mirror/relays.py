"""Holds the statements on what owners have signed for the house to send."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import stage_sql

# A relay with less time left than this is not sent any more: it would come too late.
LEAST_LEFT_S = 15

_DEPOSITS = "('permit', 'authorization')"

# The newest transaction of relay `r`, as `t`.
_TRANSACTION = """
LEFT JOIN LATERAL (
    SELECT t.status, t.hash, t.block, t.block_hash, t.gas_used FROM backend.relay_submission u
    JOIN backend.chain_transaction t ON t.id = u.transaction
    WHERE u.relay = r.id ORDER BY t.created_s DESC, t.nonce DESC LIMIT 1) t ON true
"""

# Whether the mirror has the block that transaction `t` is in: after a reorg it has another one.
_IS_SHOWN = """EXISTS (SELECT FROM mirror.block b WHERE b.deployment = d.id
                  AND b.number = t.block AND b.hash = t.block_hash)"""

# A relay `r` of deployment `d`, and what became of it.
RELAY_COLUMNS = f"""
SELECT r.*, t.status AS transaction_status, t.hash AS tx_hash, t.block,
       coalesce(r.account, a.account) AS of_account,
       {_IS_SHOWN} AS shown, {stage_sql("t.block")} AS stage,
       d.head_timestamp_s > r.deadline_s - {LEAST_LEFT_S} AS expired
FROM d CROSS JOIN backend.relay r
LEFT JOIN mirror.account a ON a.deployment = d.id AND a.owner = r.owner
{_TRANSACTION}
"""  # noqa: S608 - the fragments are constants of ours
_RELAYS = f"WITH {DEPLOYMENT} {RELAY_COLUMNS}"

# What became of one relay.
RELAY = f"{_RELAYS} WHERE r.hash = %(hash)s"

# Those of an owner, the newest first, from the one after a cursor's.
OF_OWNER = f"""{_RELAYS}
WHERE r.owner = %(owner)s AND (%(id)s::bigint IS NULL OR r.id < %(id)s::bigint)
ORDER BY r.id DESC LIMIT %(limit)s
"""

# The gas of the relays that were accepted in the last %(hour_s)s, by the machine's clock: what was
# mined has cost what it used, and what was given up without a transaction nothing.
GAS_OF_HOUR = f"""
SELECT coalesce(sum(coalesce(t.gas_used, r.gas)), 0)::bigint
FROM backend.relay r {_TRANSACTION}
WHERE r.counted_at_s > extract(epoch FROM now())::bigint - %(hour_s)s
  AND (r.reason IS NULL OR EXISTS (SELECT FROM backend.relay_submission u WHERE u.relay = r.id))
"""  # noqa: S608 - the fragment is a constant of ours

# What an owner's next relay of this kind depends on: one that can still take effect, and what has
# been sent lately. Times are of the machine.
STANDING = f"""
WITH {DEPLOYMENT}, now AS (SELECT extract(epoch FROM now())::bigint AS s), own AS (
    SELECT r.hash, r.counted_at_s, r.deadline_s, r.reason, t.status, {_IS_SHOWN} AS shown
    FROM d CROSS JOIN backend.relay r {_TRANSACTION}
    WHERE r.owner = %(owner)s AND (r.kind IN {_DEPOSITS}) = %(is_deposit)s
      AND (r.counted_at_s > (SELECT s FROM now) - %(day_s)s
           OR t.status IN ('prepared', 'sent'))
)
SELECT now.s AS counted_at_s,
       (SELECT own.hash FROM own WHERE own.status IN ('prepared', 'sent')
            OR (own.status = 'mined' AND NOT own.shown)
            OR (coalesce(own.status, 'replaced') = 'replaced' AND own.reason IS NULL
                AND own.deadline_s - {LEAST_LEFT_S} >= d.head_timestamp_s)
        LIMIT 1) AS live,
       (SELECT count(*) FROM own WHERE own.counted_at_s > now.s - %(hour_s)s) AS in_hour,
       (SELECT min(own.counted_at_s) FROM own WHERE own.counted_at_s > now.s - %(hour_s)s)
           AS first_in_hour_s,
       (SELECT count(*) FROM own) AS in_day,
       (SELECT min(own.counted_at_s) FROM own) AS first_in_day_s,
       (SELECT count(*) FROM own WHERE own.status = 'failed') AS failed_in_day,
       ({GAS_OF_HOUR}) AS gas_of_hour,
       (SELECT min(r.counted_at_s) FROM backend.relay r
        WHERE r.counted_at_s > now.s - %(hour_s)s) AS first_of_hour_s
FROM d CROSS JOIN now
"""  # noqa: S608 - the fragments are constants of ours

# Of each owner the first deposit and the first request that are in no transaction, or in one whose
# nonce was given away, unless another one is on its way, as after a reorg; what waits longest
# first, but what would revert last. One that reverted on the chain is not sent again.
UNSENT = f"""
SELECT * FROM (
    SELECT DISTINCT ON (r.owner, r.kind IN {_DEPOSITS}) r.*,
           (SELECT count(*) FROM backend.relay_submission u WHERE u.relay = r.id) AS tries
    FROM backend.relay r {_TRANSACTION}
    WHERE r.reason IS NULL AND r.deadline_s - {LEAST_LEFT_S} >= %(now_s)s
      AND coalesce(t.status, 'replaced') = 'replaced'
      AND NOT EXISTS (
          SELECT FROM backend.relay o
          JOIN backend.relay_submission ou ON ou.relay = o.id
          JOIN backend.chain_transaction ot ON ot.id = ou.transaction
          WHERE o.owner = r.owner AND (o.kind IN {_DEPOSITS}) = (r.kind IN {_DEPOSITS})
            AND ot.status IN ('prepared', 'sent'))
    ORDER BY r.owner, r.kind IN {_DEPOSITS}, r.id
) first_of_each
ORDER BY reverting_since_s IS NOT NULL, id LIMIT %(limit)s
"""  # noqa: S608 - the fragments are constants of ours
