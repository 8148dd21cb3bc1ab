"""Signing in with a wallet (EIP-4361), as its owner and as somebody who should not be let in.

Branches: a key, a contract wallet, the same by Anvil's contracts · each field of the message that
is another than was asked for · each line that the grammar does not have · a nonce that was used, at
once and twice, that has expired, that another page was given · a signature of another, in another
form · a page of another site, with and without its Origin · a Host that the sender chose · a server
that does not have its own address · a node or a Redis that is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak
from sqlalchemy import Engine

from backend.api_settings import ApiSettings
from backend.services import Services
from backend.sessions.message import MessageMalformed, read_message
from backend.sessions.store import NONCE_S
from tests.backend.api.bettors import Bettor
from tests.backend.api.client import client, is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.live_house import live_settings
from tests.backend.api.signing_in import ORIGIN, message_text, nonce, post_signed, sign_text
from tests.backend.api.test_chain_view import wallet_of
from tests.backend.api.test_enforceable import engine
from tests.support.house import House

__all__ = ["engine"]

STRANGER = Bettor(8, keccak(text="stranger"))


@pytest.fixture(autouse=True)
def page(services: Services) -> None:
    """The server has the address of its page."""
    services.settings = services.settings.model_copy(update={"public_url": ORIGIN})


async def test_owner_signs_in_and_has_a_session(api: httpx.AsyncClient, bettor: Bettor) -> None:
    given = await nonce(api)
    assert given["message"]["domain"] == "app.example.org"
    assert (given["message"]["uri"], given["message"]["chain_id"]) == (ORIGIN, 1337)
    text = message_text(bettor.address, given)
    answer = await post_signed(api, text, bettor.key)
    assert answer.status_code == 201, answer.text
    opened = answer.json()
    assert (opened["address"], opened["token"], opened["current"]) == (bettor.address, None, True)
    listed = (await api.get("/v1/sessions")).json()["sessions"]
    assert [one["id"] for one in listed] == [opened["id"]]


async def test_message_of_another_implementation_counts(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    """eth_account signs as wallets do."""
    text = message_text(bettor.address, await nonce(api), scheme="https")
    signed = Account.sign_message(encode_defunct(text=text), bettor.key)
    body = {"message": text, "signature": f"0x{bytes(signed.signature).hex()}"}
    answer = await api.post("/v1/sessions", json=body, headers={"Origin": ORIGIN})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("domain", "evil.example"),
        ("domain", "app.example.org.evil.example"),
        ("domain", "app.example.org:443"),
        ("domain", "http://app.example.org"),
        ("uri", "https://evil.example"),
        ("uri", f"{ORIGIN}/elsewhere"),
        ("chain_id", 1),
        ("statement", "Sign this."),
        ("issued_at", "2099-01-01T00:00:00Z"),
        ("issued_at", "2020-01-01T00:00:00Z"),
        ("expiration_time", "2020-01-01T00:00:00Z"),
        ("not_before", "2099-01-01T00:00:00Z"),
        ("resources", ["Resources:", "- https://app.example.org/all"]),
    ],
)
async def test_message_of_another_page_chain_or_time_is_refused(
    api: httpx.AsyncClient, bettor: Bettor, field: str, value: Any
) -> None:
    changes = {"more": value} if field == "resources" else {field: value}
    text = message_text(bettor.address, await nonce(api), **changes)
    answer = await post_signed(api, text, bettor.key)
    is_problem(answer, 403, "sign-in-message-refused")
    named = "scheme" if value == "http://app.example.org" else field
    assert answer.json()["field"] == named
    assert "set-cookie" not in answer.headers


async def test_times_of_the_message_are_optional_but_for_its_issue(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    given = await nonce(api)
    issued = given["message"]["issued_at"].replace("Z", ".123+00:00")
    text = message_text(
        bettor.address,
        given,
        issued_at=issued,
        expiration_time=None,
        not_before=given["message"]["issued_at"],
    )
    assert (await post_signed(api, text, bettor.key)).status_code == 201


def example() -> str:
    given = {
        "nonce": "0123456789abcdef",
        "message": {
            "domain": "app.example.org",
            "statement": "Sign in.",
            "uri": ORIGIN,
            "version": "1",
            "chain_id": 1337,
            "issued_at": "2025-05-24T15:20:00Z",
            "expiration_time": "2025-05-24T15:25:00Z",
        },
    }
    return message_text(STRANGER.address, given, request_id="a-1")


def test_grammar_takes_what_it_names() -> None:
    read = read_message(f"https://{example()}\nResources:\n- ipfs://a\n- https://b.example/c?d")
    assert (read.scheme, read.domain, read.statement) == ("https", "app.example.org", "Sign in.")
    assert read.resources == ("ipfs://a", "https://b.example/c?d")
    assert (read.expires_at_s or 0) - read.issued_at_s == NONCE_S
    without = read_message(example().replace("Sign in.\n", ""))
    assert without.statement is None
    assert read_message(f"{example()}\nResources:").resources == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n", "\r\n"),
        (" wants you", "  wants you"),
        ("account:", "account"),
        (STRANGER.address, STRANGER.address.lower()),
        (STRANGER.address, STRANGER.address[2:]),
        ("\n\nSign", "\nSign"),
        ("Sign in.\n", "Sign in.\nAnd more.\n"),
        ("Sign in.", "Sign in\u00e9."),
        ("Sign in.", "\tSign in."),
        ("URI: ", "uri: "),
        ("URI: https://app.example.org", "URI: app"),
        ("Version: 1", "Version: 2"),
        ("Version: 1\n", ""),
        ("Chain ID: 1337", "Chain ID: 01337"),
        ("Chain ID: 1337", "Chain ID: 0x539"),
        ("Chain ID: 1337", "Chain ID: 1337 "),
        ("Nonce: 0123456789abcdef", "Nonce: 0123"),
        ("Nonce: 0123456789abcdef", "Nonce: 0123-4567-89ab"),
        ("Issued At: 2025-05-24T15:20:00Z", "Issued At: yesterday"),
        ("Issued At: 2025-05-24T15:20:00Z", "Issued At: 2025-05-24"),
        ("Issued At: 2025-05-24T15:20:00Z", "Issued At: 2025-02-30T15:20:00Z"),
        ("Issued At: 2025-05-24T15:20:00Z", "Issued At: 2025-05-24T15:20:00"),
        ("Issued At: 2025-05-24T15:20:00Z", "Issued At: \u0662025-05-24T15:20:00Z"),
        ("Request ID: a-1", "Request ID: a-1\n"),
        ("Request ID: a-1", "Request ID: a-1\nNot Before: 2025-05-24T15:20:00Z"),
        ("Request ID: a-1", "Request ID: a-1\nResources:\nhttps://b.example"),
        ("Request ID: a-1", "Request ID: a-1\nAlso: this"),
        ("Sign in.", "S" * 2_000),
    ],
)
def test_grammar_takes_nothing_else(before: str, after: str) -> None:
    text = example()
    assert before in text
    with pytest.raises(MessageMalformed):
        read_message(text.replace(before, after))


async def test_malformed_message_is_refused_and_says_which_line(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    text = message_text(bettor.address, await nonce(api)).replace("Chain ID", "Chain")
    answer = await post_signed(api, text, bettor.key)
    is_problem(answer, 403, "sign-in-message-malformed")
    assert "line 8" in answer.json()["detail"]


async def test_nonce_counts_once(api: httpx.AsyncClient, bettor: Bettor) -> None:
    text = message_text(bettor.address, await nonce(api))
    answers = await asyncio.gather(*(post_signed(api, text, bettor.key) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403, 403]
    is_problem(await post_signed(api, text, bettor.key), 403, "sign-in-nonce-unknown")


async def test_nonce_of_a_refused_message_is_used_too(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    text = message_text(bettor.address, await nonce(api))
    is_problem(await post_signed(api, text, STRANGER.key), 403, "sign-in-signature-invalid")
    is_problem(await post_signed(api, text, bettor.key), 403, "sign-in-nonce-unknown")


async def test_invented_and_expired_nonces_are_refused(
    api: httpx.AsyncClient, bettor: Bettor, services: Services
) -> None:
    given = await nonce(api)
    invented = message_text(bettor.address, given, nonce="0123456789abcdef0123456789abcdef")
    is_problem(await post_signed(api, invented, bettor.key), 403, "sign-in-nonce-unknown")
    left_s = await services.redis.ttl(f"sign-in:{given['nonce']}")
    assert 0 < left_s <= NONCE_S
    await services.redis.expire(f"sign-in:{given['nonce']}", 0)
    text = message_text(bettor.address, given)
    is_problem(await post_signed(api, text, bettor.key), 403, "sign-in-nonce-unknown")


async def test_signature_of_another_page_is_no_use_with_a_chosen_host(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    """A page shows its own domain, and its owner then writes that domain into Host."""
    for host in ("evil.example", "app.example.org"):
        answer = await api.post("/v1/sessions/nonce", headers={"Host": host})
        given = answer.json()
        assert given["message"]["domain"] == "app.example.org"
        text = message_text(
            bettor.address, given, domain="evil.example", uri="https://evil.example"
        )
        answer = await post_signed(api, text, bettor.key, origin=None, Host=host)
        is_problem(answer, 403, "sign-in-message-refused")


async def test_nonce_of_one_page_is_no_use_to_another(services: Services, bettor: Bettor) -> None:
    other = "https://other.example"
    update = {"cors_origins": [other]}
    services.settings = services.settings.model_copy(update=update)
    async with client(services) as api:
        text = message_text(bettor.address, await nonce(api, other))
        assert "other.example wants" in text
        is_problem(await post_signed(api, text, bettor.key), 403, "sign-in-nonce-unknown")
        own = message_text(bettor.address, await nonce(api, other))
        answer = await post_signed(api, own, bettor.key, origin=other, transport="bearer")
        assert answer.status_code == 201, answer.text
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://app.example.org:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_other_sites_cannot_sign_a_visitor_in(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """With a message that its own wallet signed, a page would make the visitor's browser act for
    somebody else."""
    text = message_text(STRANGER.address, await nonce(api))
    body = {"message": text, "signature": sign_text(text, STRANGER.key)}
    answer = await api.post("/v1/sessions", json=body, headers=headers)
    is_problem(answer, 403, "cross-site-request")
    assert "set-cookie" not in answer.headers
    is_problem(await api.post("/v1/sessions/nonce", headers=headers), 403, "cross-site-request")
    # What a form can send is not read at all.
    form = await api.post("/v1/sessions", data=body, headers={"Origin": ORIGIN})
    is_problem(form, 415, "media-type-unsupported")


async def test_any_origin_in_cors_is_not_any_page_that_signs_in(services: Services) -> None:
    update = {"cors_origins": ["*"]}
    services.settings = services.settings.model_copy(update=update)
    async with client(services) as api:
        answer = await api.post("/v1/sessions/nonce", headers={"Origin": "https://evil.example"})
        is_problem(answer, 403, "cross-site-request")


async def test_without_an_address_only_the_machine_itself_signs_in(
    services: Services, bettor: Bettor
) -> None:
    services.settings = services.settings.model_copy(update={"public_url": "/"})
    async with client(services) as api:
        for origin in ("http://127.0.0.1:5173", "http://localhost:8000", "http://[::1]:8000"):
            text = message_text(bettor.address, await nonce(api, origin))
            assert (await post_signed(api, text, bettor.key, origin=origin)).status_code == 201
        own = await api.post("/v1/sessions/nonce", headers={"Host": "127.0.0.1:8000"})
        assert own.json()["message"]["domain"] == "127.0.0.1:8000"
        is_problem(await api.post("/v1/sessions/nonce"), 503, "sign-in-unavailable")
        services.deployment = replace(services.deployment, chain_id=8453)
        for headers in ({"Host": "127.0.0.1:8000"}, {"Origin": "http://api"}):
            answer = await api.post("/v1/sessions/nonce", headers=headers)
            is_problem(answer, 503, "sign-in-unavailable")


async def test_signature_in_another_form_is_named(api: httpx.AsyncClient, bettor: Bettor) -> None:
    for signature, status, code in (
        ("0x" + "11" * 32 + "6492" * 16, 403, "wallet-not-deployed"),
        ("0x" + "11" * 64 + "26", 422, "transaction-signature"),
        ("0x" + "11" * 100, 403, "sign-in-signature-invalid"),
    ):
        text = message_text(bettor.address, await nonce(api))
        body = {"message": text, "signature": signature}
        is_problem(await api.post("/v1/sessions", json=body), status, code)


async def test_contract_wallet_needs_a_node(
    api: httpx.AsyncClient, bettor: Bettor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one, a key still signs in."""
    away = Services.from_settings(services.settings)
    services.chain = away.chain
    text = message_text(bettor.address, await nonce(api))
    is_problem(await post_signed(api, text, STRANGER.key), 503, "chain-unreachable")
    text = message_text(bettor.address, await nonce(api))
    assert (await post_signed(api, text, bettor.key)).status_code == 201
    await away.chain.close()


