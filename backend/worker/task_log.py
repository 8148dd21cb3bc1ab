"""Logs how the tasks do: a heartbeat for each run, and each fault once when it begins and once
when it ends, although every run may be in another process."""

from __future__ import annotations

import structlog
from redis import Redis
from redis.exceptions import RedisError

from backend.worker.heartbeats import KEPT_S, task_key

log = structlog.get_logger(__name__)


class TaskLog:
    """The runs of all tasks. What lasts is kept in Redis, or while that is away in this process."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._own: dict[str, str] = {}

    def succeeded(self, task: str) -> None:
        """A run did its work. Raises RedisError."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.set(task_key(task), 1, ex=KEPT_S)
        pipeline.get(_fault_key(task))
        pipeline.delete(_fault_key(task))
        own = self._own.pop(task, None)
        _, fault, _ = pipeline.execute()
        if fault is not None or own is not None:
            log.info("task.recovered", task=task)

    def busy(self, task: str) -> None:
        """A run found that another process does the work, which may fail yet. Raises RedisError."""
        self._client.set(task_key(task), 1, ex=KEPT_S)

    def failed(self, task: str, fault: str, reason: str, *, fatal: bool) -> None:
        """A run failed; `fault` is the same as long as nothing else is wrong."""
        known = self._own.get(task)
        self._own[task] = fault
        try:
            pipeline = self._client.pipeline(transaction=True)
            pipeline.get(_fault_key(task))
            pipeline.set(_fault_key(task), fault, ex=KEPT_S)
            found, _ = pipeline.execute()
            known = None if found is None else found.decode()
        except RedisError:
            pass
        if known != fault:
            if fatal:
                log.error("task.failed", task=task, reason=reason)
            else:
                log.warning("task.failed", task=task, reason=reason)


def _fault_key(task: str) -> str:
    return f"fault:task:{task}"
