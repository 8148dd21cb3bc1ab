"""Holds the statements on the house's book: its money, its capacity and its caps."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import PENDING, fixture_sql

BOOK = f"""
WITH {DEPLOYMENT}
SELECT k.pool_micro, k.owed_micro AS open_stakes_micro, k.locked_micro, k.batch_count, k.paused,
       d.head_block, d.head_timestamp_s
FROM d JOIN mirror.book k ON k.deployment = d.id
"""  # noqa: S608 - the fragment is a constant of ours

# The part of the bankroll that neither open bets nor pending slips can claim.
CAPACITY = f"""
WITH {DEPLOYMENT}
SELECT (k.pool_micro - k.owed_micro - k.locked_micro - coalesce((
           SELECT sum(s.payout_max_micro - s.stake_micro) FROM backend.slip s
           WHERE {PENDING}), 0))::bigint AS available_micro, k.paused
FROM d JOIN mirror.book k ON k.deployment = d.id
"""  # noqa: S608 - the fragments are constants of ours

# The newest caps, and what counts against them on %(fixture)s: the exposure of its markets, and
# pending slips of one leg. Without a fixture, the caps alone.
CAPS = f"""
WITH {DEPLOYMENT}
SELECT c.market_micro::bigint AS market_micro, c.fixture_micro::bigint AS fixture_micro,
    CASE WHEN %(fixture)s::bytea IS NULL THEN NULL ELSE (
        SELECT json_agg(json_build_array(encode(x.market, 'hex'), x.payout_0_micro,
                                         x.payout_1_micro, x.payout_2_micro, x.stakes_micro))
        FROM mirror.exposure x WHERE x.deployment = d.id
            AND {fixture_sql("x.market")} = %(fixture)s::bytea) END AS exposures,
    CASE WHEN %(fixture)s::bytea IS NULL THEN NULL ELSE (
        SELECT json_agg(json_build_array(encode(l.market, 'hex'),
                                         s.payout_max_micro - s.stake_micro))
        FROM backend.slip s JOIN backend.slip_leg l ON l.slip = s.id
        WHERE {PENDING} AND {fixture_sql("l.market")} = %(fixture)s::bytea
            AND NOT EXISTS (SELECT FROM backend.slip_leg o WHERE o.slip = s.id AND o.leg > 0)
        ) END AS pending
FROM d JOIN LATERAL (
    SELECT least(c.market_micro, {2**63 - 1}) AS market_micro,
           least(c.fixture_micro, {2**63 - 1}) AS fixture_micro
    FROM mirror.caps c WHERE c.deployment = d.id
    ORDER BY c.block DESC, c.log_index DESC LIMIT 1) c ON true
"""  # noqa: S608 - the fragments are constants of ours
