"""Holds the statements on keys, results and gas, as the mirror has them."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import stage_sql

# Every key that was ever granted, the newest first.
KEYS = f"""
WITH {DEPLOYMENT}
SELECT g.address, g.role, g.budget_micro, g.from_s, b.timestamp_s AS retired_at_s
FROM d JOIN mirror.key_grant g ON g.deployment = d.id
LEFT JOIN mirror.key_retirement r ON r.deployment = d.id AND r.address = g.address
LEFT JOIN mirror.block b ON b.deployment = d.id AND b.number = r.block
ORDER BY g.block DESC, g.log_index DESC
"""  # noqa: S608 - the fragment is a constant of ours

# Results with the council that decided them, the newest first, from the one after a cursor's.
RESULTS = f"""
WITH {DEPLOYMENT}
SELECT r.fixture, f.name, r.status, r.home_half, r.away_half, r.home_full, r.away_full,
       r.published_at_s, r.final_at_s, r.corrected, r.disputed, r.block, r.log_index,
       d.head_timestamp_s, {stage_sql("r.block")} AS stage,
       c.term, c.signers, c.threshold, c.arbiter
FROM d JOIN mirror.result r ON r.deployment = d.id
LEFT JOIN backend.fixture f ON f.id = r.fixture
LEFT JOIN mirror.fixture m ON m.deployment = d.id AND m.fixture = r.fixture
LEFT JOIN mirror.council c ON c.deployment = d.id AND c.term = m.term
WHERE %(block)s::bigint IS NULL
   OR (r.block, r.log_index) < (%(block)s::bigint, %(log_index)s::bigint)
ORDER BY r.block DESC, r.log_index DESC
LIMIT %(limit)s
"""  # noqa: S608 - the fragments are constants of ours

# The gas of the newest %(batches)s batches whose receipts are read.
GAS = f"""
WITH {DEPLOYMENT}
SELECT count(*) AS batches, coalesce(sum(g.placed), 0)::bigint AS bets,
       coalesce(sum(g.placing_gas), 0)::bigint AS placing_gas,
       coalesce(sum(g.placed) FILTER (WHERE g.open_bets = 0), 0)::bigint AS settled_bets,
       coalesce(sum(g.settling_gas) FILTER (WHERE g.open_bets = 0), 0)::bigint AS settling_gas
FROM d CROSS JOIN LATERAL (
    SELECT v.* FROM mirror.batch_gas v
    WHERE v.deployment = d.id AND v.batch > (SELECT k.batch_count FROM mirror.book k
                                             WHERE k.deployment = d.id) - %(batches)s
      AND v.placing_gas IS NOT NULL AND v.settling_gas IS NOT NULL) g
"""  # noqa: S608 - the fragment is a constant of ours
