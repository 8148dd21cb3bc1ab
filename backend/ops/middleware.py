"""Owns what happens around every request: a bound on its body, security headers, its timing."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.ops.metrics import Metrics
from backend.problems import BodyTooLarge, BodyTooSlow

MAX_BODY_BYTES = 16 * 1024
BODY_TIMEOUT_S = 10.0

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class BodyLimit:
    """Takes a body in before the app sees the request, or refuses it while it still comes in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await _body(scope, receive)
        except (BodyTooLarge, BodyTooSlow) as problem:
            await _refuse(problem, scope, receive, send)
            return
        except TimeoutError:
            slow = BodyTooSlow(f"The body must arrive within {BODY_TIMEOUT_S:.0f} s.")
            await _refuse(slow, scope, receive, send)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def _body(scope: Scope, receive: Receive) -> bytes:
    parts = bytearray()
    too_large = BodyTooLarge(f"A body may have {MAX_BODY_BYTES} bytes at most.")
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > MAX_BODY_BYTES:
            raise too_large
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(parts)
        parts += message.get("body", b"")
        if len(parts) > MAX_BODY_BYTES:
            raise too_large
        if not message.get("more_body", False):
            return bytes(parts)


async def _refuse(
    problem: BodyTooLarge | BodyTooSlow, scope: Scope, receive: Receive, send: Send
) -> None:
    response = problem.response()
    # What is still on its way cannot be told apart from the next request.
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


class Surroundings:
    """Adds security headers to every answer and times it by its route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def add_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, add_headers)
        finally:
            route = getattr(scope.get("route"), "path", "") or "other"
            self._metrics.requests.labels(scope["method"], route, str(status)).observe(
                time.perf_counter() - began
            )
