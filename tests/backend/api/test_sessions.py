"""What a session allows, how it ends, and what a thief of a token or of Redis can do.

Branches: cookie and bearer, and how each is set · no session, an invented one, one that was
revoked, idle or old · listing, without tokens, of the caller alone · revoking one, all, another's ·
a token that the client chose · signing in again · too many · a token at another deployment · what
is in Redis · a page of another site · a revocation while the session is used.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from backend.services import Services
from backend.sessions.store import MAX_SESSIONS, SessionStore
from tests.backend.api.bettors import Bettor
from tests.backend.api.client import client, is_problem
from tests.backend.api.signing_in import ORIGIN, message_text, nonce, post_signed, signed_in
from tests.backend.api.world import World

DEVICES = ("Phone", "Desk")


@pytest.fixture(autouse=True)
def page(services: Services) -> None:
    """The server has the address of its page."""
    services.settings = services.settings.model_copy(update={"public_url": ORIGIN})


@pytest.fixture
async def phone(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """Another client than `api`, with cookies of its own."""
    async with client(services) as made:
        yield made


async def enter(api: httpx.AsyncClient, bettor: Bettor, **headers: str) -> dict[str, Any]:
    """Sign in with a cookie."""
    text = message_text(bettor.address, await nonce(api))
    answer = await post_signed(api, text, bettor.key, **headers)
    assert answer.status_code == 201, answer.text
    opened: dict[str, Any] = answer.json()
    return opened


async def listed(api: httpx.AsyncClient, **headers: str) -> list[dict[str, Any]]:
    answer = await api.get("/v1/sessions", headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["sessions"]
    return found


async def test_cookie_is_for_this_site_and_no_script(
    services: Services, bettor: Bettor, api: httpx.AsyncClient
) -> None:
    text = message_text(bettor.address, await nonce(api))
    local = (await post_signed(api, text, bettor.key)).headers["set-cookie"]
    assert local.startswith("session=")
    services.deployment = replace(services.deployment, chain_id=8453)
    services.sessions = SessionStore(services.redis, services.domain, 60, 600)
    text = message_text(bettor.address, await nonce(api))
    public = (await post_signed(api, text, bettor.key)).headers["set-cookie"]
    assert public.startswith("__Host-session=")
    for cookie in (local, public):
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/"} <= parts
        assert not any(part.startswith("domain") for part in parts)
        assert ("secure" in parts) == (cookie is public)


async def test_bearer_sets_no_cookie_and_cookie_shows_no_token(
    api: httpx.AsyncClient, phone: httpx.AsyncClient, bettor: Bettor
) -> None:
    bearer = await signed_in(phone, bettor)
    assert not phone.cookies
    assert len(await listed(phone, **bearer)) == 1
    is_problem(await phone.get("/v1/sessions"), 401, "session-required")
    opened = await enter(api, bettor)
    assert opened["token"] is None
    assert len(await listed(api)) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {'A' * 43}"},
        {"Authorization": "Bearer *"},
        {"Authorization": "Basic YTpi"},
        {"Cookie": "session=../../etc"},
        {"Cookie": "__Host-session=" + "A" * 43},
    ],
)
async def test_without_a_session_nothing_private_is_shown(
    api: httpx.AsyncClient, bettor: Bettor, headers: dict[str, str]
) -> None:
    await signed_in(api, bettor)
    answer = await api.get("/v1/sessions", headers=headers)
    is_problem(answer, 401, "session-required")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_sessions_are_listed_for_their_owner_alone(
    api: httpx.AsyncClient, bettor: Bettor, world: World
) -> None:
    other = world.open_account(8)
    tokens = [await signed_in(api, bettor, **{"User-Agent": device}) for device in DEVICES]
    theirs = await signed_in(api, other)
    found = await listed(api, **tokens[1])
    assert [one["user_agent"] for one in found] == [*reversed(DEVICES)]
    assert [one["current"] for one in found] == [True, False]
    assert {one["address"] for one in found} == {bettor.address}
    text = str(found)
    for token in tokens:
        secret = token["Authorization"].removeprefix("Bearer ")
        assert secret not in text
        assert hashlib.sha256(secret.encode()).hexdigest() not in text
    stolen = found[0]["id"]
    is_problem(await api.delete(f"/v1/sessions/{stolen}", headers=theirs), 404, "not-found")
    assert len(await listed(api, **tokens[0])) == 2


async def test_revoked_sessions_end_at_once(api: httpx.AsyncClient, bettor: Bettor) -> None:
    tokens = [await signed_in(api, bettor) for _ in range(4)]
    found = await listed(api, **tokens[3])
    gone = await api.delete(f"/v1/sessions/{found[3]['id']}", headers=tokens[3])
    assert gone.status_code == 204
    is_problem(await api.get("/v1/sessions", headers=tokens[0]), 401, "session-required")
    assert (await api.delete("/v1/sessions/current", headers=tokens[1])).status_code == 204
    is_problem(await api.get("/v1/sessions", headers=tokens[1]), 401, "session-required")
    assert len(await listed(api, **tokens[3])) == 2
    assert (await api.delete("/v1/sessions", headers=tokens[2])).status_code == 204
    for token in tokens:
        is_problem(await api.get("/v1/sessions", headers=token), 401, "session-required")


async def test_paths_name_the_methods_that_they_have(api: httpx.AsyncClient) -> None:
    for path, methods in (
        ("/v1/sessions", "DELETE, GET, POST"),
        ("/v1/sessions/nonce", "POST"),
        ("/v1/accounts/7/limits", "GET, PUT"),
    ):
        answer = await api.patch(path)
        is_problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == methods


async def test_signing_out_takes_the_cookie_back(api: httpx.AsyncClient, bettor: Bettor) -> None:
    await enter(api, bettor)
    kept = api.cookies["session"]
    answer = await api.delete("/v1/sessions/current", headers={"Origin": ORIGIN})
    assert answer.status_code == 204
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert not api.cookies
    # Whoever kept the cookie has nothing.
    stolen = await api.get("/v1/sessions", headers={"Cookie": f"session={kept}"})
    is_problem(stolen, 401, "session-required")


async def test_session_is_never_the_one_that_the_client_brought(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    """Session fixation: a token that somebody planted before does not become the owner's."""
    planted = "P" * 43
    api.cookies.set("session", planted)
    await enter(api, bettor)
    headers = {"Authorization": f"Bearer {planted}"}
    is_problem(await api.get("/v1/sessions", headers=headers), 401, "session-required")


