"""Cash-outs that are refused: each reason on the way from the offer to the owner's signature.

Branches: an offer that ends by its deadline and by the start · each refusal · a budget that other
offers have taken · a signature of another · an API without the key.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine, text

from backend.cash_outs.relaying import CashOutRelayer
from backend.services import Services
from tests.backend.api.cashing_out import (
    STAKE_MICRO,
    accept,
    ask,
    bettor,
    bid,
    delivery,
    engine,
    land,
    match,
    offered,
    opened,
    place,
    relayer,
    ripen,
    services,
    signature_of,
)
from tests.backend.api.client import is_problem
from tests.backend.api.signing_in import signed_in
from tests.support.accepted_slips import Game
from tests.support.house import House
from tests.support.mirror import follow
from tests.support.people import CASH_OUT_SIGNER, Bettor, key_address, stranger_key
from tests.support.terms import CASH_OUT_AGE_S, UNIT

__all__ = ["bettor", "delivery", "engine", "land", "match", "relayer", "services"]


async def test_offer_ends_with_its_deadline_and_with_the_start(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    redis_url: str,
    bettor: Bettor,
    relayer: CashOutRelayer,
) -> None:
    soon = opened(engine, house, redis_url, "Five v Six, 2030-01-01", CASH_OUT_AGE_S + 120)
    batch = place(house, bettor, soon)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    offer = await offered(api, headers, batch)
    house.travel(offer["deadline_s"] - house.now_s() + 1)
    follow(engine, house)
    assert (await api.get(f"/v1/cash-outs/{offer['id']}")).json()["status"] == "expired"
    is_problem(await accept(api, house, offer, bettor.key), 409, "cash-out-expired")

    again = await offered(api, headers, batch)
    assert (await accept(api, house, again, bettor.key)).status_code == 200
    # The match starts earlier than the offer ends, and before it is sent.
    house.travel(max(0, soon.starts_at_s - house.now_s()))
    follow(engine, house)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE backend.cash_out_offer SET deadline_s = deadline_s + 86400")
        )
    assert relayer.relay(house.now_s()) == 0
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")


async def test_each_refusal(
    api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    redis_url: str,
) -> None:
    other = house.open_account()
    batch = place(house, bettor, match)
    follow(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    theirs = await signed_in(api, other)  # type: ignore[arg-type]
    is_problem(await ask(api, {}, batch), 401, "session-required")
    is_problem(await ask(api, headers, 4_000), 404, "not-found")
    is_problem(await ask(api, theirs, batch), 403, "bet-of-another")
    crossing = {**headers, "Origin": "https://evil.example"}
    is_problem(await ask(api, crossing, batch), 403, "cross-site-request")
    young = await ask(api, headers, batch)
    is_problem(young, 409, "cash-out-too-early")
    assert 0 < int(young.headers["Retry-After"]) <= CASH_OUT_AGE_S
    ripen(engine, house)
    too_large = await ask(api, headers, batch, STAKE_MICRO + 1)
    is_problem(too_large, 409, "cash-out-stake-invalid")
    for part in (1, STAKE_MICRO - 1):
        is_problem(await ask(api, headers, batch, part), 409, "cash-out-stake-invalid")
    is_problem(await ask(api, headers, batch, 0), 422, "amount-invalid")

    bid(redis_url, match, ())
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    bid(redis_url, match, ((0, 0), (0, 0), (0, 0)))
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    bid(redis_url, match)
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.market SET status = 'suspended'"))
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.market SET status = 'open'"))
    with redis.Redis.from_url(redis_url) as live:
        live.set("odds:heartbeat", 1)
    is_problem(await ask(api, headers, batch), 503, "odds-stale")
    bid(redis_url, match)

    offer = await offered(api, headers, batch)
    wrong = await accept(api, house, offer, stranger_key(1))
    is_problem(wrong, 403, "signature-invalid")
    unknown = f"/v1/cash-outs/{'0' * 8}-0000-4000-8000-{'0' * 12}"
    is_problem(await api.get(unknown), 404, "not-found")
    body = {"signature": signature_of(house, offer, bettor.key)}
    is_problem(await api.post(unknown, json=body), 404, "not-found")

    signer, services.cash_out_signer = services.cash_out_signer, None
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    assert await signer_shown(api) is None
    services.cash_out_signer = services.receipt_signer
    is_problem(await ask(api, headers, batch), 503, "not-ready")
    services.cash_out_signer = signer
    assert (await ask(api, headers, batch)).status_code == 201
    assert await signer_shown(api) == key_address(CASH_OUT_SIGNER)


async def signer_shown(api: httpx.AsyncClient) -> str | None:
    """Whose signature is on offers, as pages see before they ask for one."""
    signer: str | None = (await api.get("/v1/typed-data")).json()["cash_out_signer"]
    return signer


async def test_offers_together_stay_within_the_keys_budget(
    api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    match: Game,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thief of the API would have the rest of the key's budget; those who ask have not."""
    bettors = [house.open_account() for _ in range(3)]
    batches = [place(house, one, match) for one in bettors]
    ripen(engine, house)
    terms = services.chain.cash_out_terms

    async def poor(signer: str) -> Any:
        found = await terms(signer)
        key = type(found.key)(found.key.role, 0, found.key.until_s, 100 * UNIT, 20 * UNIT)
        return type(found)(key, found.age_s)

    monkeypatch.setattr(services.chain, "cash_out_terms", poor)
    answers = []
    for one, batch in zip(bettors, batches, strict=True):
        headers = await signed_in(api, one)  # type: ignore[arg-type]
        answers.append(await ask(api, headers, batch))
        # Asking again for the same bet takes nothing more.
        await ask(api, headers, batch)
    assert [answer.status_code for answer in answers[:2]] == [201, 201]
    is_problem(answers[2], 503, "cash-out-budget")
    assert answers[2].json()["available_micro"] == str(2 * UNIT)
