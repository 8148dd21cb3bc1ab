"""What owners signed is refused before anything is stored: each reason, with what to do about it.

Branches: deadlines that have passed, are near or far · numbers that were used or are not the next ·
amounts, tokens and accounts that are missing · what the contract would refuse · a relay that
expires · an unknown hash · a mirror or a node that is missing · bodies that are no such thing.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from backend.chain_view import ChainUnreachable
from backend.mirror.relays import LEAST_LEFT_S
from backend.relays.relaying import Relayer
from backend.services import Services
from protocol.limits import MAX_NONCE
from protocol.typed_data import Action
from tests.backend.api.client import is_problem
from tests.backend.api.relaying import (
    count,
    delivery,
    engine,
    holder,
    land,
    permit_body,
    post,
    relayer,
    request_body,
    services,
    shown,
    taken,
)
from tests.support.house import House
from tests.support.mirror import follow
from tests.support.people import Bettor
from tests.support.terms import RECEIPT_WINDOW_S, UNIT

__all__ = ["delivery", "engine", "land", "relayer", "services"]


@pytest.fixture
def bettor(house: House) -> Bettor:
    return house.open_account()


async def test_deposits_are_refused_before_anything_is_stored(
    api: httpx.AsyncClient, services: Services, engine: Engine, house: House
) -> None:
    owner = holder(house, tokens_micro=50 * UNIT)
    now_s = house.now_s()
    for deadline_s, code in (
        (now_s - 1, "relay-expired"),
        (now_s + 50, "relay-expired"),
        (now_s + 3_700, "deadline-too-far"),
    ):
        body = permit_body(house, owner, UNIT, deadline_s=deadline_s)
        is_problem(await post(api, "permits", body), 409, code)
    wrong = await post(api, "permits", permit_body(house, owner, UNIT, nonce=1))
    is_problem(wrong, 409, "relay-number-wrong")
    assert wrong.json()["number"] == "0"
    least_micro = services.settings.min_stake_micro
    small = await post(api, "permits", permit_body(house, owner, least_micro - 1))
    is_problem(small, 409, "deposit-too-small")
    assert small.json()["min_deposit_micro"] == str(least_micro)
    short = await post(api, "permits", permit_body(house, owner, 51 * UNIT))
    is_problem(short, 409, "tokens-insufficient")
    assert (short.json()["held_micro"], short.json()["needed_micro"]) == ("50000000", "51000000")
    zero = {**permit_body(house, owner, UNIT), "amount_micro": "0"}
    is_problem(await post(api, "permits", zero), 422, "amount-invalid")
    for field, value in (
        ("nonce", "-1"),
        ("nonce", str(2**256)),
        ("owner", "0x12"),
        ("deadline_s", "soon"),
        ("fee_micro", "1"),
    ):
        malformed = {**permit_body(house, owner, UNIT), field: value}
        is_problem(await post(api, "permits", malformed), 422, "body-malformed")
    # The test token has no authorizations.
    body = {
        "owner": owner.address,
        "amount_micro": str(UNIT),
        "valid_after_s": 0,
        "valid_before_s": now_s + 600,
        "salt": "0x" + "07" * 32,
        "signature": "0x" + "1b" * 65,
    }
    is_problem(await post(api, "authorizations", body), 409, "relay-unavailable")
    assert count(engine, "backend.relay") == 0


async def test_requests_are_refused_before_anything_is_stored(
    api: httpx.AsyncClient, engine: Engine, house: House, bettor: Bettor
) -> None:
    follow(engine, house)

    async def refused(action: Action, value: int = 0, **changes: Any) -> httpx.Response:
        return await post(api, "requests", request_body(house, bettor, action, value, **changes))

    ahead = await refused(Action.REQUEST_EXIT, UNIT, number=1)
    is_problem(ahead, 409, "relay-number-wrong")
    assert ahead.json()["number"] == "0"
    for action, value, error in (
        (Action.EXIT, 0, "ExitUnknown"),
        (Action.EXCLUDE, house.now_s() + 1, "ExclusionTooShort"),
        (Action.CANCEL_NONCES, 1_000, "NonceTooFar"),
    ):
        answer = await refused(action, value)
        is_problem(answer, 409, "relay-reverts")
        assert answer.json()["error"] == error
    is_problem(await refused(Action.EXIT, 1), 422, "body-malformed")
    is_problem(await refused(Action.CANCEL_NONCES, MAX_NONCE + 1), 422, "body-malformed")
    is_problem(await refused(Action.REQUEST_EXIT, 1, deadline_s=5), 409, "relay-expired")
    nobody = {**request_body(house, bettor, Action.REQUEST_EXIT, UNIT), "account": 4_000}
    is_problem(await post(api, "requests", nobody), 404, "account-unknown")
    odd = {**request_body(house, bettor, Action.REQUEST_EXIT, UNIT), "action": "withdraw"}
    is_problem(await post(api, "requests", odd), 422, "body-malformed")
    assert count(engine, "backend.relay") == 0


async def test_deposit_of_an_excluded_account_is_refused(
    api: httpx.AsyncClient, engine: Engine, house: House, bettor: Bettor
) -> None:
    house.exclude(bettor, 2 * RECEIPT_WINDOW_S)
    house.send("TestToken", "mint", bettor.address, 100 * UNIT)
    follow(engine, house)
    owner: Any = bettor
    answer = await post(api, "permits", permit_body(house, owner, UNIT))
    is_problem(answer, 409, "relay-reverts")
    assert answer.json()["error"] == "AccountExcluded"


async def test_what_no_worker_sends_in_time_expires(
    api: httpx.AsyncClient, engine: Engine, house: House, relayer: Relayer
) -> None:
    owner = holder(house)
    body = permit_body(house, owner)
    relay = await taken(api, "permits", body)
    house.travel(body["deadline_s"] - LEAST_LEFT_S + 1 - house.now_s())
    follow(engine, house)
    # It would come too late, at the house's cost.
    assert relayer.relay(house.now_s()) == 0
    expired = await shown(api, relay)
    assert (expired["status"], expired["reason"]) == ("refused", "expired")
    # The nonce is free for another one.
    await taken(api, "permits", permit_body(house, owner))


async def test_what_is_missing_is_said(
    api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    bettor: Bettor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_problem(await api.get(f"/v1/relays/by-hash/0x{'12' * 32}"), 404, "not-found")
    is_problem(await api.get("/v1/relays/by-hash/0x12"), 422, "body-malformed")
    follow(engine, house)
    relay = await taken(api, "permits", permit_body(house, holder(house)))
    exit_body = request_body(house, bettor, Action.REQUEST_EXIT, UNIT)

    async def away(*_: Any, **__: Any) -> Any:
        raise ChainUnreachable("The chain node does not answer; try again.", retry_after_s=2)

    monkeypatch.setattr(services.chain, "revert_of", away)
    is_problem(await post(api, "requests", exit_body), 503, "chain-unreachable")
    with engine.begin() as connection:
        connection.execute(text("UPDATE mirror.deployment SET head_block = NULL"))
    path = f"/v1/relays/by-hash/{relay['relay_hash']}"
    is_problem(await api.get(path), 503, "not-ready")
    is_problem(await post(api, "requests", exit_body), 503, "not-ready")
