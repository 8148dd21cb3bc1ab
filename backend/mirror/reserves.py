"""Holds the statements on running totals of what accepted slips could take of the house.

The totals count every slip whose receipt is outstanding at one block, `known`: as CAPACITY counts
it, see there. No later block can make a receipt outstanding that was not, so at any later block the
totals are an upper bound: of what receipts could take, of pending slips, and of what pending slips
could lock on each market.
"""

from __future__ import annotations

from backend.mirror.book import KNOWN
from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import (
    BET_OF_NONCE,
    BET_OF_SLIP,
    BETS,
    BUDGET,
    RISK,
    market_of_fixture_sql,
)

# Whether the kept totals `r` are of a block that is still in the chain of deployment `d`; before
# the first confirmed block every slip counts.
_CANONICAL = """(r.known_block = -1 OR EXISTS (SELECT FROM mirror.block kb
    WHERE kb.deployment = d.id AND kb.number = r.known_block AND kb.hash = r.known_hash))"""

# The house's money and the kept totals, null where there are none that can be used. `usable`: they
# are of a block that is not later than `known` of a reading at %(block)s.
RESERVES = f"""
WITH {DEPLOYMENT}, {KNOWN}
SELECT (k.pool_micro - k.owed_micro - k.locked_micro)::bigint AS free_micro,
       k.accumulators_micro AS locked_accumulators_micro, k.paused,
       r.risk_micro, r.budget_micro, r.accumulators_micro, r.known_timestamp_s,
       coalesce(r.known_block <= known.block, false) AS usable
FROM d JOIN mirror.book k ON k.deployment = d.id CROSS JOIN known
LEFT JOIN backend.house_reserve r ON {_CANONICAL}
"""  # noqa: S608 - the fragments are constants of ours

# Of each market of %(fixtures)s with open bets its exposure, and of each with a total what pending
# slips could lock: FIXTURES_USE from the totals.
FIXTURES_KEPT = f"""
WITH {DEPLOYMENT}
SELECT x.market, x.payout_0_micro, x.payout_1_micro, x.payout_2_micro, x.stakes_micro,
       0::bigint AS risk_micro
FROM d CROSS JOIN unnest(%(fixtures)s::bytea[]) AS w (fixture)
JOIN mirror.exposure x ON x.deployment = d.id
    AND {market_of_fixture_sql("x.market", "w.fixture")}
UNION ALL
SELECT m.market, 0, 0, 0, 0, m.risk_micro
FROM unnest(%(fixtures)s::bytea[]) AS w (fixture)
JOIN backend.market_reserve m ON {market_of_fixture_sql("m.market", "w.fixture")}
"""  # noqa: S608 - the fragments are constants of ours

# Adds accepted slips to the totals.
ADD = """
WITH markets AS (
    INSERT INTO backend.market_reserve AS m (market, risk_micro)
    SELECT * FROM unnest(%(markets)s::bytea[], %(risks_micro)s::bigint[])
    ON CONFLICT (market) DO UPDATE SET risk_micro = m.risk_micro + excluded.risk_micro)
UPDATE backend.house_reserve SET risk_micro = risk_micro + %(risk_micro)s,
    budget_micro = budget_micro + %(budget_micro)s,
    accumulators_micro = accumulators_micro + %(accumulators_micro)s
"""


def _outstanding(block: str, timestamp_s: str) -> str:
    """Whether the receipt of slip `s` is outstanding at a block, by the expressions of its number
    and time."""
    return f"""(s.accepted_at_s >= {timestamp_s} - %(receipt_window_s)s AND NOT EXISTS (
        SELECT FROM {BETS} b WHERE b.deployment = d.id AND {BET_OF_NONCE}
            AND b.block <= {block} AND {BET_OF_SLIP} OFFSET 0))"""


_SUMS = f"""coalesce(sum({RISK}), 0)::bigint AS risk_micro,
       coalesce(sum({BUDGET}), 0)::bigint AS budget_micro,
       coalesce(sum({RISK}) FILTER (WHERE s.legs > 1), 0)::bigint AS accumulators_micro"""

# The part of slips of one leg among `s`, by market.
_BY_MARKET = f"""SELECT l.market, sum({RISK})::bigint AS risk_micro
    FROM s JOIN backend.slip_leg l ON l.slip = s.id WHERE s.legs = 1 GROUP BY l.market"""  # noqa: S608 - the fragment is a constant of ours

