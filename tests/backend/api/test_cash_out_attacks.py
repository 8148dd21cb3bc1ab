"""Attempts to be paid twice by cash-outs, or at the house's cost. What a bet is worth is in
test_cash_out_price_attacks.py.

Branches: a bet that was settled before the mirror shows it · signatures of contract wallets ·
offers that are accepted at the last moment, again and again, or that keep others waiting · offers
that together exceed budget or bankroll, asked of two processes · a signature and a relay at once ·
a reorg · somebody else's offer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from backend.cash_outs import relaying
from backend.cash_outs.relaying import CashOutRelayer
from backend.mirror.cash_outs import MOST_WITHOUT_EFFECT
from backend.services import Services
from backend.transactions.node import Node
from tests.backend.api.cashing_out import (
    ODDS_E4,
    STAKE_MICRO,
    accept,
    ask,
    balance,
    bettor,
    delivery,
    engine,
    land,
    match,
    offered,
    place,
    poor,
    relayer,
    ripen,
    second_api,
    services,
    signature_of,
)
from tests.backend.api.client import is_problem
from tests.backend.api.relaying import relay_at_once
from tests.backend.api.signing_in import signed_in
from tests.backend.batching.conftest import OPERATOR_SIGNER
from tests.support.accepted_slips import Game, deployment_of
from tests.support.house import House, Wanted
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import Bettor
from tests.support.slips import Pick
from tests.support.terms import UNIT

__all__ = ["bettor", "delivery", "engine", "land", "match", "relayer", "second_api", "services"]


async def test_bet_that_is_settled_on_the_chain_is_not_paid_again(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    """The mirror is behind: it still shows the bet, which another offer has ended."""
    batch = place(house, bettor, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    before = balance(house, bettor)
    house.cash_out(bettor, batch, 0, STAKE_MICRO, 8 * UNIT)
    offer = await offered(api, headers, batch)
    assert (await accept(api, house, offer, bettor.key)).status_code == 200
    assert relayer.relay(house.now_s()) == 0
    land()
    assert balance(house, bettor) == before + 8 * UNIT
    assert (await api.get(f"/v1/cash-outs/{offer['id']}")).json()["status"] == "failed"


async def test_signature_of_a_contract_is_not_relayed(
    api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    relayer: CashOutRelayer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wallet, or the code that a key has delegated to (EIP-7702), could confirm it to us and deny
    it on the chain: the house would pay for each transaction that reverts."""
    batch = place(house, bettor, match)
    ripen(engine, house)
    offer = await offered(api, await signed_in(api, bettor), batch)  # type: ignore[arg-type]

    async def confirm(*_: Any) -> bool:
        return True

    monkeypatch.setattr(services.chain, "signature_valid", confirm)
    answer = await api.post(f"/v1/cash-outs/{offer['id']}", json={"signature": "0x" + "5c" * 96})
    is_problem(answer, 403, "contract-signature-unsupported")
    assert relayer.relay(house.now_s()) == 0


