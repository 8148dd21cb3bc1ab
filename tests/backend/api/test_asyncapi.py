"""The document of the stream names every message, as the OpenAPI document has it, and nothing in it
refers to what is not there. That what is sent has these members is in test_openapi.py and
test_private_stream.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from backend.asyncapi import asyncapi_of


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


async def test_every_message_is_named_as_in_openapi(api: httpx.AsyncClient) -> None:
    document = (await api.get("/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0"
    schemas = document["components"]["schemas"]
    kinds = {
        schemas[message["payload"]["$ref"].rpartition("/")[2]]["properties"]["type"]["const"]
        for message in document["components"]["messages"].values()
    }
    assert kinds == {"snapshot", "delta", "heartbeat", "closing", "account", "account-change"}
    openapi = (await api.get("/openapi.json")).json()["components"]["schemas"]
    assert schemas == {name: openapi[name] for name in schemas}
    assert document["channels"]["stream"]["messages"].keys() == kinds_of(document)
    for reference in set(references(document)):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def kinds_of(document: dict[str, Any]) -> Any:
    return document["components"]["messages"].keys()


@pytest.mark.parametrize(
    ("public_url", "server"),
    [
        ("https://app.example.org/", {"host": "app.example.org", "protocol": "wss"}),
        ("http://127.0.0.1:8000", {"host": "127.0.0.1:8000", "protocol": "ws"}),
        ("/", {"host": "localhost", "protocol": "ws"}),
    ],
)
def test_server_is_that_of_the_api(public_url: str, server: dict[str, str]) -> None:
    assert asyncapi_of("1", public_url)["servers"] == {"api": server}
