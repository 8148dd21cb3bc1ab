"""Serves the live odds over a WebSocket: a snapshot, then changes in order, with heartbeats."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.services import services_of
from backend.stream.hub import Hub
from backend.stream.models import STREAM_PATH

HEARTBEAT_S = 2.0
SEND_TIMEOUT_S = 30.0

router = APIRouter()


@router.websocket(STREAM_PATH)
async def stream(socket: WebSocket) -> None:
    """Messages: {type: snapshot | delta, seq, odds_age_ms, odds: [{market, odds_e4, version,
    at_ms}]} and {type: heartbeat, seq, odds_age_ms}. The seq of a delta is one above that of the
    message before. Empty odds_e4 withdraw a market. A snapshot may come at any time and replaces
    everything before it."""
    hub = services_of(socket.app).hub
    await socket.accept()
    hub.readers += 1
    tasks = [asyncio.create_task(_send_frames(socket, hub)), asyncio.create_task(_drain(socket))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.readers -= 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # The reader may have disconnected first.
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()


async def _send_frames(socket: WebSocket, hub: Hub) -> None:
    frame = hub.snapshot()
    await _send_text(socket, frame.text)
    while True:
        if await hub.newer(frame.seq, HEARTBEAT_S):
            following = hub.after(frame.seq)
            assert following is not None, "there is a newer frame"
            frame = following
            await _send_text(socket, frame.text)
        else:
            await _send_text(socket, hub.heartbeat())


async def _send_text(socket: WebSocket, text: str) -> None:
    """Raises TimeoutError for a reader that no longer reads."""
    await asyncio.wait_for(socket.send_text(text), SEND_TIMEOUT_S)


async def _drain(socket: WebSocket) -> None:
    """Discard what the reader sends; returns when it disconnects."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
