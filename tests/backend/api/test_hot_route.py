"""POST /v1/slips without FastAPI answers as the documented route does, in status, headers and body.

Branches: a regular request that is accepted, repeated, refused · bodies that are not valid, could
be read in two ways, or are too large · headers that are not regular · pages of other sites · an
error that a handler of the app answers, and one that nobody expects · the address behind a
trusted proxy.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from psycopg import OperationalError

from backend.app import build
from backend.services import Services
from backend.slips import hot_route
from backend.slips.acceptance import Acceptances
from backend.slips.hot_route import HotSlips, read_regular
from tests.backend.api.bettors import UNIT, Bettor, signed, signed_by_stranger
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World

TYPE = {"Content-Type": "application/json"}


def client_of(services: Services, hot: bool) -> httpx.AsyncClient:
    app = build(services)
    if not hot:
        app.hot = None
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


async def both(
    services: Services, body: bytes, headers: Any = None
) -> tuple[httpx.Response, httpx.Response]:
    """The answers of both ways."""
    answers = []
    for hot in (True, False):
        async with client_of(services, hot) as api:
            answers.append(await api.post("/v1/slips", content=body, headers=headers or TYPE))
    return answers[0], answers[1]


def same(hot: httpx.Response, documented: httpx.Response) -> httpx.Response:
    assert hot.status_code == documented.status_code
    assert hot.json() == documented.json()
    assert hot.content == documented.content
    assert sorted(hot.headers.multi_items()) == sorted(documented.headers.multi_items())
    return hot


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request whether it was regular."""
    seen: list[bool] = []
    answered = hot_route.answered

    async def noted(*arguments: Any) -> Any:
        seen.append(True)
        return await answered(*arguments)

    monkeypatch.setattr(hot_route, "answered", noted)
    return seen


async def test_regular_slip_is_accepted_repeated_and_refused(
    services: Services, bettor: Bettor, passed: list[bool]
) -> None:
    body = json.dumps(signed(bettor)).encode()
    async with client_of(services, hot=True) as api:
        first = await api.post("/v1/slips", content=body, headers=TYPE)
    assert first.status_code == 201
    assert same(*await both(services, body)).status_code == 200
    conflict = json.dumps(signed(bettor, nonce=2, stake_micro=UNIT)).encode()
    key = {**TYPE, "Idempotency-Key": f"0x{first.json()['slip_hash'][2:]}"}
    assert same(*await both(services, conflict, key)).status_code == 409
    stranger = json.dumps(signed_by_stranger(bettor)).encode()
    assert same(*await both(services, stranger)).status_code == 403
    assert len(passed) == 4


IRREGULAR = {
    "no JSON": lambda b: b[:-1],
    "no object": lambda b: b"[]",
    "empty": lambda b: b"",
    "a key twice": lambda b: b.replace(b'"nonce": 1', b'"nonce": 1, "nonce": 1'),
    "a key twice in a leg": lambda b: b.replace(b'"outcome": 0', b'"outcome": 0, "outcome": 0'),
    "another key": lambda b: b.replace(b'"nonce": 1', b'"nonce": 1, "more": 1'),
    "an escaped key": lambda b: b.replace(b'"nonce"', b'"n\\u006fnce"'),
    "a whole float": lambda b: b.replace(b'"nonce": 1', b'"nonce": 1.0'),
    "a float": lambda b: b.replace(b'"nonce": 1', b'"nonce": 1.5'),
    "a boolean": lambda b: b.replace(b'"nonce": 1', b'"nonce": true'),
    "a number too large": lambda b: b.replace(b'"nonce": 1', b'"nonce": 1e30'),
    "no number": lambda b: b.replace(b'"nonce": 1', b'"nonce": NaN'),
    "a negative number": lambda b: b.replace(b'"nonce": 1', b'"nonce": -1'),
    "a stake of nothing": lambda b: b.replace(b'"5000000"', b'"0"'),
    "a stake as a number": lambda b: b.replace(b'"5000000"', b"5000000"),
    "half of a pair": lambda b: b.replace(b'"5000000"', b'"\\ud800"'),
    "no UTF-8": lambda b: b.replace(b'"5000000"', b'"\xff"'),
    "a mark of order": lambda b: b"\xef\xbb\xbf" + b,
    "no legs": lambda b: b.replace(b'"legs": [', b'"legs": [], "other": ['),
    "too large": lambda b: b + b" " * 20_000,
}