# Counts everything again: first the house's totals, at `known` of a reading at %(block)s, then
# those of markets at the same block. Meanwhile the mirror may have a later one.
COUNT_HOUSE = f"""
WITH {DEPLOYMENT}, {KNOWN}, s AS MATERIALIZED (
    SELECT s.* FROM backend.slip s CROSS JOIN d CROSS JOIN known
    WHERE {_outstanding("known.block", "known.timestamp_s")})
INSERT INTO backend.house_reserve AS r (id, known_block, known_hash, known_timestamp_s, moved_at,
    risk_micro, budget_micro, accumulators_micro)
SELECT 1, known.block, known.hash, known.timestamp_s, clock_timestamp(), total.*
FROM known CROSS JOIN (SELECT {_SUMS} FROM s) AS total
ON CONFLICT (id) DO UPDATE SET known_block = excluded.known_block,
    known_hash = excluded.known_hash, known_timestamp_s = excluded.known_timestamp_s,
    moved_at = excluded.moved_at, risk_micro = excluded.risk_micro,
    budget_micro = excluded.budget_micro, accumulators_micro = excluded.accumulators_micro
RETURNING known_timestamp_s
"""  # noqa: S608 - the fragments are constants of ours
FORGET_MARKETS = "DELETE FROM backend.market_reserve"
COUNT_MARKETS = f"""
WITH {DEPLOYMENT}, s AS MATERIALIZED (
    SELECT s.* FROM backend.house_reserve r CROSS JOIN d JOIN backend.slip s
        ON {_outstanding("r.known_block", "r.known_timestamp_s")})
INSERT INTO backend.market_reserve (market, risk_micro)
{_BY_MARKET}
"""  # noqa: S608 - the fragments are constants of ours

# Moves the totals on to `known` of a reading at %(block)s: subtracts slips that have been placed
# as their receipts say since the block of the totals, and those whose receipts have lapsed since.
ADVANCE = f"""
WITH {DEPLOYMENT}, {KNOWN}, r AS (
    SELECT r.* FROM backend.house_reserve r CROSS JOIN d CROSS JOIN known
    WHERE {_CANONICAL} AND r.known_block < known.block
), changed AS (
    SELECT s.id FROM r CROSS JOIN d CROSS JOIN known
    JOIN mirror.bet n ON n.deployment = d.id AND n.block > r.known_block
        AND n.block <= known.block AND n.rest_of IS NULL
    JOIN backend.slip s ON s.account = n.account AND s.nonce = n.nonce
        AND s.accepted_at_s = n.accepted_at_s
    UNION
    SELECT s.id FROM r CROSS JOIN known
    JOIN backend.slip s ON s.accepted_at_s >= r.known_timestamp_s - %(receipt_window_s)s
        AND s.accepted_at_s < known.timestamp_s - %(receipt_window_s)s
), s AS MATERIALIZED (
    SELECT s.* FROM changed JOIN backend.slip s ON s.id = changed.id
    CROSS JOIN r CROSS JOIN d CROSS JOIN known
    WHERE {_outstanding("r.known_block", "r.known_timestamp_s")}
        AND NOT {_outstanding("known.block", "known.timestamp_s")}
), markets AS (
    UPDATE backend.market_reserve m SET risk_micro = m.risk_micro - o.risk_micro
    FROM ({_BY_MARKET}) o
    WHERE m.market = o.market
)
UPDATE backend.house_reserve h SET known_block = known.block, known_hash = known.hash,
    known_timestamp_s = known.timestamp_s, moved_at = clock_timestamp(),
    risk_micro = h.risk_micro - o.risk_micro, budget_micro = h.budget_micro - o.budget_micro,
    accumulators_micro = h.accumulators_micro - o.accumulators_micro
FROM r CROSS JOIN known CROSS JOIN (SELECT {_SUMS} FROM s) AS o
WHERE h.id = r.id
"""  # noqa: S608 - the fragments are constants of ours

# Whether the totals have not been moved for %(quiet_s)s.
DUE = """
SELECT FROM backend.house_reserve
WHERE clock_timestamp() - moved_at > make_interval(secs => %(quiet_s)s)
"""

# The totals that are not the sums of the slips that they count, each by its name, with both.
DIFFERENCES = f"""
WITH {DEPLOYMENT}, r AS (
    SELECT r.* FROM backend.house_reserve r CROSS JOIN d WHERE {_CANONICAL}
), s AS MATERIALIZED (
    SELECT s.* FROM r CROSS JOIN d JOIN backend.slip s
        ON {_outstanding("r.known_block", "r.known_timestamp_s")}
), total AS (SELECT {_SUMS} FROM s), market AS ({_BY_MARKET})
SELECT * FROM (
    SELECT v.* FROM r CROSS JOIN total CROSS JOIN LATERAL (VALUES
        ('house_reserve.risk_micro', r.risk_micro, total.risk_micro),
        ('house_reserve.budget_micro', r.budget_micro, total.budget_micro),
        ('house_reserve.accumulators_micro', r.accumulators_micro, total.accumulators_micro)
    ) AS v (name, kept_micro, counted_micro)
    UNION ALL
    SELECT 'market_reserve of 0x' || encode(coalesce(m.market, market.market), 'hex'),
        coalesce(m.risk_micro, 0), coalesce(market.risk_micro, 0)
    FROM backend.market_reserve m FULL JOIN market ON market.market = m.market
    WHERE EXISTS (SELECT FROM r)) AS compared
WHERE kept_micro <> counted_micro ORDER BY name
"""  # noqa: S608 - the fragments are constants of ours
