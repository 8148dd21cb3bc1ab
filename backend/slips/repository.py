"""Owns the statements of acceptance; decides nothing.

A slip is pending from its acceptance until the mirror shows its bet or its refusal, or until the
mirror's head is so late that the contract can never take it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.database import Connection
from backend.slips.decide import AccountState, CapUse, Terms
from backend.transactions.store import LIVE_SQL
from protocol.exposure import Exposure, locked_micro
from protocol.typed_data import Slip

_D = """
d AS (SELECT id, head_block, head_timestamp_s FROM mirror.deployment
      WHERE chain_id = %(chain_id)s AND lower(sportsbook) = lower(%(sportsbook)s)
        AND head_block IS NOT NULL)
"""
_ON_CHAIN = """
EXISTS (SELECT FROM mirror.bet b
        WHERE b.deployment = d.id AND b.account = s.account AND b.nonce = s.nonce)
"""
# A slip that the contract left out stays pending: until its window ends, the receipt can still be
# enforced.
_PENDING = f"""
s.accepted_at_s >= d.head_timestamp_s - %(receipt_window_s)s AND NOT {_ON_CHAIN}
"""

# Whether what the house signs is worth anything to the sportsbook.
SIGNER_KNOWN = """
coalesce((SELECT r.value = 1 FROM mirror.role_change r
          WHERE r.deployment = d.id AND r.contract = 'Sportsbook' AND r.role = 'signer'
            AND lower(r.subject) = lower(%(signer)s)
          ORDER BY r.block DESC, r.log_index DESC LIMIT 1), false) AS signer_known
"""

CONTEXT = f"""
WITH {_D}
SELECT d.head_timestamp_s, a.owner, {SIGNER_KNOWN} FROM d
LEFT JOIN mirror.account a ON a.deployment = d.id AND a.account = %(account)s
"""  # noqa: S608 - the fragment is a constant of ours

_ACCOUNT = f"""
WITH {_D}
SELECT coalesce((SELECT balance_micro FROM mirror.balance b
                 WHERE b.deployment = d.id AND b.account = %(account)s), 0) AS balance_micro,
       coalesce((SELECT e.amount_micro FROM mirror.exit_request e
                 WHERE e.deployment = d.id AND e.account = %(account)s), 0) AS exit_micro,
       coalesce((SELECT sum(w.amount_micro) FROM backend.withdrawal w
                 WHERE w.account = %(account)s AND w.deadline_s >= d.head_timestamp_s
                   AND w.withdrawals_before >= m.withdrawals), 0)::bigint AS withdrawals_micro,
       coalesce((SELECT max(b.nonce) FROM mirror.bet b
                 WHERE b.deployment = d.id AND b.account = %(account)s), 0) AS highest_nonce,
       coalesce((SELECT max(s.nonce) FROM backend.slip s
                 WHERE s.account = %(account)s), 0) AS highest_slip,
       EXISTS (SELECT FROM mirror.bet b WHERE b.deployment = d.id
                 AND b.account = %(account)s AND b.nonce = %(nonce)s)
       OR EXISTS (SELECT FROM backend.slip s
                  WHERE s.account = %(account)s AND s.nonce = %(nonce)s) AS nonce_taken,
       coalesce((SELECT max(x.until_s) FROM mirror.exclusion x WHERE x.deployment = d.id
                   AND x.account = %(account)s AND x.until_s > d.head_timestamp_s), 0)
           AS excluded_until_s,
       p.*, m.withdrawals, d.head_timestamp_s
FROM d
CROSS JOIN LATERAL (
    SELECT count(*) AS pending, coalesce(sum(s.stake_micro), 0)::bigint AS pending_micro,
           coalesce(min(s.nonce), 0) AS lowest_pending,
           coalesce(max(s.nonce), 0) AS highest_pending
    FROM backend.slip s WHERE s.account = %(account)s AND {_PENDING}) p
CROSS JOIN LATERAL (
    SELECT count(*) AS withdrawals FROM mirror.movement m
    WHERE m.deployment = d.id AND m.account = %(account)s AND m.kind = 'withdrawal'
        AND m.by_exit IS NOT TRUE) m
"""  # noqa: S608 - the fragments are constants of ours

_ROOM = f"""
WITH {_D}
SELECT (k.pool_micro - k.open_stakes_micro - k.locked_micro - coalesce((
           SELECT sum(s.payout_max_micro - s.stake_micro) FROM backend.slip s
           WHERE {_PENDING}), 0))::bigint AS room_micro, k.paused
