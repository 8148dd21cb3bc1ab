"""Answers POST /v1/slips without FastAPI and its middlewares where a request has the regular form,
which takes a sixth of their time.

Its answers are those of the documented route (`backend.slips.routes`). Whatever is not regular, and
so probably refused, is left to that route: this one has no refusals of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

import orjson
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.client_address import UNKNOWN, client_of, limit_name
from backend.ops.middleware import closing, read_body, security_headers
from backend.problems import BodyTooLarge, BodyTooSlow, Problem, internal_error
from backend.services import services_of
from backend.slips.acceptance import Acceptances
from backend.slips.answers import answered
from backend.slips.models import SlipCreate
from backend.slips.refusals import StakeInvalid

PATH = "/v1/slips"

Headers = Sequence[tuple[bytes, bytes]]

_JSON = b"application/json"
_KEY = re.compile(rb"[\x20-\x7e]{1,255}")
_SLIP_KEYS, _LEG_KEYS = len(SlipCreate.model_fields), 2
_SECURITY = [
    *((name.lower().encode(), value.encode()) for name, value in security_headers()),
    (b"cache-control", b"no-store"),
]


def read_regular(body: bytes) -> SlipCreate | None:
    """The slip of a body; None where the body is not valid, or could be read in two ways."""
    try:
        create = SlipCreate.model_validate_json(body)
    except (ValidationError, StakeInvalid):
        return None
    # The strings of a valid slip have neither: so there are as many keys as colons, and a key that
    # is there twice makes one too many.
    if b"\\" in body or body.count(b":") != _SLIP_KEYS + _LEG_KEYS * len(create.legs):
        return None
    return create


@dataclass(frozen=True, slots=True)
class RegularHeaders:
    """What counts of the headers of a regular request."""

    idempotency_key: str | None
    forwarded: tuple[str, ...]


def read_headers(headers: Headers, cross_origin: bool) -> RegularHeaders | None:
    """None for headers that are not regular. With `cross_origin`, pages of other sites may ask, who
    need an answer to that."""
    types, key = 0, None
    forwarded: tuple[str, ...] = ()
    for name, value in headers:
        if name == b"content-type":
            if value != _JSON:
                return None
            types += 1
        elif name == b"content-encoding" or (name == b"origin" and cross_origin):
            return None
        elif name == b"idempotency-key":
            if key is not None or not _KEY.fullmatch(value):
                return None
            key = value
        elif name == b"x-forwarded-for":
            forwarded = (*forwarded, value.decode("latin-1"))
    if types != 1:
        return None
    return RegularHeaders(None if key is None else key.decode("ascii"), forwarded)


class HotSlips:
    """Stands before `app`; `documented` serves what it leaves."""

    def __init__(self, app: FastAPI, documented: ASGIApp) -> None:
        self._app = app
        self._documented = documented
        self._services = services_of(app)
        self._acceptances: Acceptances = app.state.acceptances
        settings = self._services.settings
        self._trusted, self._cross_origin = settings.trusted_proxies, bool(settings.cors_origins)

    @staticmethod
    def is_for(scope: Scope) -> bool:
        """Whether this is a request for it."""
        return bool(scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or leave the request to the documented route."""
        began = time.perf_counter()
        headers = read_headers(scope["headers"], self._cross_origin)
        if headers is None:
            await self._documented(scope, receive, send)
            return
        body = b""
        try:
            body = await read_body(scope, receive)
            create = read_regular(body)
        except (BodyTooLarge, BodyTooSlow) as problem:
            await self._respond(closing(problem), began, send)
            return
        if create is None:
            await self._documented(scope, _replayed(body, receive), send)
            return
        try:
            await self._services.limiter.count("address", self._name(scope, headers))
            new, answer = await answered(
                self._services, self._acceptances, create, headers.idempotency_key
            )
        except Exception as error:
            await self._fail(error, scope, began, send)
            return
        content = orjson.dumps(answer)
        await self._send(201 if new else 200, content, [(b"content-type", _JSON)], began, send)

    def _name(self, scope: Scope, headers: RegularHeaders) -> str:
        client = scope.get("client")
        if not client:
            return UNKNOWN
        return limit_name(client_of(client[0], headers.forwarded, self._trusted))

    async def _fail(self, error: Exception, scope: Scope, began: float, send: Send) -> None:
        """Answer an error as the app does; one that it does not expect is raised again."""
        if isinstance(error, Problem):
            await self._respond(error.response(), began, send)
            return
        scope["app"] = self._app
        for kind in type(error).__mro__:
            handler = self._app.exception_handlers.get(kind)
            if handler is not None and kind is not Exception:
                answer = handler(Request(scope), error)
                assert isinstance(answer, Awaitable), "every handler of the app is asynchronous"
                await self._respond(await answer, began, send)
                return
        await self._respond(internal_error().response(), began, send)
        raise error

    async def _respond(self, response: Response, began: float, send: Send) -> None:
        own = [header for header in response.raw_headers if header[0] != b"content-length"]
        await self._send(response.status_code, bytes(response.body), own, began, send)

    async def _send(
        self, status: int, body: bytes, headers: Headers, began: float, send: Send
    ) -> None:
        length = (b"content-length", str(len(body)).encode())
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [length, *headers, *_SECURITY],
            }
        )
        await send({"type": "http.response.body", "body": body})
        self._services.metrics.requests.labels("POST", PATH, str(status)).observe(
            time.perf_counter() - began
        )


def _replayed(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
