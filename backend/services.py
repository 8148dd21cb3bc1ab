"""Owns putting the API's parts together, once a process; decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from redis.asyncio import Redis

from backend.api_settings import ApiSettings, House
from backend.chain_view import ChainView
from backend.database import Database
from backend.limiter import Limiter
from backend.ops.metrics import Metrics
from backend.problems import NotReady
from backend.quotes.signer import LocalQuoteSigner, QuoteSigner
from backend.stream.feed import OddsFeed
from backend.stream.hub import Hub
from protocol.typed_data import Domain

MIRROR_MISSING = "The mirror has not followed the chain yet; start the indexer."

_HEAD = """
SELECT head_timestamp_s FROM mirror.deployment
WHERE chain_id = %(chain_id)s AND lower(sportsbook) = lower(%(sportsbook)s)
  AND head_block IS NOT NULL
"""


class Services:
    """The parts that a request works with."""

    def __init__(self, settings: ApiSettings, house: House, signer: QuoteSigner) -> None:
        self.settings = settings
        self.house = house
        self.signer = signer
        self.database = Database(settings.database_url, settings.database_connections)
        self.redis = Redis.from_url(settings.redis_url)
        self.limiter = Limiter(self.redis, settings.rate_limit_per_minute)
        self.hub = Hub(lambda: self.feed.age_ms())
        self.feed = OddsFeed(self.redis, self.hub.change, self.hub.replace)
        self.metrics = Metrics(self.feed.age_ms, lambda: self.hub.readers)
        self.chain: ChainView | None = None
        if settings.rpc_url is not None:
            url = settings.rpc_url.get_secret_value().split(",")[0]
            self.chain = ChainView(url, house.deployment.sportsbook)

    @classmethod
    def make(cls, settings: ApiSettings) -> Services:
        """The parts of this deployment. Raises DeploymentInvalid."""
        return cls(settings, House.read(settings), LocalQuoteSigner(settings.quote_key_bytes))

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of all that bettors and house sign."""
        return self.house.deployment.slip_domain

    @property
    def key(self) -> dict[str, Any]:
        """What names our deployment in a statement on the mirror."""
        return {
            "chain_id": self.house.deployment.chain_id,
            "sportsbook": self.house.deployment.sportsbook,
            "receipt_window_s": self.house.receipt_window_s,
        }

    async def now_s(self) -> int:
        """The time by which we work. Raises NotReady while the mirror has no head."""
        if self.settings.clock == "wall":
            return int(time.time())
        row = await self.database.row(_HEAD, self.key)
        if row is None or row["head_timestamp_s"] is None:
            raise NotReady(MIRROR_MISSING, retry_after_s=2)
        return int(row["head_timestamp_s"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connections open, feed and hub at work."""
        await self.database.open()
        tasks = [asyncio.create_task(self.feed.run()), asyncio.create_task(self.hub.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.database.close()
            await self.redis.aclose()
            if self.chain is not None:
                await self.chain.close()


def services_of(app: FastAPI) -> Services:
    """The parts of an app."""
    services: Services = app.state.services
    return services


def services(request: Request) -> Services:
    """The parts, as a dependency of a route."""
    return services_of(request.app)


def signer_missing(parts: Services) -> str:
    """What to do when the sportsbook does not know the key that signs receipts."""
    return (
        f"The house signs with {parts.signer.address}, which is no signer of the sportsbook: its"
        " owner must call setSigner, or QUOTE_SIGNER_KEY is the wrong key."
    )
