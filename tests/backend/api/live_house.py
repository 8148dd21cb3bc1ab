"""An API in front of a house that is deployed on a chain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine

from backend.api_settings import ApiSettings
from backend.services import Services
from tests.backend.api.client import client
from tests.backend.api.world import SETTINGS
from tests.support.house import RECEIPT_SIGNER, House
from tests.support.people import WITHDRAWAL_SIGNER
from tests.support.terms import EXIT_DELAY_S, RECEIPT_WINDOW_S


def live_settings(engine: Engine, house: House, redis_url: str) -> dict[str, Any]:
    """The values of ApiSettings, with the keys that the house grants."""
    return {
        **SETTINGS,
        "database_url": engine.url.render_as_string(hide_password=False),
        "redis_url": redis_url,
        "deployment_file": house.deployment_file,
        "rpc_url": house.node.url,
        "receipt_signer_key": "0x" + RECEIPT_SIGNER.hex(),
        "withdrawal_signer_key": "0x" + WITHDRAWAL_SIGNER.hex(),
        "receipt_window_s": RECEIPT_WINDOW_S,
        "exit_delay_s": EXIT_DELAY_S,
    }


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    made = create_engine(fresh_database)
    yield made
    made.dispose()


@asynccontextmanager
async def serving(settings: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """Runs an API with these values of ApiSettings, and gives a client of it."""
    services = Services.from_settings(ApiSettings(**settings))
    async with services.running(), client(services) as made:
        yield made


@pytest.fixture
async def live(engine: Engine, house: House, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The API in front of a house on a chain."""
    async with serving(live_settings(engine, house, redis_url)) as made:
        yield made
