"""What owners signed is sent once, and is not lost.

Branches: the same request fifty times from two processes, and two workers · a worker killed at any
line · a reorg · a transaction whose nonce was given away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text

from backend.relays.relaying import Relayer
from backend.transactions.delivery import Delivery
from tests.backend.api.client import is_problem
from tests.backend.api.relaying import (
    account_of,
    balance_of,
    count,
    delivery,
    engine,
    holder,
    land,
    permit_body,
    post,
    relay_at_once,
    relayer,
    relayer_of,
    second_api,
    services,
    shown,
    taken,
)
from tests.support.house import House
from tests.support.killer import running_killer
from tests.support.mirror import follow
from tests.support.terms import UNIT

__all__ = ["delivery", "engine", "land", "relayer", "second_api", "services"]

DEATHS = 16
TIMES = 50
REPEATED_S = 60


async def test_same_deposit_fifty_times_at_once_is_sent_once(
    api: httpx.AsyncClient,
    second_api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    owner = holder(house)
    body = permit_body(house, owner)

    async def repeated(one: httpx.AsyncClient) -> httpx.Response:
        """Until there is an answer: a slow node is 503 for some of so many."""
        async with asyncio.timeout(REPEATED_S):
            while (answer := await post(one, "permits", body)).status_code == 503:
                is_problem(answer, 503, "chain-unreachable")
                await asyncio.sleep(0.05)
            return answer

    clients = [api, second_api] * (TIMES // 2)
    answers = await asyncio.gather(*map(repeated, clients))
    assert sorted(answer.status_code for answer in answers) == [200] * (TIMES - 1) + [201]
    assert count(engine, "backend.relay") == 1
    assert relay_at_once(house.now_s(), relayer, relayer_of(engine, house)) == 1
    land()
    assert relayer.relay(house.now_s()) == 0
    assert balance_of(house, account_of(house, owner)) == 100 * UNIT
    assert count(engine, "backend.relay_submission") == 1
    # Long after its deadline, the same is still answered with what became of it.
    house.travel(10_000)
    follow(engine, house)
    late = await post(api, "permits", body)
    assert (late.status_code, late.json()["status"]) == (200, "confirmed")


@pytest.mark.timeout(240)
async def test_worker_killed_at_any_line_sends_each_once(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    script = Path(__file__).with_name("relay_killer.py")
    url = engine.url.render_as_string(hide_password=False)
    owners = [holder(house, number) for number in range(DEATHS + 1)]
    with running_killer(script, url, house.node.url, str(house.deployment_file)) as killer:
        await taken(api, "permits", permit_body(house, owners[0]))
        lines = killer.count_lines()
        assert lines > 10 * DEATHS
        for death, owner in enumerate(owners[1:]):
            await taken(api, "permits", permit_body(house, owner))
            killer.die_at(1 + death * (lines - 1) // DEATHS)
            house.node.mine()
            follow(engine, house)
    relayer.relay(house.now_s())
    land()
    assert relayer.relay(house.now_s()) == 0
    assert [balance_of(house, account_of(house, owner)) for owner in owners] == [100 * UNIT] * (
        DEATHS + 1
    )
    assert count(engine, "backend.relay_submission") == DEATHS + 1


async def test_reorg_loses_and_repeats_no_deposit(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    owner = holder(house)
    relay = await taken(api, "permits", permit_body(house, owner))
    saved = house.save()
    assert relayer.relay(house.now_s()) == 1
    land()
    assert balance_of(house, account_of(house, owner)) == 100 * UNIT
    house.revert_to(saved)
    house.node.mine()
    follow(engine, house)
    assert account_of(house, owner) == 0
    assert (await shown(api, relay))["status"] in ("sent", "waiting")
    relayer.relay(house.now_s())
    land()
    land()
    assert balance_of(house, account_of(house, owner)) == 100 * UNIT
    assert (await shown(api, relay))["status"] == "confirmed"
    assert count(engine, "backend.relay_submission") == 1


async def test_one_whose_nonce_was_given_away_is_sent_again(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    delivery: Delivery,
    land: Callable[[], None],
) -> None:
    """As after a node that refuses the payload: an empty transfer uses the nonce, and costs."""
    owner = holder(house)
    relay = await taken(api, "permits", permit_body(house, owner))
    assert relayer.relay(house.now_s()) == 1
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.chain_transaction SET cancelled = true"))
    assert relayer.relay(house.now_s()) == 0
    land()
    assert (await shown(api, relay))["status"] == "waiting"
    assert relayer.relay(house.now_s()) == 1
    land()
    assert (await shown(api, relay))["status"] == "confirmed"
    assert balance_of(house, account_of(house, owner)) == 100 * UNIT
    assert count(engine, "backend.relay_submission") == 2