async def test_offers_that_have_no_effect_are_sent_a_few_times_only(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    """An owner who signs at the last moment makes the house pay for transactions that come too
    late. After a few, he gets no offers for a day, and what he signed is not sent; others do."""
    other = house.open_account()
    batch, theirs = place(house, bettor, match), place(house, other, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    second = place(house, bettor, match)
    ripen(engine, house)
    for _ in range(MOST_WITHOUT_EFFECT):
        offer = await offered(api, headers, batch)
        assert (await accept(api, house, offer, bettor.key)).status_code == 200
        assert relayer.relay(house.now_s()) == 1
        # Signed before the last one failed.
        signed_early = await offered(api, headers, second)
        house.travel(offer["deadline_s"] - house.now_s() + 1)
        land()
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.cash_out_offer SET deadline_s = deadline_s + 600"))
    await accept(api, house, signed_early, bettor.key)
    assert relayer.relay(house.now_s()) == 0
    fair = await offered(api, await signed_in(api, other), theirs)  # type: ignore[arg-type]
    await accept(api, house, fair, other.key)
    assert relayer.relay(house.now_s()) == 1
    land()
    assert (await api.get(f"/v1/cash-outs/{fair['id']}")).json()["status"] == "paid"
    # A day later the house tries again.
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE backend.chain_transaction SET included_s = included_s - 86400")
        )
    offer = await offered(api, headers, batch)
    await accept(api, house, offer, bettor.key)
    assert relayer.relay(house.now_s()) == 1


async def test_offer_that_waits_longest_is_sent_first(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    relayer: CashOutRelayer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the number of the bet, those of early bets could keep all others waiting."""
    bettors = [house.open_account() for _ in range(2)]
    batches = [place(house, one, match) for one in bettors]
    ripen(engine, house)
    ids = []
    for one, batch in reversed(list(zip(bettors, batches, strict=True))):
        offer = await offered(api, await signed_in(api, one), batch)  # type: ignore[arg-type]
        await accept(api, house, offer, one.key)
        ids.append(offer["id"])
        ripen(engine, house, 1)
    monkeypatch.setattr(relaying, "MAX_OFFERS_PER_RUN", 1)
    assert relayer.relay(house.now_s()) == 1
    first, second = [(await api.get(f"/v1/cash-outs/{one}")).json()["status"] for one in ids]
    assert (first, second) == ("submitted", "accepted")


async def test_two_processes_do_not_offer_the_budget_twice(
    api: httpx.AsyncClient,
    second_api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    match: Game,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bettors = [house.open_account() for _ in range(4)]
    batches = [place(house, one, match) for one in bettors]
    ripen(engine, house)
    others: Services = second_api._transport.app.state.services  # type: ignore[attr-defined]
    for made in (services, others):
        poor(made, monkeypatch, 20 * UNIT)
    headers = [await signed_in(api, one) for one in bettors]  # type: ignore[arg-type]
    answers = await asyncio.gather(
        *(
            ask(process, own, batch)
            for own, batch in zip(headers, batches, strict=True)
            for process in (api, second_api)
        )
    )
    paid = {
        (answer.json()["batch"], answer.json()["price_micro"])
        for answer in answers
        if answer.status_code == 201
    }
    # Two bets of 9; each may be offered by both.
    assert len(paid) == 2
    assert all(answer.json()["code"] == "cash-out-budget" for answer in answers if answer.is_error)


async def test_offers_together_leave_the_reserve(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, redis_url: str
) -> None:
    """Each could be paid, and both could not."""
    first, second = house.open_account(), house.open_account()
    batches = [place(house, one, match, stake_micro=10 * UNIT) for one in (first, second)]
    away = house.open_account()
    # It covers them: without them the house locks more.
    house.place(Wanted(away, (Pick(match.market, 1, ODDS_E4, match.name),), 20 * UNIT))
    ripen(engine, house)
    # What one takes of the free money, and half as much for the other.
    with engine.begin() as connection:
        [(reserve,)] = connection.execute(text("SELECT receipt_reserve_micro FROM mirror.limits"))
        connection.execute(
            text("UPDATE mirror.book SET pool_micro = locked_micro + owed_micro + :free"),
            {"free": reserve + 14 * UNIT},
        )
    answers = [
        await ask(api, await signed_in(api, one), batch)  # type: ignore[arg-type]
        for one, batch in zip((first, second), batches, strict=True)
    ]
    assert answers[0].status_code == 201, answers[0].text
    is_problem(answers[1], 409, "cash-out-unavailable")
    assert "is reserved for open bets" in answers[1].json()["detail"]


async def test_signatures_and_relays_at_once_send_one_transaction(
    api: httpx.AsyncClient,
    second_api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    batch = place(house, bettor, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    whole, part = await offered(api, headers, batch), await offered(api, headers, batch, 5 * UNIT)
    accepted = await asyncio.gather(
        *(
            accept(one, house, offer, bettor.key)
            for one in (api, second_api)
            for offer in (whole, part)
        )
    )
    assert [answer.status_code for answer in accepted] == [200] * 4
    before = balance(house, bettor)
    other = CashOutRelayer(
        engine, Node(house.node.url, CHAIN_ID), deployment_of(house), OPERATOR_SIGNER.address
    )
    assert relay_at_once(house.now_s(), relayer, other) == 1
    land()
    assert balance(house, bettor) - before in (9 * UNIT, 4_500_000)
    with engine.connect() as connection:
        [(sent,)] = connection.execute(text("SELECT count(*) FROM backend.cash_out_submission"))
    assert sent == 1


async def test_cash_out_is_paid_once_over_a_reorg(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    """The block with the cash-out is undone. Whoever delivers it again is a new process."""
    batch = place(house, bettor, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    whole, part = await offered(api, headers, batch), await offered(api, headers, batch, 5 * UNIT)
    for offer in (whole, part):
        await accept(api, house, offer, bettor.key)
    before = balance(house, bettor)
    saved = house.save()
    assert relayer.relay(house.now_s()) == 1
    land()
    first = balance(house, bettor)
    assert first > before
    house.revert_to(saved)
    house.node.mine()
    follow(engine, house)
    assert balance(house, bettor) == before
    relayer.relay(house.now_s())
    land()
    land()
    assert balance(house, bettor) - before in (9 * UNIT, 4_500_000)
    said = [(await api.get(f"/v1/cash-outs/{o['id']}")).json()["status"] for o in (whole, part)]
    assert said.count("paid") == 1


async def test_nobody_accepts_or_asks_for_another(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    thief = house.open_account()
    mine, theirs = place(house, bettor, match), place(house, thief, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    theirs_headers = await signed_in(api, thief)  # type: ignore[arg-type]
    is_problem(await ask(api, theirs_headers, mine), 403, "bet-of-another")
    offer = await offered(api, headers, mine)
    own = await offered(api, theirs_headers, theirs)
    # The thief signs the owner's offer, and sends the owner's signature for the own one.
    is_problem(await accept(api, house, offer, thief.key), 403, "signature-invalid")
    body = {"signature": signature_of(house, offer, bettor.key)}
    answer = await api.post(f"/v1/cash-outs/{own['id']}", json=body)
    is_problem(answer, 403, "signature-invalid")
