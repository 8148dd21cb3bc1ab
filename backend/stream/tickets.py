"""Gives out tickets, with which a WebSocket shows whose it is.

A browser cannot give it headers, and its address is written into logs: so that must not hold the
session's own token."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import asdict
from typing import ClassVar, cast

import orjson
from redis.asyncio import Redis

from backend.problems import Problem
from backend.sessions.store import Session

TICKET_S = 20
TICKET_BYTES = 32
_TICKET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class TicketUnknown(Problem):
    """The ticket was not issued here, was used, or has expired: ask for another one."""

    status: ClassVar[int] = 401
    code: ClassVar[str] = "ticket-unknown"
    title: ClassVar[str] = "Ticket unknown"


async def new_ticket(redis: Redis, session: Session) -> str:
    """A ticket for one stream of the session's owner. Redis keeps its hash."""
    ticket = secrets.token_urlsafe(TICKET_BYTES)
    await redis.set(_key(ticket), orjson.dumps(asdict(session)), ex=TICKET_S)
    return ticket


async def take_ticket(redis: Redis, ticket: str) -> Session:
    """The session of a ticket, which is used up. Raises TicketUnknown."""
    found = None
    if _TICKET.fullmatch(ticket):
        found = cast(bytes | None, await redis.getdel(_key(ticket)))
    if found is None:
        raise TicketUnknown(
            "The ticket was not issued here, was used already, or has expired; ask for another"
            " one with POST /v1/stream/tickets."
        )
    return Session(**orjson.loads(found))


def _key(ticket: str) -> str:
    return f"ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
