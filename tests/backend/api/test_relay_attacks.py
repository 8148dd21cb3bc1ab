"""Attempts to make the house send for nothing, or more than it gives; and what a front-runner does
to what owners signed. That each is sent once is in test_relays_sent_once.py.

Branches: tokens that are moved away before it is prepared, and before it is mined, again and again
· a permit that somebody else uses up · limits of an owner in an hour and a day, requests beside
deposits · the budget of all, and the part that is kept for exclusions · a signature of another, and
for a fee · a contract's signature · signatures that the chain shows, sent again · a queue of
deposits that revert.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from backend.relays import relaying
from backend.relays.accepting import MOST_FAILED, MOST_IN_DAY, MOST_IN_HOUR
from backend.relays.relaying import Relayer
from backend.relays.signed import GAS_OF_DEPOSIT, GAS_OF_REQUEST
from backend.services import Services
from protocol.typed_data import Action
from tests.backend.api.client import is_problem
from tests.backend.api.relaying import (
    account_of,
    count,
    delivery,
    engine,
    holder,
    land,
    move_tokens,
    permit_body,
    post,
    relayer,
    relayer_of,
    request_body,
    second_api,
    services,
    shown,
    taken,
)
from tests.support.house import House
from tests.support.mirror import follow
from tests.support.people import stranger_key
from tests.support.terms import RECEIPT_WINDOW_S, UNIT

__all__ = ["delivery", "engine", "land", "relayer", "second_api", "services"]


async def test_tokens_that_are_gone_before_it_is_prepared_cost_no_gas(
    api: httpx.AsyncClient, engine: Engine, house: House
) -> None:
    owner = holder(house, tokens_micro=100 * UNIT)
    relay = await taken(api, "permits", permit_body(house, owner))
    saved = house.save()
    move_tokens(house, owner, 1)
    # A revert may pass, as after a reorg: it is tried again for a while.
    patient = relayer_of(engine, house)
    assert patient.relay(house.now_s()) == 0
    assert patient.relay(house.now_s()) == 0
    assert (await shown(api, relay))["status"] == "waiting"
    house.revert_to(saved)
    saved = house.save()
    move_tokens(house, owner, 1)
    assert relayer_of(engine, house, reverting_s=0).relay(house.now_s()) == 0
    refused = await shown(api, relay)
    assert (refused["status"], refused["reason"]) == ("refused", "reverted")
    # Given up for good, also when the tokens are back.
    house.revert_to(saved)
    assert patient.relay(house.now_s()) == 0
    assert count(engine, "backend.chain_transaction") == 0
    # It counts for nothing in the budget, and the owner signs another.
    body = permit_body(house, owner, deadline_s=house.now_s() + 900)
    assert (await post(api, "permits", body)).status_code == 201


async def test_owner_whose_deposits_fail_on_the_chain_is_sent_no_more_for_a_day(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    """The tokens are moved away after the worker's simulation: the house pays for a revert, and a
    few times at most."""
    owner, other = holder(house), holder(house, 1)
    for number in range(MOST_FAILED):
        deadline_s = house.now_s() + 900 + number
        body = permit_body(house, owner, 10 * UNIT, deadline_s=deadline_s)
        relay = await taken(api, "permits", body)
        assert relayer.relay(house.now_s()) == 1
        held = house.call("TestToken", "balanceOf", owner.address)
        move_tokens(house, owner, held - 9 * UNIT)
        land()
        failed = await shown(api, relay)
        assert (failed["status"], failed["reason"]) == ("refused", "failed")
        # It is not sent again.
        assert relayer.relay(house.now_s()) == 0
        house.send("TestToken", "mint", owner.address, 100 * UNIT)
    answer = await post(api, "permits", permit_body(house, owner, 10 * UNIT))
    is_problem(answer, 429, "relay-limit")
    assert (await post(api, "permits", permit_body(house, other))).status_code == 201
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.relay SET counted_at_s = counted_at_s - 86400"))
    assert (await post(api, "permits", permit_body(house, owner, UNIT))).status_code == 201


async def test_permit_that_somebody_else_uses_up_moves_nothing(
    api: httpx.AsyncClient, engine: Engine, house: House
) -> None:
    """Whoever sees it can have the token take the permit alone: then the deposit is refused, and
    the owner signs the next one."""
    owner = holder(house)
    body = permit_body(house, owner)
    relay = await taken(api, "permits", body)
    signature = bytes.fromhex(body["signature"][2:])
    terms = (100 * UNIT, body["deadline_s"], signature[64], signature[:32], signature[32:64])
    spender = house.contracts.by_name["Sportsbook"].address
    house.send("TestToken", "permit", owner.address, spender, *terms)
    impatient = relayer_of(engine, house, reverting_s=0)
    for _ in range(2):
        assert impatient.relay(house.now_s()) == 0
    refused = await shown(api, relay)
    assert (refused["status"], refused["reason"]) == ("refused", "PermitInvalid")
    assert (await post(api, "permits", permit_body(house, owner))).status_code == 201


async def test_an_owner_has_so_many_in_an_hour_and_a_day(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    owner = holder(house)
    bodies = []
    for _ in range(MOST_IN_HOUR):
        bodies.append(permit_body(house, owner, UNIT))
        await taken(api, "permits", bodies[-1])
        pending = await post(api, "permits", permit_body(house, owner, 2 * UNIT))
        is_problem(pending, 409, "relay-pending")
        relayer.relay(house.now_s())
        land()
    answer = await post(api, "permits", permit_body(house, owner, UNIT))
    is_problem(answer, 429, "relay-limit")
    assert 0 < int(answer.headers["Retry-After"]) <= 3_600
    # What was taken is answered all the same.
    assert (await post(api, "permits", bodies[0])).status_code == 200
    # Requests are counted beside deposits, so that an exclusion is still taken.
    account = account_of(house, owner)
    bettor: Any = type("Bettor", (), {"account": account, "key": owner.key})()
    until_s = house.now_s() + 10 * RECEIPT_WINDOW_S
    exclude = request_body(house, bettor, Action.EXCLUDE, until_s)
    assert (await post(api, "requests", exclude)).status_code == 201
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.relay SET counted_at_s = counted_at_s - 3600"))
        connection.execute(
            text("""INSERT INTO backend.relay (hash, kind, owner, value, number, deadline_s,
                 signature, gas, received_at_s, counted_at_s, reason)
                 SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), kind, owner, value, 1000 + n,
                        deadline_s, signature, gas, received_at_s, counted_at_s, 'reverted'
                 FROM backend.relay, generate_series(1, :more) n
                 WHERE kind = 'permit' LIMIT :more"""),
            {"more": MOST_IN_DAY - MOST_IN_HOUR},
        )
    answer = await post(api, "permits", permit_body(house, owner, UNIT))
    is_problem(answer, 429, "relay-limit")
    assert int(answer.headers["Retry-After"]) > 3_600


async def test_all_owners_together_stay_within_the_budget(
    api: httpx.AsyncClient,
    second_api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    """Asked of two processes at once. What is kept for exclusions nobody else can use up."""
    bettor = house.open_account()
    follow(engine, house)
    budget = 4 * GAS_OF_DEPOSIT
    for one in (api, second_api):
        one._transport.app.state.services.settings.relay_gas_per_hour = budget  # type: ignore[attr-defined]
    bodies = [permit_body(house, holder(house, number)) for number in range(6)]
    answers = await asyncio.gather(
        *(
            post((api, second_api)[number % 2], "permits", body)
            for number, body in enumerate(bodies)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [503] * 3
    for answer in answers:
        if answer.status_code == 503:
            is_problem(answer, 503, "relay-budget")
            assert 0 < int(answer.headers["Retry-After"]) <= 3_600
    exit_body = request_body(house, bettor, Action.REQUEST_EXIT, UNIT)
    is_problem(await post(api, "requests", exit_body), 503, "relay-budget")
    until_s = house.now_s() + 10 * RECEIPT_WINDOW_S
    exclude = request_body(house, bettor, Action.EXCLUDE, until_s)
    assert (await post(api, "requests", exclude)).status_code == 201
    # What was mined counts with the gas that it used, which is less.
    assert relayer.relay(house.now_s()) == 4
    land()
    refused = [b for b, a in zip(bodies, answers, strict=True) if a.status_code == 503]
    assert (await post(api, "permits", refused[0])).status_code == 201
    with engine.connect() as connection:
        used = connection.execute(
            text("SELECT sum(gas_used) FROM backend.chain_transaction WHERE kind = 'relay'")
        ).scalar_one()
    assert used + GAS_OF_DEPOSIT <= budget
    assert used > GAS_OF_REQUEST


async def test_nobody_signs_for_another_or_for_a_fee(
    api: httpx.AsyncClient, services: Services, engine: Engine, house: House
) -> None:
    owner, thief = holder(house), holder(house, 1)
    bettor, other = house.open_account(), house.open_account()
    follow(engine, house)
    for changes in (
        {"key": thief.key},
        {"units": 99 * UNIT},
        {"spender": thief.address},
    ):
        answer = await post(api, "permits", permit_body(house, owner, **changes))
        is_problem(answer, 403, "signature-invalid")
        assert answer.json()["primary_type"] == "Permit"
    stolen = {**permit_body(house, owner), "owner": thief.address}
    is_problem(await post(api, "permits", stolen), 403, "signature-invalid")
    # Of an amount that was not signed.
    more = {**permit_body(house, owner), "amount_micro": str(101 * UNIT)}
    is_problem(await post(api, "permits", more), 403, "signature-invalid")
    for changes in ({"key": other.key}, {"fee_micro": 1}):
        body = request_body(house, bettor, Action.REQUEST_EXIT, UNIT, **changes)
        is_problem(await post(api, "requests", body), 403, "signature-invalid")
    moved = {**request_body(house, bettor, Action.REQUEST_EXIT, UNIT), "action": "cancel-nonces"}
    is_problem(await post(api, "requests", moved), 403, "signature-invalid")
    # A contract could confirm its signature to us and deny it on the chain.
    contracts = {**request_body(house, bettor, Action.EXIT), "signature": "0x" + "5c" * 96}
    answer = await post(api, "requests", contracts)
    is_problem(answer, 403, "contract-signature-unsupported")
    contracts = {**permit_body(house, owner), "signature": "0x" + "5c" * 96}
    is_problem(await post(api, "permits", contracts), 403, "signature-invalid")
    assert stranger_key(0) != owner.key
    assert count(engine, "backend.relay") == 0


async def test_signatures_of_the_past_do_not_count_against_their_owner(
    api: httpx.AsyncClient,
    services: Services,
    house: House,
    engine: Engine,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    """The chain shows them, and so anybody can send them again."""
    owner, bettor = holder(house), house.open_account()
    follow(engine, house)
    until_s = house.now_s() + 10 * RECEIPT_WINDOW_S
    for what, body, name in (
        ("permits", permit_body(house, owner), owner.address),
        ("requests", request_body(house, bettor, Action.EXCLUDE, until_s), str(bettor.account)),
    ):
        await services.redis.delete(f"rate:account:{name}")
        await taken(api, what, body)
        assert relayer.relay(house.now_s()) == 1
        land()
        assert (await post(api, what, body)).status_code == 200
        # As if it had been sent by the owner, and not by the house.
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM backend.relay_submission"))
            connection.execute(text("DELETE FROM backend.relay"))
        is_problem(await post(api, what, body), 409, "relay-number-wrong")
        assert await services.redis.get(f"rate:account:{name}") == b"1"


async def test_deposits_that_revert_keep_no_others_waiting(
    api: httpx.AsyncClient, house: House, relayer: Relayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their tokens were moved away at once; they are tried for a while, behind all others."""
    monkeypatch.setattr(relaying, "MAX_RELAYS_PER_RUN", 2)
    for number in range(2):
        owner = holder(house, number, tokens_micro=100 * UNIT)
        await taken(api, "permits", permit_body(house, owner))
        move_tokens(house, owner, 1)
    honest = await taken(api, "permits", permit_body(house, holder(house, 2)))
    assert relayer.relay(house.now_s()) == 0
    assert relayer.relay(house.now_s()) == 1
    assert (await shown(api, honest))["status"] == "sent"