@pytest.mark.parametrize("name", IRREGULAR)
async def test_irregular_body_is_left_to_the_documented_route(
    name: str, services: Services, bettor: Bettor, passed: list[bool]
) -> None:
    regular = json.dumps(signed(bettor)).encode()
    body = IRREGULAR[name](regular)
    assert body != regular
    assert read_regular(body) is None or name == "too large"
    hot, documented = await both(services, body)
    if hot.status_code == 201:
        # It is a slip all the same: the second time it was accepted before.
        assert (documented.status_code, documented.json()) == (200, hot.json())
    else:
        same(hot, documented)
    assert passed == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-8"},
        {**TYPE, "Content-Encoding": "gzip"},
        {**TYPE, "Idempotency-Key": ""},
        {**TYPE, "Idempotency-Key": "x" * 256},
        [(b"Content-Type", b"application/json"), (b"Idempotency-Key", b"\xff")],
        [(b"Content-Type", b"application/json"), (b"Content-Type", b"application/json")],
    ],
)
async def test_irregular_headers_are_left_to_the_documented_route(
    headers: Any, services: Services, bettor: Bettor, passed: list[bool]
) -> None:
    hot, documented = await both(services, json.dumps(signed(bettor)).encode(), headers)
    if hot.status_code == 201:
        assert documented.status_code == 200
    else:
        same(hot, documented)
    assert passed == []


async def test_pages_of_other_sites_are_answered_as_the_settings_say(
    world: World, chain: FakeChain, bettor: Bettor, passed: list[bool]
) -> None:
    services = Services.from_settings(world.settings(cors_origins="https://other.example"))
    chain.serve(services)
    body = json.dumps(signed(bettor)).encode()
    async with services.running():
        await both(services, body)
        origin = {**TYPE, "Origin": "https://other.example"}
        answer = same(*await both(services, body, origin))
    assert answer.headers["access-control-allow-origin"] == "https://other.example"
    assert len(passed) == 1


@pytest.mark.parametrize(
    ("error", "status"), [(OperationalError("gone"), 503), (ValueError("unexpected"), 500)]
)
async def test_errors_are_answered_as_the_app_does(
    error: Exception,
    status: int,
    services: Services,
    bettor: Bettor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def failing(*arguments: Any) -> None:
        raise error

    monkeypatch.setattr(Acceptances, "accept", failing)
    hot, documented = await both(services, json.dumps(signed(bettor)).encode())
    assert hot.status_code == documented.status_code == status
    assert hot.content == documented.content


async def test_address_behind_a_trusted_proxy_is_the_one_that_is_limited(
    world: World, chain: FakeChain, bettor: Bettor
) -> None:
    services = Services.from_settings(world.settings(trusted_proxies="127.0.0.1"))
    chain.serve(services)
    body = json.dumps(signed(bettor)).encode()
    async with services.running():
        await both(services, body, {**TYPE, "X-Forwarded-For": "192.0.2.9"})
    assert int(world.redis.get("rate:address:192.0.2.9")) == 2


def test_other_paths_and_methods_are_not_for_it() -> None:
    scope = {"type": "http", "method": "POST", "path": "/v1/slips"}
    assert HotSlips.is_for(scope)
    for change in ({"method": "GET"}, {"path": "/v1/slips/"}, {"type": "websocket"}):
        assert not HotSlips.is_for({**scope, **change})
