"""Builds what pushing odds and accounts to readers works with, once per process; it signs
nothing. The API has all of it too (backend/services.py)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, ClassVar

import structlog
from fastapi import Depends, FastAPI, Request
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

from backend.account_events.watcher import AccountEvents
from backend.api.connection_limits import Connections, most_connections
from backend.chain_view import NODE_CONNECTIONS
from backend.database import Database
from backend.database_notifications import Notifications
from backend.deployment import ContractWindows, Deployment
from backend.fault_log import FaultLog
from backend.mirror.deployment import HEAD, deployment_key
from backend.odds.redis_messages import Published
from backend.ops.metrics import Metrics
from backend.problems import mirror_missing
from backend.rate_limits import Limiter
from backend.sessions.store import SessionStore
from backend.stream.broadcast import Broadcast
from backend.stream.odds_copy import Odds, OddsCopy
from backend.stream.stream_limits import Readers
from backend.stream_settings import StreamSettings
from protocol.typed_data import Domain

log = structlog.get_logger("api")

# Below what any client waits for: a Redis that hangs is as good as none.
REDIS_TIMEOUT_S = 1.0
# Requests wait for one of these, so that many at once do not take all descriptors.
REDIS_CONNECTIONS = 64

# Descriptors for the listener, logs, pages and the like; a process with fewer connections than
# the least serves nobody.
OTHER_FILES = 64
LEAST_CONNECTIONS = 32


class StreamServices:
    """Connections, settings and background tasks of a process that serves the stream."""

    MAX_WRITING: ClassVar[float] = 0.9
    """The part of the process's time that writing to readers may take at most."""

    def __init__(
        self, settings: StreamSettings, deployment: Deployment, windows: ContractWindows
    ) -> None:
        self.settings = settings
        self.deployment = deployment
        self.windows = windows
        self.database = Database(settings.postgres_url, settings.database_connections)
        self.redis = Redis.from_pool(
            BlockingConnectionPool.from_url(
                settings.redis_url,
                max_connections=REDIS_CONNECTIONS,
                timeout=REDIS_TIMEOUT_S,
                socket_timeout=REDIS_TIMEOUT_S,
                socket_connect_timeout=REDIS_TIMEOUT_S,
                retry=_lost_connections_only(),
            )
        )
        # A subscription is silent for as long as nothing changes.
        self.subscriber = Redis.from_url(settings.redis_url, socket_connect_timeout=REDIS_TIMEOUT_S)
        self.redis_fault = FaultLog(log, "api.redis_unreachable", "api.redis_reachable")
        self.limiter = Limiter(self.redis, settings.rate_limit_per_minute)
        self.sessions = SessionStore(
            self.redis, self.domain, settings.session_idle_s, settings.session_lifetime_s
        )
        self.broadcast = Broadcast(lambda: self.odds_copy.age_ms(), self.MAX_WRITING)
        self.odds_copy = OddsCopy(
            self.redis, self.subscriber, self._odds_changed, self._odds_replaced
        )
        self.notifications = Notifications(settings.postgres_url)
        reserved = (
            settings.database_connections + REDIS_CONNECTIONS + NODE_CONNECTIONS + OTHER_FILES
        )
        self.connections = Connections(most_connections(reserved, LEAST_CONNECTIONS))
        self.readers = Readers(
            min(settings.max_streams_per_address, self.connections.most_streams),
            self.connections.most_streams,
        )
        self.account_events = AccountEvents(
            self.database, self.notifications, lambda: self.sessions, self.mirror_key
        )
        self.metrics = Metrics(self.odds_copy.age_ms, self.readers, self.connections)

    @classmethod
    def for_stream(cls, settings: StreamSettings) -> StreamServices:
        """Those of a process that serves nothing but the stream. Raises DeploymentInvalid."""
        deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        windows = deployment.windows(settings.receipt_window_s, settings.exit_delay_s)
        return cls(settings, deployment, windows)

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of all that bettors and house sign."""
        return self.deployment.slip_domain

    @property
    def mirror_key(self) -> dict[str, Any]:
        """The parameters that name our deployment in a statement on the mirror."""
        return {
            **deployment_key(self.deployment),
            "receipt_window_s": self.windows.receipt_window_s,
        }

    async def now_s(self) -> int:
        """The time of the clock that this process follows. Raises NotReady while the mirror is
        empty."""
        if self.settings.clock == "wall":
            return int(time.time())
        row = await self.database.row(HEAD, self.mirror_key)
        if row is None or row["head_timestamp_s"] is None:
            raise mirror_missing()
        return int(row["head_timestamp_s"])

    def _odds_changed(self, market: str, published: Published) -> None:
        self.broadcast.change(market, published)

    def _odds_replaced(self, odds: Odds) -> None:
        self.broadcast.replace(odds)

    def _works(self) -> list[Coroutine[Any, Any, None]]:
        """What runs as long as the process."""
        return [
            self.notifications.run(),
            self.odds_copy.run(),
            self.broadcast.run(),
            self.account_events.run(),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connections open, feed and streams running."""
        await self.database.open()
        tasks = [asyncio.create_task(work) for work in self._works()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()

    async def _close(self) -> None:
        await self.database.close()
        await self.redis.aclose()
        await self.subscriber.aclose()


def _lost_connections_only() -> Retry:
    """One more try on a new connection, at once. What timed out is not tried again."""
    return Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))


def stream_services_of(app: FastAPI) -> StreamServices:
    """The services of an app that serves the stream."""
    services: StreamServices = app.state.services
    return services


def get_stream_services(request: Request) -> StreamServices:
    """The services, as a dependency of a route."""
    return stream_services_of(request.app)


StreamServicesDep = Annotated[StreamServices, Depends(get_stream_services)]