async def test_signing_in_again_ends_the_session_before(
    api: httpx.AsyncClient, bettor: Bettor, world: World
) -> None:
    """A browser that signs in as another does not keep the first one alive."""
    await enter(api, bettor)
    before = {"Authorization": f"Bearer {api.cookies['session']}"}
    other = world.open_account(8)
    await enter(api, other)
    is_problem(await api.get("/v1/sessions", headers=before), 401, "session-required")
    assert [one["address"] for one in await listed(api)] == [other.address]


async def test_session_ends_when_it_is_idle(
    api: httpx.AsyncClient, bettor: Bettor, services: Services
) -> None:
    token = await signed_in(api, bettor)
    start_s = services.sessions.now_s()
    idle_s, lifetime_s = services.sessions.idle_s, services.sessions.lifetime_s
    # Used again and again, it lives until its lifetime is over.
    for step in range(1, lifetime_s // (idle_s - 10) + 1):
        services.sessions.clock = lambda: start_s + step * (idle_s - 10)  # noqa: B023
        assert (await listed(api, **token))[0]["seen_s"] == start_s + step * (idle_s - 10)
    services.sessions.clock = lambda: start_s + lifetime_s
    is_problem(await api.get("/v1/sessions", headers=token), 401, "session-required")
    services.sessions.clock = lambda: start_s
    other = await signed_in(api, bettor)
    services.sessions.clock = lambda: start_s + idle_s
    is_problem(await api.get("/v1/sessions", headers=other), 401, "session-required")


async def test_redis_forgets_sessions_by_itself(
    api: httpx.AsyncClient, bettor: Bettor, services: Services
) -> None:
    await signed_in(api, bettor)
    keys = [key async for key in services.redis.scan_iter(match="session*")]
    assert len(keys) == 2
    for key in keys:
        assert 0 < await services.redis.ttl(key) <= services.sessions.lifetime_s


async def test_an_owner_has_a_bounded_number_of_sessions(
    api: httpx.AsyncClient, bettor: Bettor, services: Services
) -> None:
    start_s = services.sessions.now_s()
    tokens = []
    for number in range(MAX_SESSIONS + 2):
        services.sessions.clock = lambda: start_s + number  # noqa: B023
        tokens.append(await signed_in(api, bettor))
    assert len(await listed(api, **tokens[-1])) == MAX_SESSIONS
    for token in tokens[:2]:
        is_problem(await api.get("/v1/sessions", headers=token), 401, "session-required")
    assert await services.redis.keys("session:*")
    assert len(await services.redis.keys("session:*")) == MAX_SESSIONS


async def test_reader_of_redis_cannot_enter_a_session(
    api: httpx.AsyncClient, bettor: Bettor, services: Services
) -> None:
    token = await signed_in(api, bettor)
    secret = token["Authorization"].removeprefix("Bearer ")
    found = []
    for key in await services.redis.keys("*"):
        found.append(key)
        kind = await services.redis.type(key)
        if kind == b"string":
            found.append(await services.redis.get(key))
        elif kind == b"zset":
            found += await services.redis.zrange(key, 0, -1)
    stored = b"\n".join(found)
    assert secret.encode() not in stored
    hashed = hashlib.sha256(secret.encode()).hexdigest()
    assert hashed.encode() in stored
    for guess in (hashed, hashed[:43]):
        headers = {"Authorization": f"Bearer {guess}"}
        is_problem(await api.get("/v1/sessions", headers=headers), 401, "session-required")


async def test_session_of_another_deployment_opens_nothing(
    api: httpx.AsyncClient, bettor: Bettor, services: Services
) -> None:
    """Two deployments may share a Redis; the chain's id may also be changed in the settings."""
    token = await signed_in(api, bettor)
    own = services.deployment
    for other in (
        replace(own, chain_id=31337),
        replace(own, sportsbook="0x" + "12" * 20),
    ):
        services.sessions = SessionStore(services.redis, other.slip_domain, 3_600, 86_400)
        is_problem(await api.get("/v1/sessions", headers=token), 401, "session-required")
    services.sessions = SessionStore(services.redis, own.slip_domain, 3_600, 86_400)
    assert len(await listed(api, **token)) == 1


async def test_other_sites_cannot_use_the_cookie(api: httpx.AsyncClient, bettor: Bettor) -> None:
    """A browser that does not know SameSite sends it along."""
    await enter(api, bettor)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for path in ("/v1/sessions", "/v1/sessions/current"):
            is_problem(await api.delete(path, headers=headers), 403, "cross-site-request")
    assert len(await listed(api)) == 1
    answer = await api.get("/v1/sessions", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_revocation_wins_over_a_request_at_the_same_moment(
    api: httpx.AsyncClient, bettor: Bettor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await signed_in(api, bettor)
    store = services.sessions
    read = store._read
    revoked = asyncio.Event()

    async def read_then_revoked(hashed: str) -> Any:
        found = await read(hashed)
        if not revoked.is_set():
            revoked.set()
            await store.revoke(bettor.address)
        return found

    monkeypatch.setattr(store, "_read", read_then_revoked)
    await api.get("/v1/sessions", headers=token)
    is_problem(await api.get("/v1/sessions", headers=token), 401, "session-required")
    assert await services.redis.keys("session:*") == []


async def test_browsers_name_is_short_and_printable(
    api: httpx.AsyncClient, bettor: Bettor, services: Services
) -> None:
    session, _ = await services.sessions.open(bettor.address, "a\x00\x1b[31m\u202e" + "b" * 5_000)
    assert session.user_agent.startswith("a[31mb")
    assert len(session.user_agent) < 200
    [key] = await services.redis.keys("session:*")
    stored = orjson.loads(await services.redis.get(key))
    assert stored["user_agent"] == session.user_agent
