"""Builds the SQL expressions that several statements share."""

from __future__ import annotations

from typing import Final

from protocol.market_id import (
    FIXTURE_BYTES,
    FLAGS_AT,
    IN_PLAY_FLAG,
    MARKET_BYTES,
    STARTS_AT,
    STARTS_BYTES,
)

# The bets that slips can have: all but what remains of a bet after a partial cash-out. In two
# parts, since each has an index by account and nonce.
BETS: Final = """(SELECT * FROM mirror.bet WHERE rest_of IS NULL AND instead_of IS NULL
        UNION ALL SELECT * FROM mirror.bet WHERE rest_of IS NULL AND instead_of IS NOT NULL)"""

# Whether bet `b` used the nonce of slip `s`, at whatever terms. A slip that was never placed leaves
# its nonce to one that is accepted when its receipt window is over.
BET_OF_NONCE: Final = """(b.account = s.account AND b.nonce = s.nonce
        AND b.accepted_at_s <= s.accepted_at_s + %(receipt_window_s)s)"""

# Whether bet `b` is that of slip `s`, exactly as its receipt says: then nothing else can be
# enforced. The highest payout is not enough: legs whose odds have the same product pay another sum
# when one of them is void, and their owner may have the bet replaced.
BET_OF_SLIP: Final = """(b.account = s.account AND b.nonce = s.nonce
        AND b.accepted_at_s = s.accepted_at_s AND b.stake_micro = s.stake_micro
        AND b.legs = s.legs
        AND (SELECT count(*) FROM backend.slip_leg sl
             JOIN mirror.leg bl ON bl.deployment = b.deployment AND bl.batch = b.batch
                 AND bl.bet = b.bet AND bl.leg = sl.leg
             WHERE sl.slip = s.id AND bl.market = sl.market AND bl.outcome = sl.outcome
               AND bl.odds_e4 = sl.odds_e4) = s.legs)"""

# Whether a bet of deployment `d` has the nonce of slip `s`. OFFSET keeps PostgreSQL from joining
# all bets: it looks up each slip in the index. A bet that replaces another one has the same nonce.
NONCE_USED: Final = f"""EXISTS (SELECT FROM mirror.bet b
        WHERE b.deployment = d.id AND {BET_OF_NONCE} AND b.rest_of IS NULL
          AND b.instead_of IS NULL OFFSET 0)"""


def skips_of_slip_sql(deployment: str) -> str:
    """The slip `s` as the contract left it out of batches, `k`: of transactions that carried it,
    because another slip may have had its nonce; `deployment` is the expression of the number."""
    return f"""FROM mirror.skip k
        JOIN mirror.batch kb ON kb.deployment = k.deployment AND kb.batch = k.batch
        JOIN backend.submission ku ON ku.slip = s.id
        JOIN backend.transaction_attempt ka
            ON ka.transaction = ku.transaction AND ka.hash = kb.tx_hash
        WHERE k.deployment = {deployment} AND k.account = s.account AND k.nonce = s.nonce"""


# A slip `s` is pending from its acceptance until the mirror shows a bet with its nonce, or until
# the mirror's head is so late that the contract can no longer accept it. One that the contract left
# out stays pending: until its window ends, the receipt can still be enforced. One that was placed
# at other terms does not: the receipt can replace that bet, and first gives its stake back.
IN_WINDOW: Final = "s.accepted_at_s >= d.head_timestamp_s - %(receipt_window_s)s"
PENDING: Final = f"""
{IN_WINDOW} AND NOT {NONCE_USED}
"""

# Whether bet `b` of deployment `d` has the nonce of quote `q`, which then cannot be used any more.
NONCE_OF_QUOTE: Final = """(b.deployment = d.id AND b.account = q.account AND b.nonce = q.nonce
        AND b.rest_of IS NULL AND b.instead_of IS NULL)"""

# Whether quote `q` can be used in a block after the mirror's head: until then it reserves its stake
# and its nonce, as a pending slip does.
LIVE_QUOTE: Final = f"""(q.deadline_s >= d.head_timestamp_s AND NOT EXISTS (
        SELECT FROM mirror.bet b WHERE {NONCE_OF_QUOTE} OFFSET 0))"""

# What the house commits with slip `s`: what it pays above the stake.
RISK: Final = "(s.payout_max_micro - s.stake_micro)"

# What the receipt of slip `s` can take of its key's budget: in play, to replace a bet takes its
# stake as well (Sportsbook.enforceInstead).
BUDGET: Final = f"""(s.payout_max_micro - CASE WHEN EXISTS (
            SELECT FROM backend.slip_leg il WHERE il.slip = s.id
              AND get_byte(il.market, {FLAGS_AT}) & {IN_PLAY_FLAG} <> 0 OFFSET 0)
        THEN 0 ELSE s.stake_micro END)"""


def legs_json(legs: str, fixture: str, condition: str) -> str:
    """The legs of a slip or bet as a JSON list, in order: `legs` is the table that holds them,
    `fixture` the expression of a leg's fixture, `l` the leg in both expressions."""
    return f"""(SELECT json_agg(json_build_object('market', encode(l.market, 'hex'),
                                          'outcome', l.outcome, 'odds_e4', l.odds_e4,
                                          'fixture', f.name, 'competition', f.competition)
                        ORDER BY l.leg)
        FROM {legs} l LEFT JOIN backend.fixture f ON f.id = {fixture}
        WHERE {condition}) AS legs"""  # noqa: S608 - the arguments are constants of ours


def fixture_sql(market: str) -> str:
    """The fixture's id; `market` is the expression of a market's id."""
    return f"substr({market}, 1, {FIXTURE_BYTES})"


def market_of_fixture_sql(market: str, fixture: str = "%(fixture)s::bytea") -> str:
    """Whether a market is of a fixture, by the expressions of both; an index on the market's
    expression serves it, since an id begins with the fixture's."""
    last = "ff" * (MARKET_BYTES - FIXTURE_BYTES)
    return f"{market} BETWEEN {fixture} AND {fixture} || '\\x{last}'::bytea"


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
