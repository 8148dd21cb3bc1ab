"""Reads the bodies of requests as JSON that means one thing: no key twice, no NaN, no infinity, no
half of a surrogate pair. Other media types and compressed bodies are refused for what they are."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from backend.problems import BodyMalformed, MediaTypeUnsupported

_JSON = "application/json"
# Below it every integer is a float of its own.
_EXACT = 2**53
_IDENTITY = ("", "identity")


class JsonRequest(Request):
    """A request whose body is one JSON value."""

    async def json(self) -> Any:
        """The body. Raises BodyMalformed."""
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json


class JsonRoute(APIRoute):
    """A route that takes a body of JSON and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def checked(request: Request) -> Response:
            _check_media_type(request)
            body = JsonRequest(request.scope, request.receive)
            # Here, since FastAPI would call every error of it a bad request.
            await body.json()
            return await handle(body)

        return checked


def read_json(body: bytes) -> Any:
    """The value of a body. Raises BodyMalformed."""
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_number
        )
        # A key or a text with half of a pair has no bytes.
        json.dumps(value, ensure_ascii=False).encode()
    except _Twice as error:
        raise BodyMalformed(f"The body has the key {error.args[0]} twice.", field="") from None
    except (ValueError, RecursionError):
        raise BodyMalformed(
            "The body is not valid JSON; send one JSON object as application/json.", field=""
        ) from None
    return value


def _number(text: str) -> int | float:
    """A whole number as an integer, however it is written: 7.0 is 7."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


class _Twice(Exception):
    """A key is twice in an object; the argument is the key."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, member in pairs:
        if key in value:
            raise _Twice(key[:40].encode("utf-8", "replace").decode())
        value[key] = member
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_media_type(request: Request) -> None:
    """Raises MediaTypeUnsupported."""
    named = request.headers.getlist("content-type")
    if len(named) != 1 or named[0].partition(";")[0].strip().lower() != _JSON:
        raise MediaTypeUnsupported(f"Send one JSON object, with Content-Type: {_JSON}.")
    coding = ", ".join(request.headers.getlist("content-encoding")).strip().lower()
    if coding not in _IDENTITY:
        raise MediaTypeUnsupported("Send the body as it is, without Content-Encoding.")
