"""What an owner hears of a relay on the private stream while no block is mirrored: the worker's
own notification, through PostgreSQL, to a reader of the API.

Branches: prepared for sending · given up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from sqlalchemy import Engine

from backend.relays.relaying import Relayer
from tests.backend.api.bettors import Bettor
from tests.backend.api.own_streams import heard, private
from tests.backend.api.relaying import (
    Holder,
    engine,
    holder,
    move_tokens,
    permit_body,
    relayer,
    relayer_of,
    settings_of,
    taken,
)
from tests.backend.surface.process import running_api
from tests.support.house import House
from tests.support.house_report import report_all_well
from tests.support.mirror import follow
from tests.support.terms import UNIT

__all__ = ["engine", "relayer"]


@pytest.fixture
def server(engine: Engine, house: House, redis_url: str, tmp_path: Path) -> Iterator[str]:
    """Host and port of the API. Its mirror stays as it is, so that no block wakes the stream."""
    report_all_well(engine, house.contracts.by_name["Sportsbook"].address)
    follow(engine, house)
    with redis.Redis.from_url(redis_url) as live:
        # No odds are asked for, but an API without odds process is not ready.
        live.set("odds:heartbeat", time.time_ns() // 1_000_000 + 3_600_000)
    settings = settings_of(engine, house, redis_url)
    environment = {name.upper(): str(value) for name, value in settings.items()}
    with running_api(tmp_path, {"PATH": os.environ["PATH"], **environment}) as api:
        yield api.url.removeprefix("http://")


async def accepted(server: str, house: House, owner: Holder) -> str:
    async with httpx.AsyncClient(base_url=f"http://{server}") as api:
        return str((await taken(api, "permits", permit_body(house, owner)))["relay_hash"])


async def test_worker_notifies_the_owner_of_a_relay_that_it_sends(
    server: str, house: House, relayer: Relayer
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
        move_tokens(house, owner, 1)
        assert [relayer.relay(house.now_s()) for _ in range(2)] == [0, 0]
        [refused] = (await heard(socket))["relays"]
        assert (refused["relay_hash"], refused["status"]) == (relay, "refused")
        assert refused["reason"]
