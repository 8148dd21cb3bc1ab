"""Holds the statements on the bankroll's shares and on what open bets lock of it."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import market_of_fixture_sql, stage_sql

# The book and the price of a share, at the head.
LIQUIDITY = f"""
WITH {DEPLOYMENT}
SELECT k.pool_micro, k.owed_micro, k.locked_micro, k.accumulators_micro,
       p.commission_bps, p.shares::text AS shares,
       p.commission_micro::numeric(78, 0)::text AS commission_micro,
       p.enter_micro::numeric(78, 0)::text AS enter_micro,
       p.leave_micro::numeric(78, 0)::text AS leave_micro,
       d.head_block, d.head_timestamp_s
FROM d JOIN mirror.book k ON k.deployment = d.id
JOIN mirror.share_price p ON p.deployment = d.id
"""  # noqa: S608 - the fragment is a constant of ours

# Deposits of providers and their withdrawals, the newest first, from the one after a cursor's. The
# price is what one share cost or brought, in micro-units: a share has six decimals more than the
# token.
SHARE_MOVEMENTS = f"""
WITH {DEPLOYMENT}
SELECT m.kind, m.owner, abs(m.shares)::text AS shares, m.block, m.log_index,
       div(abs(m.assets) * 1000000, t.units)::text AS assets_micro,
       div(abs(m.assets) * 1000000 * 1000000, abs(m.shares))::text AS price_micro,
       b.timestamp_s AS at_s, {stage_sql("m.block")} AS stage
FROM d JOIN mirror.share_movement m ON m.deployment = d.id
JOIN mirror.block b ON b.deployment = d.id AND b.number = m.block
JOIN LATERAL (SELECT 10::numeric ^ v.token_decimals AS units
              FROM mirror.deployment v WHERE v.id = d.id) t ON true
WHERE m.shares <> 0
  AND (%(owner)s::text IS NULL OR lower(m.owner) = lower(%(owner)s::text))
  AND (%(block)s::bigint IS NULL
       OR (m.block, m.log_index) < (%(block)s::bigint, %(log_index)s::bigint))
ORDER BY m.block DESC, m.log_index DESC
LIMIT %(limit)s
"""  # noqa: S608 - the fragments are constants of ours

# The open single bets of each fixture that starts after %(since_s)s, by market. Fixtures are looked
# up, not the markets of all that was ever played.
EXPOSURES = f"""
WITH {DEPLOYMENT}
SELECT f.id, f.name, f.starts_at_s, x.markets
FROM d JOIN backend.fixture f ON f.starts_at_s > %(since_s)s
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array(encode(x.market, 'hex'), x.payout_0_micro, x.payout_1_micro,
                                     x.payout_2_micro, x.stakes_micro, x.owed_micro)) AS markets
    FROM mirror.exposure x
    WHERE x.deployment = d.id AND x.stakes_micro > 0
      AND {market_of_fixture_sql("x.market", "f.id")}) x
WHERE x.markets IS NOT NULL
"""  # noqa: S608 - the fragments are constants of ours

# The price of a share at the mirror's head, in one row; none while there is no price.
SHARE_PRICE = f"""
WITH {DEPLOYMENT}
SELECT d.head_timestamp_s AS now_s, p.enter_micro, p.leave_micro
FROM d JOIN mirror.share_price p ON p.deployment = d.id
WHERE p.enter_micro IS NOT NULL AND p.leave_micro IS NOT NULL
"""  # noqa: S608 - the fragment is a constant of ours
