"""Attempts on signing in, sessions and tickets by somebody who has stolen, copied or invented parts
of them.

Branches: one signature used at two processes at once · a message that is changed in random places,
or by other characters that look alike · a session brought along · a ticket taken by two at once, of
another deployment, of a session that ends meanwhile · a token where a ticket belongs · a name that
was led to this machine · what a thief of a session or a ticket can do, and whoever can write to
Redis.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from backend.services import Services
from backend.sessions.sites import Sent, may_ask, site_of
from backend.sessions.store import SessionStore
from backend.stream.routes import _session_of
from backend.stream.tickets import TicketUnknown, new_ticket, take_ticket
from tests.backend.api.bettors import ALPHA, UNIT, Bettor, signed
from tests.backend.api.client import client, is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.signing_in import (
    ORIGIN,
    message_text,
    nonce,
    post_signed,
    sign_text,
    signed_in,
)
from tests.backend.api.world import World


@pytest.fixture(autouse=True)
def page(services: Services) -> None:
    """The server has the address of its page."""
    services.settings = services.settings.model_copy(update={"public_url": ORIGIN})


@pytest.fixture
async def second_api(world: World, chain: FakeChain) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the API."""
    made = Services.from_settings(world.settings(public_url=ORIGIN))
    chain.serve(made)
    async with made.running(), client(made) as other:
        yield other


async def test_one_signature_opens_one_session_at_two_processes(
    api: httpx.AsyncClient, second_api: httpx.AsyncClient, bettor: Bettor
) -> None:
    text = message_text(bettor.address, await nonce(api))
    answers = await asyncio.gather(
        *(post_signed(one, text, bettor.key) for one in (api, second_api) * 5)
    )
    assert sorted(answer.status_code for answer in answers) == [201, *[403] * 9]
    codes = {answer.json()["code"] for answer in answers if answer.is_error}
    assert codes == {"sign-in-nonce-unknown"}


async def test_message_that_is_changed_anywhere_opens_nothing(
    api: httpx.AsyncClient, services: Services, bettor: Bettor
) -> None:
    """Signed by its owner as it is, so that only our reading of it can refuse it; what is taken
    says exactly what this server asked for."""
    rng = random.Random(5)
    odd = "\r\n\t\x00\x0b\x85\u2028\u202e\u200b\u0430\uff0e\u00e9 /:-Z0a\U0001f600"
    opened = 0
    for _ in range(150):
        given = await nonce(api)
        text = message_text(bettor.address, given)
        place = rng.randrange(len(text))
        changed = rng.choice(
            [
                text[:place] + rng.choice(odd) + text[place:],
                text[:place] + rng.choice(odd) + text[place + 1 :],
                text[:place] + text[place + 1 :],
                text + rng.choice(odd),
                rng.choice(odd) + text,
                text.replace("\n", "\r\n"),
                text.replace("\n", rng.choice(("\r", "\u2028", "\n\n")), rng.randint(1, 4)),
            ]
        )
        if changed == text:
            continue
        answer = await post_signed(api, changed, bettor.key)
        assert answer.status_code in (201, 403, 422), answer.text
        opened += answer.status_code == 201
    # A digit of a time within what clocks may differ is all that another text can have.
    assert opened <= 8
    body = {"message": "LONE", "signature": "0x" + "00" * 65}
    raw = orjson.dumps(body).replace(b"LONE", b"\\ud800")
    answer = await api.post(
        "/v1/sessions",
        content=raw,
        headers={"Content-Type": "application/json", "Origin": ORIGIN},
    )
    is_problem(answer, 422, "body-malformed")


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "app.example.org.evil.example"},
        {"domain": "app.example.org@evil.example"},
        {"domain": "APP.EXAMPLE.ORG"},
        {"domain": "app.example.org:443"},
        {"domain": "http://app.example.org"},
        {"domain": "\u0430pp.example.org"},
        {"uri": "https://app.example.org/"},
        {"uri": "https://app.example.org/../evil"},
        {"uri": "https://app.example.org#@evil.example"},
        {"uri": "https://evil.example"},
        {"chain_id": 1},
        {"chain_id": "01337"},
        {"chain_id": "1337 "},
        {"chain_id": "0x539"},
        {"version": "1.0"},
        {"statement": "Sign in to Fairline."},
        {"more": ["Resources:", "- https://app.example.org/everything"]},
        {"more": ["Nonce: 00000000000000000000000000000000"]},
        {"issued_at": "2020-01-01T00:00:00Z"},
        {"expiration_time": "2020-01-01T00:00:00Z"},
        {"not_before": "2099-01-01T00:00:00Z"},
        {"issued_at": "2099-01-01T00:00:00-14:00"},
    ],
    ids=str,
)
async def test_message_for_something_else_opens_nothing(
    changes: dict[str, Any], api: httpx.AsyncClient, bettor: Bettor
) -> None:
    given = await nonce(api)
    answer = await post_signed(api, message_text(bettor.address, given, **changes), bettor.key)
    assert answer.status_code == 403, answer.text


