"""Builds the SQL expressions that several statements share."""

from __future__ import annotations

from typing import Final

from protocol.market_id import FIXTURE_BYTES, MARKET_BYTES, STARTS_AT, STARTS_BYTES

# Whether bet `b` is that of slip `s`, as its receipt says: then nothing else can be enforced. A
# slip that was never placed leaves its nonce to a later one, so the time of acceptance counts too.
BET_OF_SLIP: Final = """(b.account = s.account AND b.nonce = s.nonce
        AND b.accepted_at_s = s.accepted_at_s AND b.payout_max_micro = s.payout_max_micro)"""

# Whether slip `s` is a bet of deployment `d`.
PLACED: Final = f"""EXISTS (SELECT FROM mirror.bet b
        WHERE b.deployment = d.id AND {BET_OF_SLIP})"""


def skips_of_slip_sql(deployment: str) -> str:
    """The slip `s` as the contract left it out of batches, `k`: of transactions that carried it,
    because another slip may have had its nonce; `deployment` is the expression of the number."""
    return f"""FROM mirror.skip k
        JOIN mirror.batch kb ON kb.deployment = k.deployment AND kb.batch = k.batch
        JOIN backend.submission ku ON ku.slip = s.id
        JOIN backend.transaction_attempt ka
            ON ka.transaction = ku.transaction AND ka.hash = kb.tx_hash
        WHERE k.deployment = {deployment} AND k.account = s.account AND k.nonce = s.nonce"""


# A slip `s` is pending from its acceptance until the mirror shows its bet, or until the mirror's
# head is so late that the contract can no longer accept it. One that the contract left out stays
# pending: until its window ends, the receipt can still be enforced.
PENDING: Final = f"""
s.accepted_at_s >= d.head_timestamp_s - %(receipt_window_s)s AND NOT {PLACED}
"""

# What the house commits with slip `s`, and what its receipt takes of the key's budget.
RISK: Final = "(s.payout_max_micro - s.stake_micro)"


def legs_json(legs: str, fixture: str, condition: str) -> str:
    """The legs of a slip or bet as a JSON list, in order: `legs` is the table that holds them,
    `fixture` the expression of a leg's fixture, `l` the leg in both expressions."""
    return f"""(SELECT json_agg(json_build_object('market', encode(l.market, 'hex'),
                                          'outcome', l.outcome, 'odds_e4', l.odds_e4,
                                          'fixture', f.name) ORDER BY l.leg)
        FROM {legs} l LEFT JOIN backend.fixture f ON f.id = {fixture}
        WHERE {condition}) AS legs"""  # noqa: S608 - the arguments are constants of ours


def fixture_sql(market: str) -> str:
    """The fixture's id; `market` is the expression of a market's id."""
    return f"substr({market}, 1, {FIXTURE_BYTES})"


def market_of_fixture_sql(market: str) -> str:
    """Whether a market is of fixture %(fixture)s; an index on the market's expression serves
    it, since an id begins with the fixture's."""
    last = "ff" * (MARKET_BYTES - FIXTURE_BYTES)
    return f"{market} BETWEEN %(fixture)s::bytea AND %(fixture)s::bytea || '\\x{last}'::bytea"


def starts_at_sql(market: str) -> str:
    """The start in unix seconds that a market's id names; `market` is its expression."""
    start = f"substr({market}, {STARTS_AT + 1}, {STARTS_BYTES})"
    return f"('x' || encode({start}, 'hex'))::bit({8 * STARTS_BYTES})::bigint"


def live_transaction_sql(head: str) -> str:
    """Whether a transaction `t` of backend.chain_transaction can still take effect, or has one that
    the mirror does not show yet; `head` is the expression of the mirror's newest block. Slips of a
    placed batch stay with it until it is confirmed, since a reorg can return them."""
    return f"""(t.status IN ('prepared', 'sent') OR (t.status = 'mined'
    AND (t.block > {head} OR (t.kind IN ('place', 'enforce') AND NOT t.confirmed))))"""


def stage_sql(block: str) -> str:
    """The stage of a block of deployment `d`: tentative while a reorg is likely enough to wait,
    confirmed, or final when the chain itself will not revert it."""
    return f"""CASE WHEN {block} <= d.final_block THEN 'final'
            WHEN {block} <= d.confirmed_block THEN 'confirmed' ELSE 'tentative' END"""
