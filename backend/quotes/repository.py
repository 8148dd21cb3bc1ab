"""Reads and writes quotes; decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backend import channels
from backend.database import Connection
from backend.mirror import quotes as statements

_INSERT = """
INSERT INTO backend.quote (id, account, nonce, asked, stake_micro, risk_micro, odds_e4,
    quoted_at_s, deadline_s, house_signature)
VALUES (%(id)s, %(account)s, %(nonce)s, %(asked)s, %(stake_micro)s, %(risk_micro)s, %(odds_e4)s,
    %(quoted_at_s)s, %(deadline_s)s, %(house_signature)s)
"""


@dataclass(frozen=True, slots=True)
class StoredQuote:
    """A quote as it is stored."""

    id: uuid.UUID
    account: int
    nonce: int
    asked: bytes
    stake_micro: int
    risk_micro: int
    odds_e4: list[int]
    quoted_at_s: int
    deadline_s: int
    house_signature: bytes


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What quotes that can still be used could take of the house: all of them, and those of one
    account."""

    all_micro: int
    own_micro: int


async def live_quote(
    connection: Connection, mirror_key: Mapping[str, Any], account: int, nonce: int
) -> StoredQuote | None:
    """The quote for this nonce, if it can still be used."""
    parameters = {**mirror_key, "account": account, "nonce": nonce}
    row = await (await connection.execute(statements.LIVE, parameters)).fetchone()
    return None if row is None else StoredQuote(**row)


async def outstanding(
    connection: Connection, mirror_key: Mapping[str, Any], account: int, block: int
) -> Outstanding:
    """What counts of quotes; `block` is that of what is known of the key's budget."""
    parameters = {**mirror_key, "account": account, "block": block}
    row = await (await connection.execute(statements.OUTSTANDING, parameters)).fetchone()
    return Outstanding(0, 0) if row is None else Outstanding(**row)


async def insert_quote(connection: Connection, quote: StoredQuote) -> None:
    """Store a signed quote, and notify those who follow the account."""
    await connection.execute(_INSERT, asdict(quote))
    await connection.execute("SELECT pg_notify(%s, '')", (channels.SLIPS,))
