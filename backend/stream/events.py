"""Serves the live odds as Server-Sent Events, for readers that cannot open a WebSocket: the same
messages, each with its epoch and number as its id."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from backend.api.client_address import limit_name_of
from backend.problems import BodyMalformed, responses
from backend.stream.broadcast import HEARTBEAT_S, TooManyTopics, Topic
from backend.stream.following import Fixtures, fixtures_of, resumed_of
from backend.stream.message_sequence import Frame, MessageSequence
from backend.stream.stream_limits import TooManyStreams
from backend.stream_services import StreamServices, StreamServicesDep

MEDIA_TYPE = "text/event-stream"
_EVENT = "event: {type}\ndata: {message}\nid: 1f0c2b3a.41\n\n"

router = APIRouter(tags=["stream"])

LastEventId = Annotated[
    str | None,
    Header(description="The id of the last event read; a browser sends it when it reconnects."),
]


@router.get(
    "/v1/stream/events",
    response_class=Response,
    responses={
        200: {
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EVENT}},
            "description": "Events whose data are the messages of `/v1/stream`.",
        },
        **responses(BodyMalformed, TooManyStreams, TooManyTopics),
    },
)
async def get_stream_events(
    request: Request,
    services: StreamServicesDep,
    fixture: Fixtures = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Sends a snapshot, then every change, as Server-Sent Events (text/event-stream)."""
    client = limit_name_of(request)
    # A browser that has read nothing may send an empty one.
    resumed = resumed_of(last_event_id or None)
    return _Events(services, client, fixtures_of(fixture or ()), resumed)


class _Events(Response):
    """An answer that goes on until its reader leaves. A slow one is waited for, and then gets what
    it has missed or a snapshot."""

    def __init__(
        self,
        services: StreamServices,
        client: str,
        fixtures: Topic,
        resumed: tuple[str, int] | None,
    ) -> None:
        super().__init__(
            media_type=MEDIA_TYPE,
            # nginx would keep events back until its buffer is full.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        del self.headers["content-length"]
        self._services = services
        self._client = client
        self._fixtures = fixtures
        self._resumed = resumed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises TooManyStreams and TooManyTopics before anything is sent."""
        services = self._services
        with (
            services.readers.one_more(self._client),
            services.broadcast.topic(self._fixtures) as sequence,
        ):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            tasks = [
                asyncio.create_task(self._send_events(sequence, send)),
                asyncio.create_task(_left(receive)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_events(self, sequence: MessageSequence, send: Send) -> None:
        frame = sequence.snapshot() if self._resumed is None else sequence.resume(*self._resumed)
        seq = sequence.seq if frame is None else frame.seq
        while True:
            await _send(send, sequence.heartbeat() if frame is None else frame)
            frame = sequence.after(seq)
            if frame is None and await self._services.broadcast.next_round(HEARTBEAT_S):
                frame = sequence.after(seq)
            seq = seq if frame is None else frame.seq


async def _send(send: Send, frame: Frame) -> None:
    head = f"event: {frame.kind}\nid: {frame.epoch}.{frame.seq}\ndata: "
    body = head.encode() + frame.body + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _left(receive: Receive) -> None:
    """Returns when the reader has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
