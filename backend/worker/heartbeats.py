"""Keeps in Redis when each periodic task and beat last did their work.

Each is a key with a time to live, so their ages are measured by Redis's clock alone: the clocks of
the machines may differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from redis import Redis

KEPT_S = 86_400
BEAT_KEY = "heartbeat:beat"


def task_key(task: str) -> str:
    """The key of a task."""
    return f"heartbeat:task:{task}"


def record(client: Redis, key: str) -> None:
    """Note that it was done now. Raises RedisError."""
    client.set(key, 1, ex=KEPT_S)


def ages_s(client: Redis, keys: Sequence[str]) -> list[float]:
    """How long ago each was done, in seconds; infinite for what was not done for a day. Raises
    RedisError."""
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.pttl(key)
    return [math.inf if left < 0 else max(0.0, KEPT_S - left / 1000) for left in pipeline.execute()]