FROM d JOIN mirror.book k ON k.deployment = d.id
"""  # noqa: S608 - the fragments are constants of ours

# What is locked of caps that are set: by markets of the fixture, and by single slips on their way.
_CAPS = f"""
WITH {_D}
SELECT c.market_micro::bigint AS market_micro, c.fixture_micro::bigint AS fixture_micro,
    CASE WHEN %(fixture)s::bytea IS NULL THEN NULL ELSE (
        SELECT json_agg(json_build_array(encode(x.market, 'hex'), x.payout_0_micro,
                                         x.payout_1_micro, x.payout_2_micro, x.stakes_micro))
        FROM mirror.exposure x WHERE x.deployment = d.id
            AND substr(x.market, 1, 16) = %(fixture)s::bytea) END AS exposures,
    CASE WHEN %(fixture)s::bytea IS NULL THEN NULL ELSE (
        SELECT json_agg(json_build_array(encode(l.market, 'hex'),
                                         s.payout_max_micro - s.stake_micro))
        FROM backend.slip s JOIN backend.slip_leg l ON l.slip = s.id
        WHERE {_PENDING} AND substr(l.market, 1, 16) = %(fixture)s::bytea
            AND NOT EXISTS (SELECT FROM backend.slip_leg o WHERE o.slip = s.id AND o.leg > 0)
        ) END AS pending
FROM d JOIN LATERAL (
    SELECT least(c.market_micro, {2**63 - 1}) AS market_micro,
           least(c.fixture_micro, {2**63 - 1}) AS fixture_micro
    FROM mirror.caps c WHERE c.deployment = d.id
    ORDER BY c.block DESC, c.log_index DESC LIMIT 1) c ON true
"""  # noqa: S608 - the fragments are constants of ours

_SLIP = """
SELECT s.id, s.account, s.struct_hash, s.idempotency_key, s.accepted_at_s, s.receipt_signature,
       s.payout_max_micro, (SELECT array_agg(l.odds_e4 ORDER BY l.leg) FROM backend.slip_leg l
                            WHERE l.slip = s.id) AS odds_e4
FROM backend.slip s
"""
_KNOWN = (
    _SLIP + " WHERE s.account = %(account)s AND (s.idempotency_key = %(idempotency_key)s"
    " OR s.struct_hash = %(struct_hash)s)"
)

STATUS = f"""
WITH {_D}
SELECT s.id, s.account, s.nonce, s.stake_micro, s.min_odds_e4, s.deadline_s, s.struct_hash,
       s.accepted_at_s, s.receipt_signature, s.payout_max_micro, b.batch, b.bet, k.reason,
       t.tx_hash, s.accepted_at_s < d.head_timestamp_s - %(receipt_window_s)s AS expired,
       EXISTS (SELECT FROM backend.submission u
               JOIN backend.chain_transaction t ON t.id = u.transaction
               WHERE u.slip = s.id AND {LIVE_SQL.replace(":mirror_head", "d.head_block")})
           AS submitted,
       (SELECT json_agg(json_build_object('market', encode(l.market, 'hex'),
                                          'outcome', l.outcome, 'odds_e4', l.odds_e4,
                                          'fixture', f.name) ORDER BY l.leg)
        FROM backend.slip_leg l LEFT JOIN backend.fixture f ON f.id = substr(l.market, 1, 16)
        WHERE l.slip = s.id) AS legs
FROM backend.slip s CROSS JOIN d
LEFT JOIN mirror.bet b ON b.deployment = d.id AND b.account = s.account AND b.nonce = s.nonce
    AND b.rest_of IS NULL
LEFT JOIN mirror.batch t ON t.deployment = d.id AND t.batch = b.batch
LEFT JOIN LATERAL (SELECT reason FROM mirror.skip k
                   WHERE k.deployment = d.id AND k.account = s.account AND k.nonce = s.nonce
                   ORDER BY k.batch, k.seq LIMIT 1) k ON true
WHERE s.id = %(id)s
"""  # noqa: S608 - the fragments are constants of ours

_INSERT = """
INSERT INTO backend.slip (id, account, nonce, idempotency_key, stake_micro, min_odds_e4,
    deadline_s, struct_hash, signature, accepted_at_s, receipt_signature, payout_max_micro)
VALUES (%(id)s, %(account)s, %(nonce)s, %(idempotency_key)s, %(stake_micro)s, %(min_odds_e4)s,
    %(deadline_s)s, %(struct_hash)s, %(signature)s, %(accepted_at_s)s, %(receipt_signature)s,
    %(payout_max_micro)s)
"""
_INSERT_LEGS = """
INSERT INTO backend.slip_leg (slip, leg, market, outcome, odds_e4)
SELECT %(id)s, leg - 1, market, outcome, odds_e4
FROM unnest(%(markets)s::bytea[], %(outcomes)s::smallint[], %(odds_e4)s::bigint[])
    WITH ORDINALITY AS legs (market, outcome, odds_e4, leg)
