"""Builds what the API's routes work with, once per process; decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Request
from psycopg.errors import UndefinedTable
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

from backend import channels
from backend.account_events.watcher import AccountEvents
from backend.api.connection_limits import Connections, most_connections
from backend.api_settings import ApiSettings
from backend.chain_view import NODE_CONNECTIONS, ChainView, HouseState
from backend.clock import skew_refused
from backend.contracts.local_node import local_node
from backend.contracts.token import Token
from backend.contracts.token_view import TokenView
from backend.database import Database, Query
from backend.deployment import ContractWindows, Deployment
from backend.fault_log import FaultLog
from backend.house_keys import key_refused
from backend.house_signer import HouseSigner, LocalHouseSigner
from backend.house_state import HouseView
from backend.markets.board import Board
from backend.migrate import head
from backend.mirror.deployment import HEAD, deployment_key
from backend.notifications import Notifications
from backend.odds.redis_messages import Published
from backend.one_chain import other_chain
from backend.ops.metrics import Metrics
from backend.problems import NotReady
from backend.rate_limits import Limiter
from backend.reports.outlook import REPORT, Outlook
from backend.sessions.store import SessionStore
from backend.stream.broadcast import Broadcast
from backend.stream.odds_copy import Odds, OddsCopy
from backend.stream.stream_limits import Readers
from protocol.roles import Role
from protocol.typed_data import Domain

log = structlog.get_logger("api")

_REVISION = "SELECT version_num FROM backend.alembic_version"

MIRROR_MISSING = "The mirror has no block of this deployment yet; start the indexer."
BANKROLL_MISSING = "The mirror does not show a bankroll yet."


# Below what any client waits for: a Redis that hangs is as good as none.
REDIS_TIMEOUT_S = 1.0
# Requests wait for one of these, so that many at once do not take all descriptors.
REDIS_CONNECTIONS = 64

# Descriptors for the listener, logs, pages and the like; a process with fewer connections than
# the least serves nobody.
OTHER_FILES = 64
LEAST_CONNECTIONS = 32


class Services:
    """Connections, settings and background tasks of one API process."""

    def __init__(
        self,
        settings: ApiSettings,
        deployment: Deployment,
        windows: ContractWindows,
        receipt_signer: HouseSigner,
        withdrawal_signer: HouseSigner,
        cash_out_signer: HouseSigner | None = None,
    ) -> None:
        self.settings = settings
        self.deployment = deployment
        self.windows = windows
        self.receipt_signer = receipt_signer
        self.withdrawal_signer = withdrawal_signer
        self.cash_out_signer = cash_out_signer
        self._revision = head()
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
        self.broadcast = Broadcast(lambda: self.odds_copy.age_ms())
        self.odds_copy = OddsCopy(
            self.redis, self.subscriber, self._odds_changed, self._odds_replaced
        )
        self.notifications = Notifications(settings.postgres_url)
        self.board = Board(self.database, self.current_odds, lambda: self.notifications.heard)
        self.notifications.on(channels.MARKETS, self.board.changed)
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
        self.chain = ChainView(settings.first_rpc_url, deployment)
        self.house = HouseView(
            lambda: self.chain.house(
                receipt_signer.address,
                withdrawal_signer.address,
                None if self.cash_out_signer is None else self.cash_out_signer.address,
            )
        )
        self.token = TokenView(self._read_token)
        # The probe of /readyz that is under way.
        self.probe: asyncio.Task[Any] | None = None

    @classmethod
    def from_settings(cls, settings: ApiSettings) -> Services:
        """The services of the deployment that the settings name. Raises DeploymentInvalid."""
        deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        windows = deployment.windows(settings.receipt_window_s, settings.exit_delay_s)
        receipt_signer = LocalHouseSigner(settings.receipt_key_bytes)
        withdrawal_signer = LocalHouseSigner(settings.withdrawal_key_bytes)
        key = settings.cash_out_key_bytes
        cash_out_signer = None if key is None else LocalHouseSigner(key)
        return cls(
            settings, deployment, windows, receipt_signer, withdrawal_signer, cash_out_signer
        )

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of all that bettors and house sign."""
        return self.deployment.slip_domain

    @property
    def local_node(self) -> str | None:
        """The chain node that a browser may ask itself, on a local chain only."""
        return local_node(self.deployment.chain_id, self.settings.first_rpc_url)

    async def _read_token(self) -> Token:
        named = self.deployment.token
        if named is None:
            return Token(None, None, None, None)
        return await self.chain.token(named, self.deployment.chain_id)

    async def migration_missing(self) -> str | None:
        """What is wrong with the backend's tables, and what to do; None when nothing is."""
        try:
            return self.revision_refused(await self.database.row(*self.revision_query))
        except UndefinedTable:
            return self.revision_refused(None)

    @property
    def revision_query(self) -> Query:
        """What reads the revision of the backend's tables."""
        return _REVISION, {}

    def revision_refused(self, row: Mapping[str, Any] | None) -> str | None:
        """What is wrong with the revision that was read; None when nothing is."""
        if row is None:
            return "The backend's tables are missing; run python -m backend.migrate."
        if row["version_num"] != self._revision:
            return (
                f"The backend's tables are at revision {row['version_num']}, not {self._revision};"
                " run python -m backend.migrate."
            )
        return None

    def _odds_changed(self, market: str, published: Published) -> None:
        self.board.odds_changed(market, published)
        self.broadcast.change(market, published)

    def _odds_replaced(self, odds: Odds) -> None:
        self.board.odds_replaced(odds)
        self.broadcast.replace(odds)

    def current_odds(self) -> Odds:
        """The odds that may be shown: none while the odds process is not running."""
        fresh = self.odds_copy.age_ms() <= self.settings.max_odds_age_ms
        return self.odds_copy.odds if fresh else {}

    async def outlook(self) -> Outlook | None:
        """What the worker last reported."""
        row = await self.database.row(*self.report_query)
        return None if row is None else Outlook(**row)

    @property
    def report_query(self) -> Query:
        """What reads the worker's last report."""
        return REPORT, self.mirror_key

    @property
    def mirror_key(self) -> dict[str, Any]:
        """The parameters that name our deployment in a statement on the mirror."""
        return {
            **deployment_key(self.deployment),
            "receipt_window_s": self.windows.receipt_window_s,
        }

    async def now_s(self) -> int:
        """The time of the clock that this API follows. Raises NotReady while the mirror is
        empty."""
        if self.settings.clock == "wall":
            return int(time.time())
        row = await self.database.row(HEAD, self.mirror_key)
        if row is None or row["head_timestamp_s"] is None:
            raise mirror_missing()
        return int(row["head_timestamp_s"])

    def skew_refused(self, now_s: int, head_s: int) -> str | None:
        """Why nothing can be accepted by this clock, which follows the wall; None when it can. The
        difference is a metric."""
        self.metrics.clock_ahead.set(now_s - head_s)
        most_s = min(self.settings.max_clock_skew_s, self.windows.receipt_window_s)
        return skew_refused(now_s, head_s, most_s)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connections open, feed and streams running."""
        await self.database.open()
        works = (
            *(self.notifications.run(), self.odds_copy.run()),
            *(self.broadcast.run(), self.account_events.run()),
        )
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.database.close()
            await self.redis.aclose()
            await self.subscriber.aclose()
            await self.chain.close()


def _lost_connections_only() -> Retry:
    """One more try on a new connection, at once. What timed out is not tried again."""
    return Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))


def services_of(app: FastAPI) -> Services:
    """The services of an app."""
    services: Services = app.state.services
    return services


def get_services(request: Request) -> Services:
    """The services, as a dependency of a route."""
    return services_of(request.app)


ServicesDep = Annotated[Services, Depends(get_services)]


def mirror_missing() -> NotReady:
    """The refusal while the mirror has no block of our deployment."""
    return NotReady(MIRROR_MISSING, retry_after_s=2)


def bankroll_missing() -> NotReady:
    """The refusal while the mirror shows no bankroll that could pay."""
    return NotReady(BANKROLL_MISSING, retry_after_s=2)


def other_chain_refused(
    services: Services, house: HouseState, first_hash: bytes | None
) -> str | None:
    """Why node, deployment file and mirror are not of one chain; None when nothing shows it.
    `first_hash` is what the mirror has."""
    mirrored = None if first_hash is None else bytes(first_hash)
    return other_chain(services.deployment, house.hashes, mirrored)


def receipt_key_refused(services: Services, house: HouseState, now_s: int) -> str | None:
    """Why the sportsbook does not accept the key that signs receipts; None when it does."""
    address = services.receipt_signer.address
    return key_refused(house.receipt_key, Role.RECEIPTS, address, "RECEIPT_SIGNER_KEY", now_s)


def withdrawal_key_refused(services: Services, house: HouseState, now_s: int) -> str | None:
    """Why the sportsbook does not accept the key that countersigns withdrawals; None when it
    does."""
    address = services.withdrawal_signer.address
    key = house.withdrawal_key
    return key_refused(key, Role.WITHDRAWALS, address, "WITHDRAWAL_SIGNER_KEY", now_s)


def cash_out_key_refused(services: Services, house: HouseState, now_s: int) -> str | None:
    """Why the sportsbook does not accept the key that signs cash-outs; None when it does, or when
    this server has none."""
    signer, key = services.cash_out_signer, house.cash_out_key
    if signer is None or key is None:
        return None
    return key_refused(key, Role.CASH_OUTS, signer.address, "CASH_OUT_SIGNER_KEY", now_s)
