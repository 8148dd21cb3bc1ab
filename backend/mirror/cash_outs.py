"""Holds the statements that pricing and sending a cash-out need."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import live_transaction_sql

# A bet with its owner, how certain it is, whether it has ended, its batch's lists, its legs with
# fixture and result, and of a single the exposure of its market.
OFFERABLE = f"""
WITH {DEPLOYMENT}
SELECT b.batch, b.bet, b.account, b.stake_micro, b.accepted_at_s, a.owner,
       coalesce(b.block <= d.final_block, false) AS final, t.markets, t.records,
       EXISTS (SELECT FROM mirror.settlement s WHERE s.deployment = d.id
               AND s.batch = b.batch AND s.bet = b.bet) AS ended,
       d.head_timestamp_s,
       (SELECT json_agg(json_build_object(
            'market', encode(l.market, 'hex'), 'outcome', l.outcome, 'odds_e4', l.odds_e4,
            'name', f.name, 'closes_at_s', f.starts_at_s, 'status', f.status, 'market_status',
            m.status, 'result', CASE WHEN r.fixture IS NOT NULL THEN json_build_object(
                'status', r.status, 'home_half', r.home_half, 'away_half', r.away_half,
                'home_full', r.home_full, 'away_full', r.away_full,
                'settled_at_s', r.settled_at_s) END,
            'published_at_s', r.published_at_s, 'final_at_s', r.final_at_s) ORDER BY l.leg)
        FROM mirror.leg l LEFT JOIN backend.fixture f ON f.id = l.fixture
        LEFT JOIN backend.market m ON m.id = l.market
        LEFT JOIN mirror.result r ON r.deployment = d.id AND r.fixture = l.fixture
        WHERE l.deployment = d.id AND l.batch = b.batch AND l.bet = b.bet) AS legs,
       (SELECT json_build_array(x.payout_0_micro, x.payout_1_micro, x.payout_2_micro,
                                x.stakes_micro)
        FROM mirror.leg l JOIN mirror.exposure x ON x.deployment = d.id AND x.market = l.market
        WHERE l.deployment = d.id AND l.batch = b.batch AND l.bet = b.bet AND b.legs = 1
       ) AS exposure
FROM d JOIN mirror.bet b ON b.deployment = d.id
JOIN mirror.account a ON a.deployment = d.id AND a.account = b.account
JOIN mirror.batch t ON t.deployment = d.id AND t.batch = b.batch
WHERE b.batch = %(batch)s AND b.bet = %(bet)s
"""  # noqa: S608 - the fragments are constants of ours

# An account whose cash-outs came to nothing on the chain so often within a day is relayed no more:
# an owner who signs at the last moment would make the house pay for transactions that are too late.
MOST_WITHOUT_EFFECT = 3
WITHOUT_EFFECT_S = 86_400
_UNRELAYED = f"""
SELECT f.account FROM backend.chain_transaction t
JOIN backend.cash_out_submission u ON u.transaction = t.id
JOIN backend.cash_out_offer f ON f.id = u.offer
WHERE t.kind = 'cash_out' AND t.status IN ('failed', 'replaced')
  AND t.included_s > extract(epoch FROM now()) - {WITHOUT_EFFECT_S}
GROUP BY f.account HAVING count(*) >= {MOST_WITHOUT_EFFECT}
"""  # noqa: S608 - the numbers are constants of ours

# Whether %(account)s is one of these.
IS_UNRELAYED = f"SELECT %(account)s IN ({_UNRELAYED}) AS unrelayed"

# Of each open bet the first offer that its owner has signed, unless one is in a transaction that
# can take effect; what waits longest first.
SIGNED = f"""
WITH unrelayed AS MATERIALIZED ({_UNRELAYED})
SELECT * FROM (
    SELECT DISTINCT ON (o.batch, o.bet) o.id, o.account, o.batch, o.bet, o.stake_micro,
           o.price_micro, o.offered_at_s, o.deadline_s, o.house_signature,
           o.owner_signature, t.markets, t.records, b.legs, a.owner
    FROM backend.cash_out_offer o
    JOIN mirror.bet b ON b.deployment = %(deployment)s AND b.batch = o.batch AND b.bet = o.bet
    JOIN mirror.batch t ON t.deployment = %(deployment)s AND t.batch = o.batch
    JOIN mirror.account a ON a.deployment = %(deployment)s AND a.account = o.account
    JOIN mirror.deployment d ON d.id = %(deployment)s
    WHERE o.owner_signature IS NOT NULL
      AND o.account NOT IN (SELECT account FROM unrelayed)
      AND NOT EXISTS (
          SELECT FROM backend.cash_out_offer other
          JOIN backend.cash_out_submission u ON u.offer = other.id
          JOIN backend.chain_transaction t ON t.id = u.transaction
          WHERE other.batch = o.batch AND other.bet = o.bet
            AND (other.id = o.id OR {live_transaction_sql("d.head_block")}))
      AND o.deadline_s >= %(now_s)s AND o.offered_at_s <= %(now_s)s
      AND NOT EXISTS (SELECT FROM mirror.settlement s WHERE s.deployment = %(deployment)s
                      AND s.batch = o.batch AND s.bet = o.bet)
    ORDER BY o.batch, o.bet, o.offered_at_s
) one_of_each_bet
ORDER BY offered_at_s, id LIMIT %(limit)s
"""  # noqa: S608 - the fragments are constants of ours

# An offer, and what became of it: its transaction, and how the bet ended.
OFFER = f"""
WITH {DEPLOYMENT}
SELECT o.*, t.status AS transaction_status, t.hash AS tx_hash, s.cashed_out,
       s.payout_micro, s.tx_hash AS settlement_tx_hash, d.head_timestamp_s > o.deadline_s AS expired
FROM d CROSS JOIN backend.cash_out_offer o
LEFT JOIN backend.cash_out_submission u ON u.offer = o.id
LEFT JOIN backend.chain_transaction t ON t.id = u.transaction
LEFT JOIN mirror.settlement s ON s.deployment = d.id AND s.batch = o.batch AND s.bet = o.bet
WHERE o.id = %(id)s
"""  # noqa: S608 - the fragments are constants of ours
