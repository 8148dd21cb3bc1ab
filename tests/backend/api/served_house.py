"""An API that listens, in front of a house on a chain that its mirror follows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from sqlalchemy import Engine

from backend.api_settings import ApiSettings
from backend.app import build
from backend.services import Services
from tests.backend.api.client import until
from tests.backend.api.live_house import live_settings
from tests.support.accepted_slips import Game
from tests.support.house import House
from tests.support.house_report import report_all_well
from tests.support.mirror import follow


@pytest.fixture
async def api_url(engine: Engine, house: House, redis_url: str, match: Game) -> AsyncIterator[str]:
    async with served(engine, house, redis_url) as (url, services):
        await until(lambda: services.odds_copy.odds)
        yield url


@asynccontextmanager
async def served(
    engine: Engine, house: House, redis_url: str, *, is_followed: bool = True, **settings: Any
) -> AsyncIterator[tuple[str, Services]]:
    """The API on a port of its own, over a mirror that follows the chain or stays as it is."""
    values = {**live_settings(engine, house, redis_url), **settings}
    services = Services.from_settings(ApiSettings(**values))
    report_all_well(engine, services.deployment.sportsbook)
    follow(engine, house)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(build(services), log_level="warning"))
        serving = asyncio.create_task(server.serve([listening]))
        following = asyncio.create_task(
            keep_following(engine, house) if is_followed else asyncio.sleep(0)
        )
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", services
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        server.should_exit = True
        await serving


async def keep_following(engine: Engine, house: House) -> None:
    while True:
        await asyncio.shield(asyncio.to_thread(follow, engine, house))
        await asyncio.sleep(0.2)
