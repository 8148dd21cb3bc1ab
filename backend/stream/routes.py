"""Serves the live odds over a WebSocket: a snapshot, then changes in order, with heartbeats."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.api.client_address import limit_name
from backend.api.origins import OriginRefused, check_origin
from backend.problems import RateLimited, UpgradeRequired, responses
from backend.services import Services, services_of
from backend.stream.hub import Hub
from backend.stream.models import STREAM_PATH
from backend.stream.stream_limits import TooManyStreams

HEARTBEAT_S = 2.0

router = APIRouter()


@router.websocket(STREAM_PATH)
async def stream(socket: WebSocket) -> None:
    """Messages: {type: snapshot | delta, seq, odds_age_ms, odds: [{market, odds_e4, version,
    at_ms}]} and {type: heartbeat, seq, odds_age_ms}. The seq of a delta is one above that of the
    message before. Empty odds_e4 withdraw a market. A snapshot may come at any time and replaces
    everything before it."""
    services = services_of(socket.app)
    client = limit_name(socket.client.host) if socket.client else "unknown"
    try:
        _check_origin(socket, services)
        await services.limiter.count("address", client)
        with services.readers.one_more(client):
            await _serve(socket, services.hub)
    except (OriginRefused, RateLimited, TooManyStreams) as problem:
        await socket.send_denial_response(problem.response())


@router.get(
    STREAM_PATH,
    name="stream",
    tags=["stream"],
    responses=responses(OriginRefused, UpgradeRequired, RateLimited, TooManyStreams),
)
async def no_stream() -> None:
    """Answers a request that asks for no WebSocket."""
    raise UpgradeRequired("Open a WebSocket here.")


def _check_origin(socket: WebSocket, services: Services) -> None:
    """Raises OriginRefused."""
    headers, settings = socket.headers, services.settings
    check_origin(
        headers.get("origin"), headers.get("host"), settings.public_url, settings.cors_origins
    )


async def _serve(socket: WebSocket, hub: Hub) -> None:
    await socket.accept()
    tasks = [asyncio.create_task(_send_frames(socket, hub)), asyncio.create_task(_drain(socket))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # The reader may have disconnected first.
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()


async def _send_frames(socket: WebSocket, hub: Hub) -> None:
    """Runs until cancelled; `backend/api/connections.py` cuts off a client that does not read."""
    frame = hub.snapshot()
    await socket.send_text(frame.text)
    while True:
        if await hub.newer(frame.seq, HEARTBEAT_S):
            following = hub.after(frame.seq)
            assert following is not None, "there is a newer frame"
            frame = following
            await socket.send_text(frame.text)
        else:
            await socket.send_text(hub.heartbeat())


async def _drain(socket: WebSocket) -> None:
    """Discard what the reader sends; returns when it disconnects."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