"""

_ACCOUNT_LOCKS = 0xACC
_HOUSE_LOCK = 0x40053


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted slip as its receipt has it."""

    id: uuid.UUID
    account: int
    struct_hash: bytes
    idempotency_key: str
    accepted_at_s: int
    odds_e4: tuple[int, ...]
    payout_max_micro: int
    receipt_signature: bytes


async def find(
    connection: Connection, account: int, idempotency_key: str, struct_hash: bytes
) -> list[Accepted]:
    """The slips that have this key, or are this slip: none, one, or one of each."""
    parameters = {
        "account": account,
        "idempotency_key": idempotency_key,
        "struct_hash": struct_hash,
    }
    rows = await (await connection.execute(_KNOWN, parameters)).fetchall()
    return [
        Accepted(
            id=row["id"],
            account=row["account"],
            struct_hash=bytes(row["struct_hash"]),
            idempotency_key=row["idempotency_key"],
            accepted_at_s=row["accepted_at_s"],
            odds_e4=tuple(row["odds_e4"]),
            payout_max_micro=row["payout_max_micro"],
            receipt_signature=bytes(row["receipt_signature"]),
        )
        for row in rows
    ]


async def lock_account(connection: Connection, account: int) -> None:
    """Until the transaction ends, nobody else promises anything off this account."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(%s, %s)", (_ACCOUNT_LOCKS, account - 2**31)
    )


async def lock_house(connection: Connection) -> None:
    """Until the transaction ends, nobody else promises anything off the bankroll. Taken after the
    account's lock, never before."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_HOUSE_LOCK,))


async def account_state(
    connection: Connection, key: Mapping[str, Any], account: int, nonce: int
) -> tuple[AccountState, int, int] | None:
    """The account's state, with the number of its withdrawals on the chain and the mirror's time;
    None while the mirror has no head. One statement, so that all is of the same moment."""
    parameters = {**key, "account": account, "nonce": nonce}
    row = await (await connection.execute(_ACCOUNT, parameters)).fetchone()
    if row is None:
        return None
    state = AccountState(
        balance_micro=row["balance_micro"],
        pending_micro=row["pending_micro"],
        exit_micro=row["exit_micro"],
        withdrawals_micro=row["withdrawals_micro"],
        highest_nonce=row["highest_nonce"],
        nonce_taken=row["nonce_taken"],
        next_nonce=max(row["highest_nonce"], row["highest_slip"]) + 1,
        pending=row["pending"],
        lowest_pending=row["lowest_pending"],
        highest_pending=row["highest_pending"],
        excluded_until_s=row["excluded_until_s"],
    )
    return state, row["withdrawals"], row["head_timestamp_s"]


async def house_room(connection: Connection, key: Mapping[str, Any]) -> tuple[int, bool] | None:
    """What of the bankroll nothing can need, and whether placing is paused; None while the mirror
    has no book."""
    row = await (await connection.execute(_ROOM, key)).fetchone()
    return None if row is None else (row["room_micro"], bool(row["paused"]))


async def cap_use(
    connection: Connection, key: Mapping[str, Any], fixture: bytes | None
) -> CapUse | None:
    """The contract's caps and what is taken of them on a fixture (None: asks for the caps alone);
    None when no caps were ever set."""
    row = await (await connection.execute(_CAPS, {**key, "fixture": fixture})).fetchone()
    if row is None:
        return None
    locked: dict[bytes, int] = defaultdict(int)
    for market, *amounts in row["exposures"] or ():
        name = bytes.fromhex(market)
        locked[name] += locked_micro(name, Exposure(*amounts))
    for market, risk_micro in row["pending"] or ():
        locked[bytes.fromhex(market)] += risk_micro
    return CapUse(row["market_micro"], row["fixture_micro"], dict(locked))


async def insert(
    connection: Connection, slip: Slip, signature: bytes, accepted: Accepted, terms: Terms
) -> None:
    """Write an accepted slip down, and tell the batcher."""
    await connection.execute(
        _INSERT,
        {
            "id": accepted.id,
            "account": slip.account,
            "nonce": slip.nonce,
            "idempotency_key": accepted.idempotency_key,
            "stake_micro": slip.stake_micro,
            "min_odds_e4": slip.min_odds_e4,
            "deadline_s": slip.deadline_s,
            "struct_hash": accepted.struct_hash,
            "signature": signature,
            "accepted_at_s": accepted.accepted_at_s,
            "receipt_signature": accepted.receipt_signature,
            "payout_max_micro": terms.payout_max_micro,
        },
    )
    legs: dict[str, Sequence[Any]] = {
        "markets": [leg.market.pack() for leg in slip.legs],
        "outcomes": [leg.outcome for leg in slip.legs],
        "odds_e4": list(terms.odds_e4),
    }
    await connection.execute(_INSERT_LEGS, {"id": accepted.id, **legs})
    await connection.execute("SELECT pg_notify('slips', '')")
