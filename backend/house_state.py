"""Keeps the newest state of the house for a moment, so that a slip does not wait for the node."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from backend.chain_view import ChainUnreachable, HouseState

MAX_AGE_S = 1.0


class HouseView:
    """Reads the state again when what it has is older than MAX_AGE_S; requests that come meanwhile
    share one reading, or its failure: a node that hangs delays each of them once."""

    def __init__(
        self,
        read: Callable[[], Awaitable[HouseState]],
        max_age_s: float = MAX_AGE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._max_age_s = max_age_s
        self._clock = clock
        self._lock = asyncio.Lock()
        self._state: HouseState | None = None
        self._read_at = 0.0
        self._failure: ChainUnreachable | None = None
        self._failed_at = 0.0

    @property
    def last_block(self) -> int | None:
        """The block of the newest state that was read; None before the first."""
        return None if self._state is None else self._state.block

    async def state(self) -> HouseState:
        """The state, at most MAX_AGE_S old. Raises ChainUnreachable."""
        if (held := self._fresh()) is not None:
            return held
        async with self._lock:
            if (held := self._fresh()) is not None:
                return held
            if self._failure is not None and self._clock() - self._failed_at <= self._max_age_s:
                raise self._failure
            asked_at = self._clock()
            try:
                self._state = await self._read()
            except ChainUnreachable as failure:
                self._failure, self._failed_at = failure, self._clock()
                raise
            self._failure, self._read_at = None, asked_at
            return self._state

    def _fresh(self) -> HouseState | None:
        return self._state if self._clock() - self._read_at <= self._max_age_s else None
