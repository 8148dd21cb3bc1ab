"""Reads and writes what owners have signed for the house to send; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backend import channels
from backend.database import Connection, Database
from backend.mirror.relays import RELAY, STANDING
from backend.relays.signed import SignedRelay

HOUR_S = 3_600
DAY_S = 86_400

_LOCK = 0x12E1A1
_INSERT = """
INSERT INTO backend.relay (hash, kind, owner, account, value, number, salt, valid_after_s,
    deadline_s, signature, gas, received_at_s, counted_at_s)
VALUES (%(hash)s, %(kind)s, %(owner)s, %(account)s, %(value)s, %(number)s, %(salt)s,
    %(valid_after_s)s, %(deadline_s)s, %(signature)s, %(gas)s, %(received_at_s)s,
    %(counted_at_s)s)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an owner's next deposit or request depends on: the hash of one that can still take
    effect, how many the house has accepted in the last hour and day, how many reverted, and the gas
    that all owners together have been given in the last hour. Times are of the machine's clock;
    None where nothing was accepted."""

    counted_at_s: int
    live: bytes | None
    in_hour: int
    first_in_hour_s: int | None
    in_day: int
    first_in_day_s: int | None
    failed_in_day: int
    gas_of_hour: int
    first_of_hour_s: int | None


async def lock_relays(connection: Connection) -> None:
    """Until the transaction ends, no other one accepts what an owner signed."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


async def standing(
    connection: Connection, mirror_key: Mapping[str, Any], signed: SignedRelay
) -> Standing | None:
    """How an owner stands now; None while the mirror is empty."""
    parameters = {
        **mirror_key,
        "owner": signed.owner,
        "is_deposit": signed.is_deposit,
        "hour_s": HOUR_S,
        "day_s": DAY_S,
    }
    row = await (await connection.execute(STANDING, parameters)).fetchone()
    return None if row is None else Standing(**row)


async def insert_relay(
    connection: Connection,
    relay_hash: bytes,
    signed: SignedRelay,
    signature: bytes,
    received_at_s: int,
    counted_at_s: int,
) -> None:
    """Store what an owner signed, and notify the worker."""
    values = {
        **asdict(signed),
        "kind": signed.kind.value,
        "hash": relay_hash,
        "signature": signature,
        "gas": signed.gas,
        "received_at_s": received_at_s,
        "counted_at_s": counted_at_s,
    }
    await connection.execute(_INSERT, values)
    await connection.execute("SELECT pg_notify(%s, '')", (channels.RELAYS,))


async def relay_of(
    database: Database, mirror_key: Mapping[str, Any], relay_hash: bytes
) -> dict[str, Any] | None:
    """What became of one; None if it was never accepted, or while the mirror is empty."""
    return await database.row(RELAY, {**mirror_key, "hash": relay_hash})


async def is_known(connection: Connection, relay_hash: bytes) -> bool:
    """Whether it was accepted before."""
    statement = "SELECT FROM backend.relay WHERE hash = %s"
    return await (await connection.execute(statement, (relay_hash,))).fetchone() is not None
