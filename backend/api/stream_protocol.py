"""Adds limits to uvicorn's WebSocket protocol: clients of the stream have little to say."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

import orjson
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from backend.api.connection_limits import Connection, Connections
from backend.api.frames import text_frame
from backend.api.http_protocol import answer_bytes
from backend.problems import RequestMalformed

MAX_MESSAGE_BYTES = 4 * 1024
# Messages, their fragments, pings and pongs. Each ping is answered, read or not.
MAX_FRAMES_PER_MINUTE = 240
# So that a client is stopped before all is parsed that it sent at once.
_PARSED_AT_ONCE = 1024
_POLICY_VIOLATION = 1008
# When the process ends, its readers come back within this time, not all at once.
RECONNECT_WITHIN_MS = 5_000
# What names the transport among the extensions of a scope.
TRANSPORT = "fairline.transport"


class StreamProtocol(WebSocketsSansIOProtocol):
    """One WebSocket, on a connection that an HttpProtocol has counted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections = cast(Connections, self.app_state["connections"])
        self._connection: Connection | None = self._connections.find(transport)
        self._frames = 0
        self._minute_began = self.loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connections.remove(self._connection)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PARSED_AT_ONCE):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _PARSED_AT_ONCE])
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                refused = RequestMalformed("The request does not open a WebSocket.")
                self.transport.write(answer_bytes(refused, self.default_headers))
                self.transport.close()

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[TRANSPORT] = self.transport
        await super().run_asgi()

    def shutdown(self) -> None:
        if self.handshake_complete and not self.close_sent:
            wait_ms = random.randrange(RECONNECT_WITHIN_MS)
            closing = {"type": "closing", "reconnect_after_ms": wait_ms}
            self.transport.write(text_frame(orjson.dumps(closing)))
        super().shutdown()

    def send_receive_event_to_app(self) -> None:
        """Forget a message: what a client says is ignored."""
        self.frames = []

    def handle_events(self) -> None:
        now = self.loop.time()
        if now - self._minute_began >= 60:
            self._frames, self._minute_began = 0, now
        self._frames += len(self.conn.events)
        if self._frames > MAX_FRAMES_PER_MINUTE and self.handshake_complete:
            self.conn.fail(_POLICY_VIOLATION, "too many messages")
            self.handle_parser_exception()
            return
        super().handle_events()
