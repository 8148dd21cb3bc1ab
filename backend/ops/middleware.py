"""Wraps every HTTP request: bounds its body, adds security headers, measures its time."""

from __future__ import annotations

import asyncio
import time

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.client_address import ClientAddress
from backend.ops.metrics import Metrics
from backend.ops.pages import VIEWS
from backend.problems import BodyTooLarge, BodyTooSlow
from backend.stream_services import StreamServices

MAX_BODY_BYTES = 16 * 1024
BODY_TIMEOUT_S = 10.0

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The icons of Swagger UI are in its style sheet, and those of wallets in what they announce
# (EIP-6963).
PAGE_POLICY = POLICY.replace("img-src 'self'", "img-src 'self' data:")
# Attests to a wallet on another device which page asks.
WALLETCONNECT_FRAME = "https://verify.walletconnect.org"
# The relay by which it joins, and its node for chains that are not local.
WALLETCONNECT_CONNECT = (
    f"wss://relay.walletconnect.org https://rpc.walletconnect.org {WALLETCONNECT_FRAME}"
)


class BodyLimit:
    """Reads the whole body before the app sees the request, and refuses one that is too large or
    too slow while it is still arriving."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(scope, receive)
        except (BodyTooLarge, BodyTooSlow) as problem:
            await closing(problem)(scope, receive, send)
            return
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises BodyTooLarge and BodyTooSlow."""
    too_large = BodyTooLarge(f"A body may have at most {MAX_BODY_BYTES} bytes.")
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > MAX_BODY_BYTES:
            raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return bytes(body)
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise BodyTooSlow(f"The body must arrive within {BODY_TIMEOUT_S:.0f} s.") from None


def closing(problem: BodyTooLarge | BodyTooSlow) -> Response:
    """The answer after which the connection is closed: what still arrives of the body could be
    mistaken for the next request."""
    response = problem.response()
    response.headers["Connection"] = "close"
    return response


def security_headers(policy: str = POLICY) -> tuple[tuple[str, str], ...]:
    """What every response has; the policy is that of answers that are no pages."""
    return (
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    )


class SecurityHeaders:
    """Adds security headers to every response, and keeps answers of the API out of caches. The app
    may also connect to `node`, that of a local chain, and with `walletconnect` to its relay."""

    def __init__(
        self, app: ASGIApp, node: str | None = None, *, walletconnect: bool = False
    ) -> None:
        self._app = app
        hosts = [node] if node else []
        hosts += [WALLETCONNECT_CONNECT] * walletconnect
        connect = "connect-src 'self'"
        policy = PAGE_POLICY.replace(connect, " ".join([connect, *hosts]))
        self._app_policy = policy + f"; frame-src {WALLETCONNECT_FRAME}" * walletconnect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope["path"]
                headers = MutableHeaders(scope=message)
                for name, value in security_headers(self.policy(path)):
                    headers[name] = value
                if path.startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, add_headers)

    def policy(self, path: str) -> str:
        """The content policy of a path."""
        if VIEWS.fullmatch(path):
            return self._app_policy
        return PAGE_POLICY if path in ("/docs", "/docs/") else POLICY


class RequestTiming:
    """Measures how long every request takes, by route and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            route = getattr(scope.get("route"), "path", "") or "other"
            self._metrics.requests.labels(scope["method"], route, str(status)).observe(
                time.perf_counter() - began
            )


def wrap(
    app: FastAPI,
    services: StreamServices,
    node: str | None = None,
    *,
    walletconnect: bool = False,
) -> None:
    """Add the headers, the measuring and the client's address to every request of an app, and other
    origins as the settings allow them. The app's page may also connect to `node`, and with
    `walletconnect` to its relay."""
    settings = services.settings
    app.add_middleware(SecurityHeaders, node=node, walletconnect=walletconnect)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=[
                *("Authorization", "Content-Type", "Idempotency-Key"),
                *("If-None-Match", "Last-Event-ID"),
            ],
            expose_headers=["ETag", "Retry-After"],
        )
    app.add_middleware(RequestTiming, metrics=services.metrics)
    app.add_middleware(ClientAddress, trusted=settings.trusted_proxies)
