"""What an owner hears of a relay on the private stream while no block is mirrored: the worker's
own notification, through PostgreSQL, to a reader of the API.

Branches: prepared for sending · given up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import Engine

from backend.relays.relaying import RequestRelayer
from tests.backend.api.bettors import Bettor
from tests.backend.api.own_streams import heard, private
from tests.backend.api.relaying import (
    GAS_PER_HOUR,
    Holder,
    engine,
    holder,
    permit_body,
    relayer,
    relayer_of,
    taken,
)
from tests.backend.api.served_house import served
from tests.support.house import House
from tests.support.terms import UNIT

__all__ = ["engine", "relayer"]


@pytest.fixture
async def server(engine: Engine, house: House, redis_url: str) -> AsyncIterator[str]:
    """Host and port of the API. Its mirror stays as it is, so that no block wakes the stream."""
    settings = {"is_followed": False, "relay_gas_per_hour": GAS_PER_HOUR}
    async with served(engine, house, redis_url, **settings) as (url, _):
        yield url.removeprefix("http://")


async def accepted(server: str, house: House, owner: Holder) -> str:
    async with httpx.AsyncClient(base_url=f"http://{server}") as api:
        return str((await taken(api, "permits", permit_body(house, owner)))["relay_hash"])


async def test_worker_notifies_the_owner_of_a_relay_that_it_sends(
    server: str, house: House, relayer: RequestRelayer
) -> None:
    owner = holder(house)
    async with private(server, Bettor(0, owner.key)) as socket:
        assert (await heard(socket))["relays"] == []
        relay = await accepted(server, house, owner)
        [waiting] = (await heard(socket))["relays"]
        assert (waiting["relay_hash"], waiting["status"]) == (relay, "waiting")
        assert relayer.relay(house.now_s()) == 1
        [sent] = (await heard(socket))["relays"]
        assert (sent["relay_hash"], sent["status"]) == (relay, "sent")


async def test_worker_notifies_the_owner_of_a_relay_that_it_gives_up(
    server: str, engine: Engine, house: House
) -> None:
    owner = holder(house, tokens_micro=100 * UNIT)
    relayer = relayer_of(engine, house, reverting_s=0)
    async with private(server, Bettor(0, owner.key)) as socket:
        await heard(socket)
        relay = await accepted(server, house, owner)
        await heard(socket)
        # Its tokens are gone before it is sent.
        token = house.contracts.by_name["TestToken"].address
        house.node.rpc("anvil_setCode", token, "0x00") if False else None
        spend(house, owner, token)
        assert [relayer.relay(house.now_s()) for _ in range(2)] == [0, 0]
        [refused] = (await heard(socket))["relays"]
        assert (refused["relay_hash"], refused["status"]) == (relay, "refused")
        assert refused["reason"]
