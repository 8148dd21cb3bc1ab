"""Reads and writes offers to cash out; decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backend import channels
from backend.database import Connection, Database
from backend.mirror.cash_outs import IS_UNRELAYED, OFFER, OFFERABLE

_INSERT = """
INSERT INTO backend.cash_out_offer (id, account, batch, bet, stake_micro, price_micro,
    budget_micro, offered_at_s, deadline_s, house_signature)
VALUES (%(id)s, %(account)s, %(batch)s, %(bet)s, %(stake_micro)s, %(price_micro)s,
    %(budget_micro)s, %(offered_at_s)s, %(deadline_s)s, %(house_signature)s)
"""
# Of the offers of one bet at most one takes effect: the bet, or what is left of it, is another
# after that.
_OUTSTANDING = """
SELECT coalesce(sum(budget_micro), 0)::bigint AS budget_micro,
       coalesce(sum(free_micro), 0)::bigint AS free_micro
FROM (
    SELECT max(o.budget_micro) AS budget_micro,
           max(greatest(0, o.budget_micro - o.stake_micro)) AS free_micro
    FROM backend.cash_out_offer o
    WHERE o.deadline_s >= %(now_s)s AND (o.batch, o.bet) <> (%(batch)s, %(bet)s)
    GROUP BY o.batch, o.bet) live
"""
# Not over another signature, which may be on its way.
_ACCEPT = """
UPDATE backend.cash_out_offer SET owner_signature = %(signature)s
WHERE id = %(id)s AND owner_signature IS NULL
"""


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer as it is stored."""

    id: uuid.UUID
    account: int
    batch: int
    bet: int
    stake_micro: int
    price_micro: int
    budget_micro: int
    offered_at_s: int
    deadline_s: int
    house_signature: bytes


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What offers that are alive can still take: of the key's budget, and at most of what the
    bankroll has free."""

    budget_micro: int
    free_micro: int


async def offerable(
    database: Database, mirror_key: Mapping[str, Any], batch: int, bet: int
) -> dict[str, Any] | None:
    """A bet, with all that its price depends on but the odds; None if it is not on the chain."""
    return await database.row(OFFERABLE, {**mirror_key, "batch": batch, "bet": bet})


async def is_unrelayed(database: Database, account: int) -> bool:
    """Whether so many cash-outs of an account came to nothing that none is sent for now."""
    row = await database.row(IS_UNRELAYED, {"account": account})
    return row is not None and bool(row["unrelayed"])


async def outstanding(connection: Connection, offer: Offer, now_s: int) -> Outstanding:
    """What the offers of other bets can still take."""
    parameters = {"now_s": now_s, "batch": offer.batch, "bet": offer.bet}
    row = await (await connection.execute(_OUTSTANDING, parameters)).fetchone()
    assert row is not None, "a sum has one row"
    return Outstanding(**row)


async def insert_offer(connection: Connection, offer: Offer) -> None:
    """Store a signed offer."""
    await connection.execute(_INSERT, asdict(offer))


async def offer(
    database: Database, mirror_key: Mapping[str, Any], offer_id: uuid.UUID
) -> dict[str, Any] | None:
    """An offer, and what became of it."""
    return await database.row(OFFER, {**mirror_key, "id": offer_id})


async def accept_offer(connection: Connection, offer_id: uuid.UUID, signature: bytes) -> None:
    """Store the owner's signature, and notify the worker."""
    await connection.execute(_ACCEPT, {"id": offer_id, "signature": signature})
    await connection.execute("SELECT pg_notify(%s, '')", (channels.CASH_OUTS,))
