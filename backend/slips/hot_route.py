"""Serves POST /v1/slips without FastAPI where a request has the regular form, for speed.

It answers exactly as the documented route (`backend.slips.routes`) does. Whatever is not regular,
and so probably refused, is left to that route: this one has no refusals of its own.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import orjson
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Message, Receive, Scope, Send

from backend.api.client_address import limit_name
from backend.problems import Problem
from backend.services import services_of
from backend.slips.acceptance import Acceptances
from backend.slips.answers import answered
from backend.slips.models import SlipCreate
from backend.slips.refusals import StakeInvalid

PATH = "/v1/slips"

_IRREGULAR = "fairline.irregular"
_KEY = re.compile(rb"[\x20-\x7e]{1,255}")
_SLIP_KEYS, _LEG_KEYS = len(SlipCreate.model_fields), 2
_STATUS = {True: 201, False: 200}
_CONTENT_TYPE = (b"content-type", b"application/json")


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


def read_key(headers: list[tuple[bytes, bytes]]) -> tuple[bool, str | None]:
    """Whether the headers are those of a regular request, and its Idempotency-Key."""
    types, key = 0, None
    for name, value in headers:
        if name == b"content-type":
            if value != _CONTENT_TYPE[1]:
                return False, None
            types += 1
        elif name == b"content-encoding":
            return False, None
        elif name == b"idempotency-key":
            if key is not None or not _KEY.fullmatch(value):
                return False, None
            key = value
    return types == 1, None if key is None else key.decode("ascii")


class HotSlipsRoute(BaseRoute):
    """The route before all others of an app."""

    path = PATH

    def __init__(self, app: FastAPI) -> None:
        self._router = app.router
        self._services = services_of(app)
        self._acceptances: Acceptances = app.state.acceptances

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """A match for what has not been found irregular."""
        if (
            scope["type"] != "http"
            or scope["path"] != PATH
            or scope["method"] != "POST"
            or _IRREGULAR in scope
        ):
            return Match.NONE, {}
        return Match.FULL, {"route": self}

    def url_path_for(self, name: str, /, **path_params: Any) -> NoReturn:
        """The documented route has the name."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or leave the request to the documented route."""
        message = await receive()
        regular, key = read_key(scope["headers"])
        create = None
        if regular and message["type"] == "http.request" and not message.get("more_body"):
            create = read_regular(message["body"])
        if create is None:
            await self._leave(scope, message, receive, send)
            return
        try:
            client = scope.get("client")
            name = limit_name(client[0]) if client else "unknown"
            await self._services.limiter.count("address", name)
            new, answer = await answered(self._services, self._acceptances, create, key)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        body = orjson.dumps(answer)
        length = (b"content-length", str(len(body)).encode())
        await send(
            {
                "type": "http.response.start",
                "status": _STATUS[new],
                "headers": [length, _CONTENT_TYPE],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _leave(self, scope: Scope, first: Message, receive: Receive, send: Send) -> None:
        messages = [first]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        scope.pop("route", None)
        scope[_IRREGULAR] = True
        await self._router(scope, replay, send)
