"""Holds the statements on quotes that can still be used."""

from __future__ import annotations

from backend.mirror.book import KNOWN
from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import LIVE_QUOTE, NONCE_OF_QUOTE

# The live quote of %(account)s with %(nonce)s.
LIVE = f"""
WITH {DEPLOYMENT}
SELECT q.* FROM d JOIN backend.quote q ON q.account = %(account)s AND {LIVE_QUOTE}
WHERE q.nonce = %(nonce)s
"""  # noqa: S608 - the fragments are constants of ours

# What quotes could still take of the house, of all accounts and of %(account)s. What counts is the
# block `known` (`backend.mirror.book`): a quote counts until that is past its deadline, or shows a
# bet with its nonce.
OUTSTANDING = f"""
WITH {DEPLOYMENT}, {KNOWN}
SELECT coalesce(sum(q.risk_micro), 0)::bigint AS all_micro,
       coalesce(sum(q.risk_micro) FILTER (WHERE q.account = %(account)s), 0)::bigint
           AS own_micro
FROM d CROSS JOIN known JOIN backend.quote q ON q.deadline_s >= known.timestamp_s
WHERE NOT EXISTS (SELECT FROM mirror.bet b
    WHERE {NONCE_OF_QUOTE} AND b.block <= known.block OFFSET 0)
"""  # noqa: S608 - the fragments are constants of ours
