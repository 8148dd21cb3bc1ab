"""Owns the WebSocket of the live odds: a snapshot, then changes in order, heartbeats in between."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.services import services_of
from backend.stream.hub import Hub

HEARTBEAT_S = 2.0
SEND_TIMEOUT_S = 30.0

router = APIRouter()


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """Messages: {type: snapshot | delta, seq, odds_age_ms, odds: [{market, odds_e4, version,
    at_ms}]} and {type: heartbeat, seq, odds_age_ms}. A delta's seq is one above the one before;
    empty odds_e4 withdraw a market; a snapshot may come at any time and replaces all."""
    hub = services_of(socket.app).hub
    await socket.accept()
    hub.readers += 1
    tasks = [asyncio.create_task(_send(socket, hub)), asyncio.create_task(_drain(socket))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.readers -= 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # The reader may have gone first.
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()


async def _send(socket: WebSocket, hub: Hub) -> None:
    seq, frame = hub.snapshot()
    await _say(socket, frame)
    while True:
        if await hub.newer(seq, HEARTBEAT_S):
            following = hub.after(seq)
            assert following is not None
            seq, frame = following
        else:
            frame = hub.heartbeat()
        await _say(socket, frame)


async def _say(socket: WebSocket, frame: str) -> None:
    """Raises TimeoutError for a reader who takes nothing any more."""
    await asyncio.wait_for(socket.send_text(frame), SEND_TIMEOUT_S)


async def _drain(socket: WebSocket) -> None:
    """The stream takes no orders; this returns when the reader leaves."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
