"""Owns the count of requests a minute, in Redis, so that all API processes count together."""

from __future__ import annotations

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.problems import RateLimited

log = structlog.get_logger("api")

WINDOW_S = 60


class Limiter:
    """Lets each name have `per_minute` requests in a window of a minute. Without Redis it counts
    nobody: reading goes on, and no bet is taken without odds anyway."""

    def __init__(self, redis: Redis, per_minute: int) -> None:
        self._redis = redis
        self._per_minute = per_minute

    async def count(self, kind: str, name: str) -> None:
        """Count a request of `name`. Raises RateLimited."""
        key = f"rate:{kind}:{name}"
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.set(key, 0, ex=WINDOW_S, nx=True)
                pipeline.incr(key)
                pipeline.ttl(key)
                _, used, left_s = await pipeline.execute()
        except RedisError as error:
            log.warning("api.limiter_away", reason=type(error).__name__)
            return
        if used > self._per_minute:
            wait_s = max(1, left_s)
            raise RateLimited(
                f"This {kind} has made more than {self._per_minute} requests in a minute;"
                f" go on in {wait_s} s.",
                retry_after_s=wait_s,
            )
