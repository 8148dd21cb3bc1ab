"""Reads and writes accepted slips, and reads what the house can still cover; decides nothing."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend import channels
from backend.database import Connection
from backend.mirror import book as statements
from backend.slips.house_checks import Capacity
from backend.slips.terms import Terms
from protocol.exposure import Exposure, locked_micro
from protocol.typed_data import Slip

_SLIP = """
SELECT s.id, s.account, s.struct_hash, s.idempotency_key, s.accepted_at_s, s.receipt_signature,
       s.payout_max_micro, (SELECT array_agg(l.odds_e4 ORDER BY l.leg) FROM backend.slip_leg l
                            WHERE l.slip = s.id) AS odds_e4
FROM backend.slip s
"""
_ACCEPTED = (
    _SLIP + " WHERE s.account = %(account)s AND (s.idempotency_key = %(idempotency_key)s"
    " OR s.struct_hash = %(struct_hash)s)"
)

_INSERT = """
INSERT INTO backend.slip (id, account, nonce, idempotency_key, stake_micro, min_odds_e4,
    deadline_s, struct_hash, signature, accepted_at_s, receipt_signature, payout_max_micro, legs)
VALUES (%(id)s, %(account)s, %(nonce)s, %(idempotency_key)s, %(stake_micro)s, %(min_odds_e4)s,
    %(deadline_s)s, %(struct_hash)s, %(signature)s, %(accepted_at_s)s, %(receipt_signature)s,
    %(payout_max_micro)s, %(legs)s)
"""
_INSERT_LEGS = """
INSERT INTO backend.slip_leg (slip, leg, market, outcome, odds_e4)
SELECT %(id)s, leg - 1, market, outcome, odds_e4
FROM unnest(%(markets)s::bytea[], %(outcomes)s::smallint[], %(odds_e4)s::bigint[])
    WITH ORDINALITY AS legs (market, outcome, odds_e4, leg)
"""

_BANKROLL_LOCK = 0x40053


@dataclass(frozen=True, slots=True)
class AcceptedSlip:
    """An accepted slip, with its receipt."""

    id: uuid.UUID
    account: int
    struct_hash: bytes
    idempotency_key: str
    accepted_at_s: int
    odds_e4: tuple[int, ...]
    payout_max_micro: int
    receipt_signature: bytes


async def accepted_slips(
    connection: Connection, account: int, idempotency_key: str, struct_hash: bytes
) -> list[AcceptedSlip]:
    """The slips of an account that have this key or this hash: none, one, or one of each."""
    parameters = {
        "account": account,
        "idempotency_key": idempotency_key,
        "struct_hash": struct_hash,
    }
    rows = await (await connection.execute(_ACCEPTED, parameters)).fetchall()
    return [
        AcceptedSlip(
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


async def lock_bankroll(connection: Connection) -> None:
    """Until the transaction ends, no other transaction commits the bankroll. Taken after the
    account's lock, never before."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_BANKROLL_LOCK,))


async def capacity(
    connection: Connection, mirror_key: Mapping[str, Any], block: int
) -> Capacity | None:
    """What the house can still cover, where `block` is that of what is known of its keys; None
    while the mirror has no book."""
    parameters = {**mirror_key, "block": block}
    row = await (await connection.execute(statements.CAPACITY, parameters)).fetchone()
    return None if row is None else Capacity(**row)


async def locked_of_fixture(
    connection: Connection, mirror_key: Mapping[str, Any], fixture: bytes
) -> dict[bytes, int]:
    """What open bets and pending slips lock or could lock on a fixture, by market id."""
    parameters = {**mirror_key, "fixture": fixture}
    row = await (await connection.execute(statements.FIXTURE_USE, parameters)).fetchone()
    locked: dict[bytes, int] = defaultdict(int)
    if row is None:
        return locked
    for market_hex, *amounts in row["exposures"] or ():
        market = bytes.fromhex(market_hex)
        locked[market] += locked_micro(market, Exposure(*amounts))
    for market_hex, risk_micro in row["pending"] or ():
        locked[bytes.fromhex(market_hex)] += risk_micro
    return locked


async def insert_slip(
    connection: Connection, slip: Slip, signature: bytes, accepted: AcceptedSlip, terms: Terms
) -> None:
    """Store an accepted slip, and notify the batcher."""
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
            "legs": len(slip.legs),
        },
    )
    legs: dict[str, Sequence[Any]] = {
        "markets": [leg.market.pack() for leg in slip.legs],
        "outcomes": [leg.outcome for leg in slip.legs],
        "odds_e4": list(terms.odds_e4),
    }
    await connection.execute(_INSERT_LEGS, {"id": accepted.id, **legs})
    await connection.execute("SELECT pg_notify(%s, '')", (channels.SLIPS,))
