"""Holds the statements on the house's book: its money, its capacity and its caps."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import BET_OF_SLIP, PENDING, RISK, market_of_fixture_sql

BOOK = f"""
WITH {DEPLOYMENT}
SELECT k.pool_micro, k.owed_micro, k.locked_micro, k.batch_count, k.paused,
       d.head_block, d.head_timestamp_s
FROM d JOIN mirror.book k ON k.deployment = d.id
"""  # noqa: S608 - the fragment is a constant of ours

# The part of the bankroll that neither open bets nor pending slips can claim, what accumulators
# lock or could lock, and what receipts could still take of their key's budget since %(block)s, the
# block of which that is known.
CAPACITY = f"""
WITH {DEPLOYMENT}
SELECT (k.pool_micro - k.owed_micro - k.locked_micro - p.pending_micro)::bigint AS available_micro,
       p.outstanding_micro::bigint AS outstanding_micro,
       (k.accumulators_micro + p.accumulators_micro)::bigint AS accumulators_micro, k.paused
FROM d JOIN mirror.book k ON k.deployment = d.id
CROSS JOIN LATERAL (
    SELECT coalesce(sum({RISK}) FILTER (WHERE b.block IS NULL), 0) AS pending_micro,
           coalesce(sum({RISK}), 0) AS outstanding_micro,
           coalesce(sum({RISK}) FILTER (WHERE b.block IS NULL AND s.legs > 1), 0)
               AS accumulators_micro
    FROM backend.slip s
    LEFT JOIN mirror.bet b ON b.deployment = d.id AND {BET_OF_SLIP} AND b.rest_of IS NULL
    WHERE s.accepted_at_s >= d.head_timestamp_s - %(receipt_window_s)s
      AND (b.block IS NULL OR b.block > %(block)s)) p
"""  # noqa: S608 - the fragments are constants of ours

# What counts against the caps of %(fixture)s: the exposure of its markets, and pending slips of one
# leg.
FIXTURE_USE = f"""
WITH {DEPLOYMENT}
SELECT (SELECT json_agg(json_build_array(encode(x.market, 'hex'), x.payout_0_micro,
                                         x.payout_1_micro, x.payout_2_micro, x.stakes_micro))
        FROM mirror.exposure x WHERE x.deployment = d.id AND {market_of_fixture_sql("x.market")}
       ) AS exposures,
       (SELECT json_agg(json_build_array(encode(p.market, 'hex'), p.risk_micro))
        FROM (SELECT l.market, sum({RISK})::bigint AS risk_micro
              FROM backend.slip s JOIN backend.slip_leg l ON l.slip = s.id
              WHERE s.legs = 1 AND {PENDING} AND {market_of_fixture_sql("l.market")}
              GROUP BY l.market) p) AS pending
FROM d
"""  # noqa: S608 - the fragments are constants of ours
