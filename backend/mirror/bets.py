"""Holds the statements on bets, with their legs, batch and settlement."""

from __future__ import annotations

from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import legs_json, stage_sql

_LEGS = legs_json(
    "mirror.leg", "l.fixture", "l.deployment = d.id AND l.batch = b.batch AND l.bet = b.bet"
)
BETS_WITH_LEGS = f"""
SELECT b.batch, b.bet, b.account, b.nonce, b.stake_micro, b.payout_max_micro, b.accepted_at_s,
       b.rest_of, b.instead_of, t.tx_hash, s.payout_micro, s.cashed_out, s.replaced,
       s.tx_hash AS settlement_tx_hash, e.timestamp_s AS settled_at_s,
       {stage_sql("coalesce(s.block, b.block)")} AS stage,
       {_LEGS}
FROM d JOIN mirror.bet b ON b.deployment = d.id
JOIN mirror.batch t ON t.deployment = d.id AND t.batch = b.batch
LEFT JOIN mirror.settlement s ON s.deployment = d.id AND s.batch = b.batch AND s.bet = b.bet
LEFT JOIN mirror.block e ON e.deployment = d.id AND e.number = s.block
"""  # noqa: S608 - the fragments are constants of ours
_BETS = f"WITH {DEPLOYMENT} {BETS_WITH_LEGS}"
_STATES = {
    "open": " AND s.payout_micro IS NULL",
    "settled": " AND s.payout_micro IS NOT NULL",
    None: "",
}
_BEFORE = " AND (b.batch, b.bet) < (%(batch)s, %(bet)s)"
_NEWEST_FIRST = " ORDER BY b.batch DESC, b.bet DESC LIMIT %(limit)s"

BET = f"{_BETS} WHERE b.batch = %(batch)s AND b.bet = %(bet)s"


def bets_of_account(state: str | None, *, before: bool) -> str:
    """Bets of %(account)s, the newest first: open ones, settled ones or all, and with `before` only
    those that are older than bet (%(batch)s, %(bet)s)."""
    cursor = _BEFORE if before else ""
    return f"{_BETS} WHERE b.account = %(account)s{_STATES[state]}{cursor}{_NEWEST_FIRST}"
