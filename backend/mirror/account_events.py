"""Holds the statement on what may change in the accounts of some owners."""

from __future__ import annotations

from backend.mirror.accounts import STATE_OF
from backend.mirror.bets import BETS_WITH_LEGS
from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.relays import RELAY_COLUMNS
from backend.mirror.slips import SLIPS

SLIPS_KEPT = 20
BETS_KEPT = 200
RELAYS_KEPT = 5
# A bet that has ended is still shown for so many blocks after its end is final.
BLOCKS_KEPT = 64

# For each of %(owners)s: the account, if there is one, with its state, newest slips, and newest
# bets that can change or have just done so; and what the house was given to send, with or without
# an account. One statement, so that all of it is of one moment.
OF_OWNERS = f"""
WITH {DEPLOYMENT}, watched AS (
    SELECT o.owner, a.account FROM d CROSS JOIN unnest(%(owners)s::text[]) AS o (owner)
    LEFT JOIN mirror.account a ON a.deployment = d.id AND lower(a.owner) = lower(o.owner)
), s AS (
    SELECT s.* FROM watched CROSS JOIN LATERAL (
        SELECT * FROM backend.slip s WHERE s.account = watched.account
        ORDER BY s.accepted_at_s DESC, s.nonce DESC LIMIT {SLIPS_KEPT}) s
), slips AS ({SLIPS}), bets AS (
    SELECT b.* FROM watched CROSS JOIN LATERAL (
        {BETS_WITH_LEGS}
        WHERE b.account = watched.account
          AND (s.block IS NULL OR s.block >= coalesce(d.final_block, 0) - {BLOCKS_KEPT})
        ORDER BY b.batch DESC, b.bet DESC LIMIT {BETS_KEPT}) b
), relays AS (
    SELECT r.* FROM watched CROSS JOIN LATERAL (
        {RELAY_COLUMNS} WHERE r.owner = watched.owner ORDER BY r.id DESC LIMIT {RELAYS_KEPT}) r
)
SELECT watched.owner, watched.account, state.*,
       (SELECT json_agg(slips) FROM slips WHERE slips.account = watched.account) AS slips,
       (SELECT json_agg(bets) FROM bets WHERE bets.account = watched.account) AS bets,
       (SELECT json_agg(relays ORDER BY relays.id DESC) FROM relays
        WHERE relays.owner = watched.owner) AS relays
FROM watched
LEFT JOIN LATERAL ({STATE_OF.replace("w.account", "watched.account")}) state
    ON watched.account IS NOT NULL
"""  # noqa: S608 - the fragments are constants of ours