async def test_signature_of_one_address_is_no_use_for_another(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    other = world.open_account(8)
    text = message_text(other.address, await nonce(api))
    body = {"message": text, "signature": sign_text(text, bettor.key)}
    answer = await api.post("/v1/sessions", json=body, headers={"Origin": ORIGIN})
    is_problem(answer, 403, "sign-in-signature-invalid")


async def test_ticket_is_taken_by_one_of_many_at_once(
    api: httpx.AsyncClient, services: Services, bettor: Bettor
) -> None:
    await signed_in(api, bettor)
    [session] = await services.sessions.of_owner(bettor.address)
    ticket = await new_ticket(services.redis, session)
    found = await asyncio.gather(
        *(take_ticket(services.redis, ticket) for _ in range(20)), return_exceptions=True
    )
    assert [one for one in found if not isinstance(one, TicketUnknown)] == [session]


async def test_ticket_of_another_deployment_opens_nothing(
    api: httpx.AsyncClient, services: Services, bettor: Bettor
) -> None:
    """Its session opens nothing here either: two deployments may share a Redis."""
    other = replace(services.deployment, sportsbook="0x" + "12" * 20)
    elsewhere = SessionStore(services.redis, other.slip_domain, 3_600, 86_400)
    session, _ = await elsewhere.open(bettor.address, "")
    with pytest.raises(TicketUnknown):
        await _session_of(services, await new_ticket(services.redis, session))
    own, _ = await services.sessions.open(bettor.address, "")
    assert await _session_of(services, await new_ticket(services.redis, own)) == own


async def test_neither_a_token_nor_a_session_is_a_ticket(
    api: httpx.AsyncClient, services: Services, bettor: Bettor
) -> None:
    headers = await signed_in(api, bettor)
    [session] = await services.sessions.of_owner(bettor.address)
    token = headers["Authorization"].removeprefix("Bearer ")
    ticket = await new_ticket(services.redis, session)
    for tried in (token, session.hashed, session.id, ticket + "=", ticket.lower(), "*", ""):
        with pytest.raises(TicketUnknown):
            await take_ticket(services.redis, tried)
    # And a ticket is no session.
    is_problem(
        await api.get("/v1/sessions", headers={"Authorization": f"Bearer {ticket}"}),
        401,
        "session-required",
    )


async def test_ticket_ends_with_its_session(
    api: httpx.AsyncClient, services: Services, bettor: Bettor
) -> None:
    headers = await signed_in(api, bettor)
    ticket = (await api.post("/v1/stream/tickets", headers=headers)).json()["ticket"]
    assert (await api.delete("/v1/sessions/current", headers=headers)).status_code == 204
    with pytest.raises(TicketUnknown):
        await _session_of(services, ticket)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"])
def test_name_that_was_led_here_is_nobody_on_a_local_chain(host: str) -> None:
    sent = Sent(f"http://{host}", "same-origin", host)
    assert not may_ask(sent, [], local=True)
    named = site_of(f"http://{host}")
    assert named is not None
    assert may_ask(sent, [named], local=True)
    # Elsewhere a session is needed, and a browser sends its cookie to its own host alone.
    assert may_ask(sent, [], local=False)


async def test_thief_of_a_session_moves_no_money(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    """What needs the wallet's signature is refused without it, and what needs a session can be
    ended by the owner."""
    stolen = await signed_in(api, bettor)
    slip = signed(bettor, stake_micro=UNIT)
    forged = {**slip, "signature": signed(world.open_account(8), stake_micro=UNIT)["signature"]}
    before = world.contents()
    refused = await api.post("/v1/slips", json=forged, headers=stolen)
    is_problem(refused, 403, "signature-invalid")
    withdrawal = {
        **{"account": 7, "amount_micro": str(UNIT), "deadline_s": slip["deadline_s"]},
        **{"sequence": 0, "signature": "0x" + "11" * 65},
    }
    answer = await api.post("/v1/withdrawals", json=withdrawal, headers=stolen)
    assert answer.status_code in (403, 422), answer.text
    assert world.contents() == before
    fresh = await signed_in(api, bettor)
    assert (await api.delete("/v1/sessions", headers=fresh)).status_code == 204
    is_problem(await api.get("/v1/sessions", headers=stolen), 401, "session-required")


async def test_whoever_writes_to_redis_is_anybody_and_sets_the_odds(
    api: httpx.AsyncClient, services: Services, world: World, bettor: Bettor
) -> None:
    """What docs/trust.md says of it: a session for any address, and odds at which the house signs;
    no slip that the owner did not sign."""
    forged, token = await services.sessions.open(bettor.address, "thief")
    headers = {"Authorization": f"Bearer {token}"}
    listed = await api.get("/v1/sessions", headers=headers)
    assert [one["id"] for one in listed.json()["sessions"]] == [forged.id]
    world.offer(ALPHA.result, 900_000, 32_000, 41_000, version=2**50)
    answer = await api.post("/v1/slips", json=signed(bettor, stake_micro=UNIT), headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["odds_e4"] == [900_000]
