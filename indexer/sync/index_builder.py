"""Builds missing reader indexes once the mirror has caught up, and retries those that failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from indexer.mirror.reader_indexes import build_index, missing_indexes
from indexer.ops.metrics import Metrics

_RETRY_S = 60.0


class IndexBuilder:
    """Builds the reader indexes of a database, at most once per `_RETRY_S`."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._metrics = metrics
        self._clock = clock
        self._complete = False
        self.next_attempt_at = clock()

    def build_missing(self) -> None:
        """Build what is missing; the mirror has caught up."""
        if self._complete or self._clock() < self.next_attempt_at:
            return
        missing = missing_indexes(self._connection)
        if missing:
            with self._metrics.building_indexes():
                built = [build_index(self._connection, name) for name in missing]
            self._complete = all(built)
        else:
            self._complete = True
        self.next_attempt_at = self._clock() + _RETRY_S
