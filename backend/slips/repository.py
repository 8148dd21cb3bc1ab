"""Reads and writes accepted slips, and reads what the house can still cover; decides nothing."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend import channels
from backend.database import Connection, Query, array
from backend.mirror import book as statements
from backend.slips.house_checks import Capacity
from protocol.exposure import Exposure, locked_micro
from protocol.typed_data import Slip

# The slips that have the key or the hash of a submission, each found by its own index.
_ACCEPTED = """
WITH w AS (SELECT * FROM unnest(%(accounts)s::bigint[], %(keys)s::text[], %(hashes)s::bytea[])
               WITH ORDINALITY AS w (account, idempotency_key, struct_hash, submission)),
     found AS (
    SELECT w.submission, s.* FROM w JOIN backend.slip s
        ON s.account = w.account AND s.idempotency_key = w.idempotency_key
    UNION SELECT w.submission, s.* FROM w JOIN backend.slip s
        ON s.struct_hash = w.struct_hash AND s.account = w.account)
SELECT s.submission, s.id, s.account, s.struct_hash, s.idempotency_key, s.accepted_at_s,
       s.receipt_signature, s.payout_max_micro,
       (SELECT array_agg(l.odds_e4 ORDER BY l.leg) FROM backend.slip_leg l
        WHERE l.slip = s.id) AS odds_e4
FROM found s
"""

_SLIP_COLUMNS = {
    "id": "uuid",
    "account": "bigint",
    "nonce": "integer",
    "idempotency_key": "text",
    "stake_micro": "bigint",
    "min_odds_e4": "bigint",
    "deadline_s": "bigint",
    "struct_hash": "bytea",
    "signature": "bytea",
    "accepted_at_s": "bigint",
    "receipt_signature": "bytea",
    "payout_max_micro": "bigint",
    "legs": "smallint",
}
_LEG_COLUMNS = {
    "slip": "uuid",
    "leg": "smallint",
    "market": "bytea",
    "outcome": "smallint",
    "odds_e4": "bigint",
}


def _insert_sql(table: str, columns: Mapping[str, str], prefix: str = "") -> str:
    """Inserts rows from one array for each column, the parameter of its name after `prefix`."""
    arrays = ", ".join(f"%({prefix}{name})s::{kind}[]" for name, kind in columns.items())
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - constants of ours


_INSERT = f"""
WITH slips AS ({_insert_sql("backend.slip", _SLIP_COLUMNS)}),
    legs AS ({_insert_sql("backend.slip_leg", _LEG_COLUMNS, "leg_")})
SELECT pg_notify(%(channel)s, '')
"""

_BANKROLL_LOCK = 0x40053

LOCK_BANKROLL: Query = ("SELECT pg_advisory_xact_lock(%(key)s)", {"key": _BANKROLL_LOCK})

# By fixture and market.
LockedMicro = dict[bytes, dict[bytes, int]]


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


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a submission is known by: its account, its key, and the hash of its slip."""

    account: int
    idempotency_key: str
    struct_hash: bytes


async def accepted_slips(
    connection: Connection, submissions: Sequence[Submitted]
) -> list[list[AcceptedSlip]]:
    """For each submission the slips of its account that have its key or its hash: none, one, or one
    of each."""
    cursor = await connection.execute(*accepted_query(submissions))
    return accepted_of_rows(submissions, await cursor.fetchall())


def accepted_query(submissions: Sequence[Submitted]) -> Query:
    """What reads these submissions, for `accepted_of_rows`."""
    return _ACCEPTED, {
        "accounts": array(one.account for one in submissions),
        "keys": array(one.idempotency_key for one in submissions),
        "hashes": array(one.struct_hash for one in submissions),
    }


def accepted_of_rows(
    submissions: Sequence[Submitted], rows: Iterable[Mapping[str, Any]]
) -> list[list[AcceptedSlip]]:
    """For each submission the slips that were read."""
    found: list[list[AcceptedSlip]] = [[] for _ in submissions]
    for row in rows:
        found[row["submission"] - 1].append(
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
        )
    return found


async def lock_bankroll(connection: Connection) -> None:
    """Until the transaction ends, no other transaction commits the bankroll. Taken after the
    locks of accounts, never before."""
    await connection.execute(*LOCK_BANKROLL)


async def capacity(
    connection: Connection, mirror_key: Mapping[str, Any], block: int
) -> Capacity | None:
    """What the house can still cover, where `block` is that of what is known of its keys; None
    while the mirror has no book."""
    parameters = {**mirror_key, "block": block}
    row = await (await connection.execute(statements.CAPACITY, parameters)).fetchone()
    return None if row is None else Capacity(**row)


async def locked_of_fixtures(
    connection: Connection, mirror_key: Mapping[str, Any], fixtures: Iterable[bytes]
) -> LockedMicro:
    """What open bets and pending slips lock or could lock on each fixture, by market id."""
    parameters = {**mirror_key, "fixtures": sorted(set(fixtures))}
    found: LockedMicro = {}
    for row in await (await connection.execute(statements.FIXTURES_USE, parameters)).fetchall():
        locked: dict[bytes, int] = defaultdict(int)
        for market_hex, *amounts in row["exposures"] or ():
            market = bytes.fromhex(market_hex)
            locked[market] += locked_micro(market, Exposure(*amounts))
        for market_hex, risk_micro in row["pending"] or ():
            locked[bytes.fromhex(market_hex)] += risk_micro
        found[bytes(row["fixture"])] = locked
    return found


async def insert_slips(
    connection: Connection, accepted: Sequence[tuple[Slip, bytes, AcceptedSlip]]
) -> None:
    """Store accepted slips, each with its bettor's signature, and notify the batcher."""
    rows = [_slip_row(*one) for one in accepted]
    legs = [
        (receipt.id, number, leg.market.pack(), leg.outcome, receipt.odds_e4[number])
        for slip, _, receipt in accepted
        for number, leg in enumerate(slip.legs)
    ]
    legs_arrays = _arrays(_LEG_COLUMNS, legs)
    await connection.execute(
        _INSERT,
        {
            **_arrays(_SLIP_COLUMNS, rows),
            **{f"leg_{name}": values for name, values in legs_arrays.items()},
            "channel": channels.SLIPS,
        },
    )


def _slip_row(slip: Slip, signature: bytes, accepted: AcceptedSlip) -> tuple[Any, ...]:
    """The values of _SLIP_COLUMNS."""
    return (
        accepted.id,
        slip.account,
        slip.nonce,
        accepted.idempotency_key,
        slip.stake_micro,
        slip.min_odds_e4,
        slip.deadline_s,
        accepted.struct_hash,
        signature,
        accepted.accepted_at_s,
        accepted.receipt_signature,
        accepted.payout_max_micro,
        len(slip.legs),
    )


def _arrays(columns: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> dict[str, str]:
    return dict(zip(columns, map(array, zip(*rows, strict=True)), strict=True))
