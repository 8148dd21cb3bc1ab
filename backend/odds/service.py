"""Runs the live-odds process: follows PostgreSQL and accepted slips, publishes odds to Redis.

One loop does all the work in order, so a heartbeat means that fixtures, bets and odds were checked
just before; two listeners only wake it. PostgreSQL is the source of truth: a lost message delays a
movement until the slips are next reloaded, but cannot lose it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine

import structlog
from psycopg import AsyncConnection, OperationalError
from psycopg.errors import InvalidSchemaName, UndefinedTable
from psycopg.rows import dict_row
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend import channels
from backend.deployment import Deployment
from backend.fault_log import FaultLog
from backend.odds import repository
from backend.odds.book import Bids, Odds, OddsBook, OpenFixture
from backend.odds.publisher import Publisher
from backend.odds.redis_messages import SLIPS_CHANNEL, AcceptedSlip, read_slips
from backend.odds.settings import OddsSettings
from backend.prices import repository as prices
from backend.settings import CONNECT_ARGUMENTS

TICK_S = 1.0
BETWEEN_STEPS_S = 0.1
# What is above it is found in SQL.
MOST_RECEIVED = 100_000
SLIPS_RELOAD_S = 15.0
PRICES_REMOVED_S = 600.0
RETRY_S = 1.0
REDIS_TIMEOUT_S = 2.0

log = structlog.get_logger("odds")


class OddsService:
    """The process. `run` returns after `stop`."""

    def __init__(
        self,
        settings: OddsSettings,
        deployment: Deployment,
        book: OddsBook,
        learn: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._deployment = deployment
        self._book = book
        self._learn = learn
        self._redis = Redis.from_url(
            settings.redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
        )
        # A subscription is silent for as long as nobody bets.
        self._subscriber = Redis.from_url(
            settings.redis_url, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        self._away = FaultLog(log, "odds.unreachable", "odds.reachable")
        self._bare = FaultLog(log, "odds.not_migrated", "odds.migrated")
        self._empty = FaultLog(log, "odds.mirror_empty", "odds.mirror_filled")
        self._publisher = Publisher(self._redis)
        self._received: list[AcceptedSlip] = []
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._slips_due_s = 0.0
        self._leads = False
        self._unsaved: Odds = {}
        self._prices_due_s = 0.0

    def stop(self) -> None:
        """End `run` after the current step."""
        self._stop.set()
        self._wake.set()

    async def run(self) -> None:
        """Publish while this process holds the lock, until stopped; retries after outages."""
        listeners = [
            asyncio.create_task(self._retry(self._listen_slips)),
            asyncio.create_task(self._retry(self._listen_markets)),
        ]
        try:
            await self._retry(self._lead)
        finally:
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)
            await self._redis.aclose()
            await self._subscriber.aclose()

    async def _retry(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Repeat the work after an outage of PostgreSQL or Redis, until stopped."""
        while not self._stop.is_set():
            try:
                await work()
            except (OperationalError, RedisError, OSError) as error:
                lines = str(error).strip().splitlines()
                self._away.began(f"{type(error).__name__}: {lines[0] if lines else ''}")
            except (UndefinedTable, InvalidSchemaName) as error:
                self._bare.began(str(error).splitlines()[0])
            await self._pause(RETRY_S)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[repository.Connection]:
        connection = await AsyncConnection.connect(
            self._settings.postgres_url,
            autocommit=True,
            connect_timeout=CONNECT_ARGUMENTS["connect_timeout"],
            row_factory=dict_row,
            application_name="odds",
        )
        async with connection:
            yield connection

    async def _lead(self) -> None:
        async with self._connection() as connection:
            waiting = False
            while not await repository.acquire_leadership(connection):
                if not waiting:
                    log.info("odds.standby", reason="another odds process publishes")
                waiting, self._leads = True, False
                await self._pause(TICK_S)
                if self._stop.is_set():
                    return
            if not self._leads:
                # Not after each attempt of an outage: nobody else has led meanwhile.
                log.info("odds.leads")
            self._leads = True
            self._slips_due_s = 0.0
            while not self._stop.is_set():
                await self._step(connection)
                # What comes meanwhile is priced together.
                await self._pause(BETWEEN_STEPS_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), TICK_S)
                self._wake.clear()

    async def _step(self, connection: repository.Connection) -> None:
        """Read clock, fixtures and bets, publish what changed, and confirm it with a heartbeat."""
        now_s = await self._now_s(connection)
        if now_s is None:
            self._empty.began("no block yet; start the indexer")
            return
        self._empty.ended()
        fixtures = await repository.open_fixtures(connection)
        if time.monotonic() >= self._slips_due_s:
            slips = await repository.accepted_slips(
                connection, self._deployment, (f.fixture for f in fixtures)
            )
            self._book.replace_slips(slips)
            self._slips_due_s = time.monotonic() + SLIPS_RELOAD_S
        received, self._received = self._received, []
        for slip in received:
            self._book.add(slip)
        odds, bids = await asyncio.to_thread(self._price, fixtures, now_s)
        changed = await self._publisher.publish(odds)
        await self._publisher.publish_bids(bids)
        await self._publisher.heartbeat()
        self._unsaved |= changed
        await self._keep_prices(connection, now_s)
        self._away.ended()
        self._bare.ended()
        if changed:
            log.info("odds.published", markets=len(changed), fixtures=len(odds))

    async def _keep_prices(self, connection: repository.Connection, now_s: int) -> None:
        """Write the odds that have changed into PostgreSQL; after a failure, with the next ones."""
        if self._unsaved:
            await prices.record(connection, self._unsaved, now_s)
            self._unsaved = {}
        if time.monotonic() >= self._prices_due_s:
            await prices.remove_old(connection, now_s - self._settings.price_retention_s)
            self._prices_due_s = time.monotonic() + PRICES_REMOVED_S

    def _price(
        self, fixtures: list[OpenFixture], now_s: int
    ) -> tuple[dict[bytes, Odds], dict[bytes, Bids]]:
        self._learn(now_s)
        self._book.open(fixtures, now_s)
        return dict(self._book.odds()), dict(self._book.bids())

    async def _now_s(self, connection: repository.Connection) -> int | None:
        if self._settings.clock == "wall":
            return int(time.time())
        return await repository.chain_time_s(connection, self._deployment)

    async def _listen_slips(self) -> None:
        async with self._subscriber.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(SLIPS_CHANNEL)
            self._slips_due_s = 0.0
            async for message in subscription.listen():
                try:
                    slips = read_slips(message["data"])
                except (KeyError, TypeError, ValueError):
                    log.warning("odds.message_malformed", channel=SLIPS_CHANNEL)
                else:
                    self._received += slips[: MOST_RECEIVED - len(self._received)]
                self._wake.set()

    async def _listen_markets(self) -> None:
        async with self._connection() as connection:
            await connection.execute(f"LISTEN {channels.MARKETS}")
            self._wake.set()
            async for _ in connection.notifies():
                self._wake.set()
