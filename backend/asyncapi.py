"""Describes the stream's messages in an AsyncAPI 3 document: OpenAPI has no place for them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from backend.openapi import MESSAGES
from backend.stream.following import (
    FIXTURE_PATTERN,
    FIXTURES,
    MOST_FIXTURES,
    RESUME,
    RESUME_PATTERN,
)
from backend.stream.models import STREAM_PATH

Json = dict[str, Any]

_REF = "#/components/schemas/"


def asyncapi_of(version: str, public_url: str) -> Json:
    """The document of a stream that is served beside the API at `public_url`."""
    schemas: Json = {}
    for message in MESSAGES:
        schema = message.model_json_schema(ref_template=_REF + "{model}")
        schemas |= schema.pop("$defs", {})
        schemas[message.__name__] = schema
    names = [message.__name__ for message in MESSAGES]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fairline's stream",
            "version": version,
            "description": "Live odds, and with a ticket what happens to its owner's account. The"
            " API that goes with it is described by /openapi.json.",
        },
        "defaultContentType": "application/json",
        "servers": {"api": _server(public_url)},
        "channels": {
            "stream": {
                "address": STREAM_PATH,
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {"ws": {"method": "GET", "query": _QUERY}},
            }
        },
        "operations": {
            "sendStream": {
                "action": "send",
                "channel": {"$ref": "#/channels/stream"},
                "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in names],
            }
        },
        "components": {
            "messages": {
                message.__name__: {
                    "name": message.__name__,
                    "summary": " ".join((message.__doc__ or "").split()),
                    "payload": {"$ref": _REF + message.__name__},
                }
                for message in MESSAGES
            },
            "schemas": schemas,
        },
    }


def _server(public_url: str) -> Json:
    url = urlsplit(public_url)
    # Without an address of its own the API is wherever this document was read.
    host = url.netloc or "localhost"
    return {"host": host, "protocol": "wss" if url.scheme == "https" else "ws"}


_QUERY: Json = {
    "type": "object",
    "properties": {
        FIXTURES: {
            "type": "array",
            "items": {"type": "string", "pattern": FIXTURE_PATTERN},
            "maxItems": MOST_FIXTURES,
            "description": "Follow the markets of these fixtures only.",
        },
        RESUME: {
            "type": "string",
            "pattern": RESUME_PATTERN,
            "description": "`epoch`.`seq` of the last message read.",
        },
        "ticket": {
            "type": "string",
            "description": "Of POST /v1/stream/tickets: adds what happens to its owner's account.",
        },
    },
}
