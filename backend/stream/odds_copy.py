"""Keeps the API's copy of the live odds: read from Redis, then updated with every change.

The copy counts as no fresher than the last heartbeat of the odds process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.cancellation import is_cancelled
from backend.fault_log import FaultLog
from backend.odds.redis_messages import HASH_PREFIX, HEARTBEAT_KEY, ODDS_CHANNEL, Published, now_ms

log = structlog.get_logger("api")

HEARTBEAT_EVERY_S = 1.0
FIRST_HEARTBEAT_S = 0.05
RETRY_S = 0.5

Odds = dict[str, Published]


class OddsCopy:
    """Odds by market id in hex. `redis` gives up after a time; `subscriber` waits for messages
    without one, and ends when `redis` does not answer. `changed` is called with the odds of a
    market that changed, `replaced` with all odds after they were read again."""

    def __init__(
        self,
        redis: Redis,
        subscriber: Redis,
        changed: Callable[[str, Published], None],
        replaced: Callable[[Odds], None],
    ) -> None:
        self._redis = redis
        self._subscriber = subscriber
        self._changed = changed
        self._replaced = replaced
        self._fault = FaultLog(log, "api.odds_feed_interrupted", "api.odds_feed_resumed")
        self._heartbeat_ms = 0
        self._following = False
        self._started_ms = now_ms()
        self.odds: Odds = {}

    @property
    def heartbeat_received(self) -> bool:
        """Whether a heartbeat of the odds process was ever received."""
        return self._heartbeat_ms > 0

    def age_ms(self) -> int:
        """How long ago the odds process last confirmed its odds."""
        return max(0, now_ms() - (self._heartbeat_ms or self._started_ms - 3_600_000))

    async def run(self) -> None:
        """Follow Redis until cancelled; after an outage all odds are read again."""
        while True:
            try:
                await self._until_one_ends()
            except (RedisError, OSError) as error:
                self._fault.began(type(error).__name__)
            finally:
                self._following = False
            await asyncio.sleep(RETRY_S)

    async def _until_one_ends(self) -> None:
        """Raises what ended it. A group of tasks would not do: it reports a cancellation that the
        client of Redis turns into an error as that error."""
        tasks = [
            asyncio.create_task(self._follow()),
            asyncio.create_task(self._watch_heartbeat()),
        ]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in ended:
            task.result()

    async def _follow(self) -> None:
        """Subscribe before reading: a change in between arrives twice, but is not lost."""
        async with self._subscriber.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(ODDS_CHANNEL)
            self.odds = await self._read()
            self._replaced(dict(self.odds))
            self._following = True
            self._fault.ended()
            if is_cancelled():
                return
            async for message in subscription.listen():
                self._apply(message["data"])

    async def _watch_heartbeat(self) -> None:
        """A heartbeat confirms our copy only while the copy is followed."""
        while not is_cancelled():
            value = await self._redis.get(HEARTBEAT_KEY)
            if self._following and value is not None:
                with contextlib.suppress(ValueError):
                    self._heartbeat_ms = int(value)
            if not is_cancelled():
                await asyncio.sleep(HEARTBEAT_EVERY_S if self._following else FIRST_HEARTBEAT_S)

    async def _read(self) -> Odds:
        found: Odds = {}
        async for key in self._redis.scan_iter(match=f"{HASH_PREFIX}*"):
            fields = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(key))
            found |= {name.decode(): Published.read(value) for name, value in fields.items()}
        return found

    def _apply(self, data: bytes) -> None:
        try:
            body: dict[str, Any] = orjson.loads(data)
            market, published = str(body["market"]), Published.read(data)
        except (KeyError, TypeError, ValueError):
            log.warning("api.odds_message_malformed")
            return
        known = self.odds.get(market)
        if known is not None and known.version >= published.version:
            return
        if published.odds_e4:
            self.odds[market] = published
        else:
            self.odds.pop(market, None)
        self._changed(market, published)
