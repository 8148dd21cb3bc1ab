"""Requests the periodic tasks in beat, by a clock that cannot be set."""

from __future__ import annotations

import time
from typing import Any

from celery.beat import Scheduler as CeleryScheduler

from backend.worker.broker import BROKER_ERRORS, reason
from backend.worker.heartbeats import BEAT_KEY, record

_LONGEST_SLEEP_S = 1.0


class Scheduler(CeleryScheduler):  # type: ignore[misc]
    """Every task once per interval. Celery's own scheduler follows the wall clock: one that is set
    back would stop it for as long. While Redis is away, what is due is asked for again."""

    def __init__(self, app: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(app, *args, **kwargs)
        self._due_at: dict[str, float] = {}

    @property
    def producer(self) -> None:
        """None is needed: `Broker.request` sends."""
        return None

    def tick(self, *_: Any, **__: Any) -> float:
        """Request what is due, and return after how many seconds to look again."""
        from backend.worker.tasks import SCHEDULE_S, broker

        now = time.monotonic()
        due = [task for task in SCHEDULE_S if self._due_at.get(task, now) <= now]
        for task in due:
            broker().request(task)
            self._due_at[task] = now + SCHEDULE_S[task]
        try:
            record(broker().client, BEAT_KEY)
        except BROKER_ERRORS as error:
            broker().fault.began(reason(error))
        return min(_LONGEST_SLEEP_S, max(0.0, min(self._due_at.values()) - time.monotonic()))
