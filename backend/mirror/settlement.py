"""Holds the statements on what can be published and settled now."""

from __future__ import annotations

from backend.mirror.fragments import (
    live_transaction_sql,
    market_of_fixture_sql,
    starts_at_sql,
)

_LIVE = live_transaction_sql("d.head_block")

# Fixtures of ours with the start that their markets name, what the operator decided, and their
# result on the chain: those without one, and those whose result is final since %(since_s)s at the
# earliest. `sent` says whether a transaction carries a result that the mirror does not show yet.
OPENED = f"""
SELECT f.id, f.name, f.source_key, f.status AS fixture_status,
       coalesce((SELECT min({starts_at_sql("m.id")}) FROM backend.market m WHERE m.fixture = f.id),
                f.starts_at_s) AS announced_s,
       c.status AS ruling, c.home_half AS ruled_home_half, c.away_half AS ruled_away_half,
       c.home_full AS ruled_home_full, c.away_full AS ruled_away_full, c.reason, c.made_s,
       r.status, r.home_half, r.away_half, r.home_full, r.away_full, r.settled_at_s, r.final_at_s,
       EXISTS (SELECT FROM backend.publication p
               JOIN backend.chain_transaction t ON t.id = p.transaction
               WHERE p.fixture = f.id AND {_LIVE}) AS sent
FROM backend.fixture f JOIN mirror.deployment d ON d.id = %(deployment)s
LEFT JOIN mirror.result r ON r.deployment = d.id AND r.fixture = f.id
LEFT JOIN backend.decision c ON c.fixture = f.id
WHERE r.fixture IS NULL OR r.final_at_s >= %(since_s)s
ORDER BY f.starts_at_s, f.name
"""  # noqa: S608 - the fragments are constants of ours

# When the last slip on fixture %(fixture)s was accepted; null if none was.
LAST_ACCEPTED = f"""
SELECT max(s.accepted_at_s) FROM backend.slip_leg l JOIN backend.slip s ON s.id = l.slip
WHERE {market_of_fixture_sql("l.market")}
"""  # noqa: S608 - the fragment is a constant of ours

# The bets that are not settled with a leg on fixture %(fixture)s; of an accumulator only that leg.
BETS = """
SELECT l.market, l.outcome, l.odds_e4, b.stake_micro, b.legs, b.payout_max_micro
FROM mirror.leg l JOIN mirror.bet b
    ON b.deployment = l.deployment AND b.batch = l.batch AND b.bet = l.bet
WHERE l.deployment = %(deployment)s AND l.fixture = %(fixture)s
  AND NOT EXISTS (SELECT FROM mirror.settlement s WHERE s.deployment = l.deployment
                  AND s.batch = l.batch AND s.bet = l.bet)
"""

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
