"""Holds the statements on the house's book: its money, its capacity and its caps."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import (
    BET_OF_NONCE,
    BET_OF_SLIP,
    BETS,
    BUDGET,
    IN_WINDOW,
    PENDING,
    RISK,
    market_of_fixture_sql,
)

BOOK = f"""
WITH {DEPLOYMENT}
SELECT k.pool_micro, k.owed_micro, k.locked_micro, k.batch_count, k.paused,
       d.head_block, d.head_timestamp_s
FROM d JOIN mirror.book k ON k.deployment = d.id
"""  # noqa: S608 - the fragment is a constant of ours

# A common table expression `known`: the block at which receipts are judged, see CAPACITY; block -1
# at time 0 where there is none.
KNOWN = """
known AS (
    SELECT coalesce(r.number, -1) AS block, r.hash, coalesce(r.timestamp_s, 0) AS timestamp_s
    FROM d LEFT JOIN mirror.block r ON r.deployment = d.id AND d.confirmed_block IS NOT NULL
        AND r.number = least(%(block)s, d.confirmed_block))"""

# The part of the bankroll that neither open bets nor pending slips can claim, what accumulators
# lock or could lock, and what outstanding receipts could still take: of the house's free money, and
# of their key's budget. A receipt is outstanding until it lapses or is placed as it says. What
# counts is the block `known`: one that the chain had when the budget was read (%(block)s), since
# later bets may have taken of it; and one that is confirmed, since a reorg could otherwise return
# the receipt, or set back the clock.
CAPACITY = f"""
WITH {DEPLOYMENT}, {KNOWN}
SELECT (k.pool_micro - k.owed_micro - k.locked_micro - p.pending_micro)::bigint AS available_micro,
       p.outstanding_micro::bigint AS outstanding_micro,
       p.outstanding_budget_micro::bigint AS outstanding_budget_micro,
       (k.accumulators_micro + p.accumulators_micro)::bigint AS accumulators_micro, k.paused
FROM d JOIN mirror.book k ON k.deployment = d.id CROSS JOIN known
CROSS JOIN LATERAL (
    SELECT coalesce(sum({RISK}) FILTER (WHERE o.pending), 0) AS pending_micro,
           coalesce(sum({RISK}) FILTER (WHERE o.pending AND s.legs > 1), 0) AS accumulators_micro,
           coalesce(sum({RISK}) FILTER (WHERE NOT o.placed), 0) AS outstanding_micro,
           coalesce(sum({BUDGET}) FILTER (WHERE NOT o.placed), 0) AS outstanding_budget_micro
    FROM backend.slip s CROSS JOIN LATERAL (
        SELECT {IN_WINDOW} AND count(*) = 0 AS pending,
               coalesce(bool_or(b.block <= known.block AND {BET_OF_SLIP}), false) AS placed
        FROM {BETS} b WHERE b.deployment = d.id AND {BET_OF_NONCE}) o
    WHERE s.accepted_at_s >= known.timestamp_s - %(receipt_window_s)s) p
"""  # noqa: S608 - the fragments are constants of ours

# What counts against the caps of %(fixtures)s, a row for each: the exposure of its markets, and
# pending slips of one leg.
FIXTURES_USE = f"""
WITH {DEPLOYMENT}
SELECT w.fixture,
       (SELECT json_agg(json_build_array(encode(x.market, 'hex'), x.payout_0_micro,
                                         x.payout_1_micro, x.payout_2_micro, x.stakes_micro))
        FROM mirror.exposure x
        WHERE x.deployment = d.id
          AND {market_of_fixture_sql("x.market", "w.fixture")}) AS exposures,
       (SELECT json_agg(json_build_array(encode(p.market, 'hex'), p.risk_micro))
        FROM (SELECT l.market, sum({RISK})::bigint AS risk_micro
              FROM backend.slip s JOIN backend.slip_leg l ON l.slip = s.id
              WHERE s.legs = 1 AND {PENDING} AND {market_of_fixture_sql("l.market", "w.fixture")}
              GROUP BY l.market) p) AS pending
FROM d CROSS JOIN unnest(%(fixtures)s::bytea[]) AS w (fixture)
"""  # noqa: S608 - the fragments are constants of ours
