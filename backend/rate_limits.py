"""Limits requests per minute, counted in Redis so that all API processes count together."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.grouping import Groups
from backend.problems import RateLimited

log = structlog.get_logger("api")

WINDOW_S = 60
TIMEOUT_S = 1.0
# After a failure, requests do not wait for Redis again for this long.
PAUSE_S = 2.0
MOST_AT_ONCE = 256
MOST_WAITING = 8_192

# Adds to the counter of each key, whose window begins with its first request; for each the new
# count and, where that is above the limit, in how many seconds the window ends. One text, since a
# list of integers takes long to read.
_COUNT = """
local found = {}
for i, key in ipairs(KEYS) do
    local count = tonumber(ARGV[i + 2])
    local used = redis.call('INCRBY', key, count)
    if used == count then redis.call('EXPIRE', key, ARGV[1]) end
    found[2 * i - 1] = string.format('%d', used)
    found[2 * i] = used > tonumber(ARGV[2]) and string.format('%d', redis.call('TTL', key)) or '0'
end
return table.concat(found, ' ')
"""

# Takes from the counter of each key, unless its window has ended.
_GIVE_BACK = """
for i, key in ipairs(KEYS) do
    local left = tonumber(redis.call('GET', key) or '0')
    if left > 0 then redis.call('DECRBY', key, math.min(left, tonumber(ARGV[i]))) end
end
"""


@dataclass(slots=True)
class _Window:
    """How many requests of a name were counted in its window, and when that ends."""

    used: int
    left_s: int


class Limiter:
    """Allows each name `per_minute` requests in a window of one minute. Without Redis nothing is
    limited: reads continue, and no slip is accepted without odds anyway."""

    def __init__(self, redis: Redis, per_minute: int) -> None:
        self._redis = redis
        self._per_minute = per_minute
        self._paused_until = 0.0
        self._away = False
        self._script = redis.register_script(_COUNT)
        self._give_back = redis.register_script(_GIVE_BACK)
        self._groups = Groups[tuple[str, str], RateLimited | None](
            self._count, MOST_AT_ONCE, MOST_WAITING
        )

    async def count(self, kind: str, name: str) -> None:
        """Count one request of `name`, with those that come at the same time. Raises RateLimited,
        and NotReady when too many wait."""
        if (refusal := await self._groups.submit((kind, name))) is not None:
            raise refusal

    async def count_all(self, kind: str, names: Sequence[str]) -> list[RateLimited | None]:
        """Count one request of each name, in this order; for each the refusal, if it has made too
        many."""
        return await self._count([(kind, name) for name in names])

    async def give_back(self, kind: str, names: Sequence[str]) -> None:
        """Take back one request of each name that was counted."""
        if not names or time.monotonic() < self._paused_until:
            return
        counts = Counter(names)
        keys = [f"rate:{kind}:{name}" for name in counts]
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(TIMEOUT_S):
                await self._give_back(keys=keys, args=list(counts.values()))

    async def _count(self, requests: Sequence[tuple[str, str]]) -> list[RateLimited | None]:
        if not requests or time.monotonic() < self._paused_until:
            return [None] * len(requests)
        counts = Counter(requests)
        try:
            # The client's own limit does not count the wait for a connection.
            async with asyncio.timeout(TIMEOUT_S):
                answer: bytes = await self._script(
                    keys=[f"rate:{kind}:{name}" for kind, name in counts],
                    args=[WINDOW_S, self._per_minute, *counts.values()],
                )
        except (RedisError, OSError) as error:
            self._paused_until = time.monotonic() + PAUSE_S
            if not self._away:
                log.warning("api.limiter_unavailable", reason=type(error).__name__)
            self._away = True
            return [None] * len(requests)
        if self._away:
            log.info("api.limiter_available")
            self._away = False
        words = iter(map(int, answer.split()))
        windows = {
            name: _Window(next(words) - count, next(words)) for name, count in counts.items()
        }
        return [self._counted(request, windows[request]) for request in requests]

    def _counted(self, request: tuple[str, str], window: _Window) -> RateLimited | None:
        kind, _ = request
        window.used += 1
        return self._refusal(kind, window.used, window.left_s)

    def _refusal(self, kind: str, used: int, left_s: int) -> RateLimited | None:
        if used <= self._per_minute:
            return None
        wait_s = max(1, left_s)
        return RateLimited(
            f"This {kind} has made more than {self._per_minute} requests in a minute; try again"
            f" in {wait_s} s.",
            retry_after_s=wait_s,
        )
