"""Serves the live odds over a WebSocket: a snapshot, then changes in order, with heartbeats."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import ExitStack
from typing import Annotated, Any, Protocol

import orjson
from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from redis.exceptions import RedisError

from backend.api.client_address import limit_name_of
from backend.api.origins import OriginRefused, check_origin
from backend.api.stream_protocol import TRANSPORT
from backend.problems import (
    BodyMalformed,
    NotReady,
    Problem,
    RateLimited,
    UpgradeRequired,
    responses,
)
from backend.sessions.caller import NEEDS_SESSION, SessionDep
from backend.sessions.refusals import SESSION_REFUSALS
from backend.sessions.store import Session
from backend.stream.broadcast import Broadcast, TooManyTopics, Topic
from backend.stream.following import (
    FIXTURES,
    RESUME,
    Fixtures,
    Resume,
    fixtures_of,
    resumed_of,
)
from backend.stream.models import STREAM_PATH, TicketPublic
from backend.stream.stream_limits import TooManyStreams
from backend.stream.tickets import TICKET_S, TicketUnknown, new_ticket, take_ticket
from backend.stream_services import StreamServices, StreamServicesDep, stream_services_of

# Close codes.
NORMAL, SESSION_ENDED = 1000, 4401

router = APIRouter()
# Of the API alone: a session is used, which is written down.
tickets = APIRouter(tags=["stream"])

Ticket = Annotated[
    str | None,
    Query(description="Of `POST /v1/stream/tickets`: adds what happens to its owner's account."),
]


class OwnWatch(Protocol):
    """What happens to an owner's account, message by message."""

    ended: bool

    async def next(self) -> dict[str, Any] | None:
        """The next message, as soon as there is one; None when the session has ended."""


@router.websocket(STREAM_PATH)
async def stream(socket: WebSocket) -> None:
    """Messages: {type: snapshot | delta, epoch, seq, odds_age_ms, odds: [{market, odds_e4, version,
    at_ms}]}, {type: heartbeat, epoch, seq, odds_age_ms} and {type: closing, reconnect_after_ms}.
    The seq of a delta is one above that of the message before. Empty odds_e4 withdraw a market. A
    snapshot may come at any time and replaces everything before it."""
    services = stream_services_of(socket.app)
    client = limit_name_of(socket)
    try:
        _check_origin(socket, services)
        fixtures = fixtures_of(socket.query_params.getlist(FIXTURES))
        resumed = resumed_of(socket.query_params.get(RESUME))
        await services.limiter.count("address", client)
        with services.readers.one_more(client), ExitStack() as stack:
            watch = None
            if (ticket := socket.query_params.get("ticket")) is not None:
                session = await _session_of(services, ticket)
                watch = stack.enter_context(services.account_events.watch(session))
            await _serve(socket, services.broadcast, fixtures, resumed, watch)
    except Problem as problem:
        await socket.send_denial_response(problem.response())


async def _session_of(services: StreamServices, ticket: str) -> Session:
    """The session of a ticket. Raises TicketUnknown, also if the session has ended since, and
    NotReady."""
    try:
        session = await take_ticket(services.redis, ticket)
        alive = await services.sessions.alive([session.hashed])
    except RedisError as error:
        services.redis_fault.began(type(error).__name__)
        raise NotReady("Redis does not answer; try again.", retry_after_s=2) from None
    if not alive or not services.sessions.is_of_deployment(session):
        raise TicketUnknown("The session of this ticket has ended; sign in again.")
    return session


@tickets.post(
    "/v1/stream/tickets",
    status_code=201,
    responses=responses(*SESSION_REFUSALS, RateLimited, NotReady),
    openapi_extra=NEEDS_SESSION,
)
async def post_stream_ticket(
    request: Request, services: StreamServicesDep, session: SessionDep
) -> TicketPublic:
    """Returns a ticket, with which one `/v1/stream?ticket=…` also carries what happens to the
    caller's own account. It counts once, and for some seconds."""
    client = limit_name_of(request)
    await services.limiter.count("address", client)
    ticket = await new_ticket(services.redis, session)
    return TicketPublic(ticket=ticket, expires_at_s=services.sessions.now_s() + TICKET_S)


@router.get(
    STREAM_PATH,
    name="stream",
    tags=["stream"],
    responses=responses(
        OriginRefused,
        UpgradeRequired,
        RateLimited,
        TooManyStreams,
        TooManyTopics,
        TicketUnknown,
        BodyMalformed,
        NotReady,
    ),
)
async def no_stream(fixture: Fixtures = None, resume: Resume = None, ticket: Ticket = None) -> None:
    """Answers a request that asks for no WebSocket."""
    raise UpgradeRequired("Open a WebSocket here.")


def _check_origin(socket: WebSocket, services: StreamServices) -> None:
    """Raises OriginRefused."""
    headers, settings = socket.headers, services.settings
    check_origin(
        headers.get("origin"), headers.get("host"), settings.public_url, settings.cors_origins
    )


async def _serve(
    socket: WebSocket,
    broadcast: Broadcast,
    fixtures: Topic,
    resumed: tuple[str, int] | None,
    watch: OwnWatch | None,
) -> None:
    """The stream writes to the connection itself; a client that does not read is cut off by
    backend/api/connection_limits.py."""
    with broadcast.topic(fixtures):
        await socket.accept()
        tasks = [asyncio.create_task(_drain(socket))]
        if watch is not None:
            tasks.append(asyncio.create_task(_send_own(socket, watch)))
        try:
            with broadcast.reader(fixtures, socket.scope["extensions"][TRANSPORT], resumed):
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # The reader may have disconnected first.
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                ended = watch is not None and watch.ended
                await socket.close(
                    SESSION_ENDED if ended else NORMAL, "session ended" if ended else ""
                )


async def _send_own(socket: WebSocket, watch: OwnWatch) -> None:
    """Returns when the session has ended."""
    while (message := await watch.next()) is not None:
        await socket.send_text(orjson.dumps(message).decode())


async def _drain(socket: WebSocket) -> None:
    """Discard what the reader sends; returns when it disconnects."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
