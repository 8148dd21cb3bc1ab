"""Completes the OpenAPI document that FastAPI makes: media type of problems, servers, security, and
the WebSocket, which OpenAPI has no place for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from backend.account_events.models import ACCOUNT_MESSAGES
from backend.api.stream_protocol import MAX_FRAMES_PER_MINUTE, MAX_MESSAGE_BYTES
from backend.problems import MEDIA_TYPE
from backend.stream.broadcast import HEARTBEAT_S, TICK_S
from backend.stream.models import STREAM_MESSAGES, STREAM_PATH

Json = dict[str, Any]

MESSAGES = (*STREAM_MESSAGES, *ACCOUNT_MESSAGES)

VERSION = "1"
DESCRIPTION = """
Live odds, signed slips, and bets on the chain.

Amounts are decimal strings of micro-units (10^-6 of the token), odds are decimal odds x 10^4, and
times are unix seconds of the server's clock, which `now_s` of `/v1/typed-data` shows; on a test
system it can be the chain's time. Every refusal is a problem (RFC 9457) with a stable
`code`. Live odds are pushed over the WebSocket `/v1/stream`.
"""

_JSON = "application/json"
_SCHEMAS = "#/components/schemas/"


def openapi_of(routes: Sequence[BaseRoute], public_url: str, cookie: str) -> Json:
    """The document of an app with these routes, which is served at `public_url`, with the name of
    its cookie."""
    document: Json = get_openapi(
        title="Fairline",
        version=VERSION,
        description=DESCRIPTION,
        routes=routes,
        servers=[{"url": public_url}],
    )
    # Few requests need a session, and say so: elsewhere signatures are in the bodies.
    document["security"] = []
    document["components"]["securitySchemes"] = {
        "sessionCookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "Set by `POST /v1/sessions`, for the browsers of this site alone.",
        },
        "sessionToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "`token` of `POST /v1/sessions` with `transport` bearer.",
        },
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                _use_media_type_of_problems(response)
    _add_stream(document)
    return document


def _use_media_type_of_problems(response: Json) -> None:
    """FastAPI declares every schema as application/json."""
    content = response.get("content", {})
    if MEDIA_TYPE in content and _JSON in content:
        content[MEDIA_TYPE] |= content.pop(_JSON)


def _add_stream(document: Json) -> None:
    schemas: Json = document["components"]["schemas"]
    for message in MESSAGES:
        schemas[message.__name__] = message.model_json_schema(ref_template=_SCHEMAS + "{model}")
        schemas |= schemas[message.__name__].pop("$defs", {})
    messages = [{"$ref": _SCHEMAS + message.__name__} for message in MESSAGES]
    operation = document["paths"][STREAM_PATH]["get"]
    operation["description"] = (
        "A WebSocket of live odds. The messages are texts of JSON: a snapshot first, then a delta"
        f" for the changes of each {TICK_S * 1_000:.0f} ms and a heartbeat when nothing has changed"
        f" for {HEARTBEAT_S:.0f} s. The `seq` of a delta is one above that of the message before; a"
        " snapshot may come at any time and"
        " replaces everything before it. Whoever comes back with `resume` gets what came meanwhile,"
        " or a snapshot. With a ticket, messages of the own account come between them, which"
        " have no `seq`: all of it first, then what changed, at once. When the session ends, the"
        f" stream is closed with the code 4401. What a client sends is ignored; more than"
        f" {MAX_FRAMES_PER_MINUTE} frames in a minute, or messages above {MAX_MESSAGE_BYTES:,}"
        " bytes, end the stream."
    )
    refusals = {k: v for k, v in operation["responses"].items() if k >= "400"}
    operation["responses"] = {
        "101": {
            "description": "The connection is a WebSocket now, with these messages.",
            "content": {_JSON: {"schema": {"oneOf": messages}}},
        },
        **refusals,
    }
