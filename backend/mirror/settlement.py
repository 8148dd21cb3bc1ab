"""Holds the statements on what can be published and settled now."""

from __future__ import annotations

from backend.mirror.fragments import live_transaction_sql, starts_at_sql

_LIVE = live_transaction_sql("d.head_block")

# Fixtures of ours that started by %(started_s)s, without a result on the chain or in a transaction.
UNPUBLISHED = f"""
SELECT f.id FROM backend.fixture f JOIN mirror.deployment d ON d.id = %(deployment)s
WHERE f.starts_at_s <= %(started_s)s
  AND NOT EXISTS (SELECT FROM mirror.result r WHERE r.deployment = d.id AND r.fixture = f.id)
  AND NOT EXISTS (SELECT FROM backend.publication p
                  JOIN backend.chain_transaction t ON t.id = p.transaction
                  WHERE p.fixture = f.id AND {_LIVE})
"""  # noqa: S608 - the fragment is a constant of ours

# Bets whose legs are all decided at %(now_s)s, neither settled nor in a transaction that settles
# them. The same rule as tests/support/leg_fraction.py: a market is decided when its fixture's
# result is final, or when no result came within VOID_AFTER of the start that its id names.
_STARTS_AT = starts_at_sql("l.market")
DECIDED = f"""
SELECT b.batch, b.bet FROM mirror.bet b JOIN mirror.deployment d ON d.id = b.deployment
WHERE d.id = %(deployment)s
  AND NOT EXISTS (SELECT FROM mirror.settlement s
                  WHERE s.deployment = d.id AND s.batch = b.batch AND s.bet = b.bet)
  AND NOT EXISTS (
      SELECT FROM mirror.leg l
      LEFT JOIN mirror.result r ON r.deployment = d.id AND r.fixture = l.fixture
      WHERE l.deployment = d.id AND l.batch = b.batch AND l.bet = b.bet
        AND NOT CASE WHEN r.fixture IS NULL THEN %(now_s)s > {_STARTS_AT} + %(void_after_s)s
                     ELSE r.published_at_s > {_STARTS_AT} + %(void_after_s)s
                          OR %(now_s)s >= r.final_at_s END)
  AND NOT EXISTS (SELECT FROM backend.settlement_run u
                  JOIN backend.chain_transaction t ON t.id = u.transaction
                  WHERE u.batch = b.batch AND b.bet >= u.first AND b.bet < u.first + u.bets
                    AND {_LIVE})
ORDER BY b.batch, b.bet
LIMIT %(limit)s
"""  # noqa: S608 - the fragments are constants of ours

BATCHES = """
SELECT batch, markets, records FROM mirror.batch
WHERE deployment = %(deployment)s AND batch = ANY(%(batches)s)
"""