async def test_without_redis_nobody_signs_in(
    api: httpx.AsyncClient, services: Services, chain: FakeChain
) -> None:
    services.sessions._redis = Services.from_settings(
        services.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    ).redis
    is_problem(await api.post("/v1/sessions/nonce"), 503, "not-ready")
    headers = {"Authorization": f"Bearer {'a' * 43}"}
    is_problem(await api.get("/v1/sessions", headers=headers), 503, "not-ready")


@pytest.fixture
async def live(engine: Engine, house: House, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The API before a real chain."""
    settings = ApiSettings(**{**live_settings(engine, house, redis_url), "public_url": ORIGIN})
    services = Services.from_settings(settings)
    async with services.running(), client(services) as made:
        yield made


async def test_contract_wallet_signs_in_by_its_own_word(
    live: httpx.AsyncClient, house: House
) -> None:
    wallet = wallet_of(house, STRANGER.key)
    text = message_text(wallet.address, await nonce(live))
    assert (await post_signed(live, text, STRANGER.key)).status_code == 201
    # Its key is not the wallet, nor is a wallet its key, nor another key the wallet's.
    text = message_text(wallet.address, await nonce(live))
    answer = await post_signed(live, text, keccak(text="another"))
    is_problem(answer, 403, "sign-in-signature-invalid")
    other = wallet_of(house, keccak(text="another"))
    text = message_text(wallet.address, await nonce(live))
    body = {"message": text.replace(wallet.address, other.address)}
    body["signature"] = sign_text(text, STRANGER.key)
    is_problem(await live.post("/v1/sessions", json=body), 403, "sign-in-signature-invalid")
