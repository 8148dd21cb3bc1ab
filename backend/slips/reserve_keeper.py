"""Moves the running totals on as the chain goes on, so that they stay close to what is outstanding.

Every API process does so; whichever comes first does it for all. Nothing depends on it but speed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import NamedTuple

import psycopg
import structlog
from psycopg_pool import PoolClosed, PoolTimeout

from backend.cancellation import is_cancelled
from backend.fault_log import FaultLog
from backend.services import Services
from backend.slips import reserves
from backend.slips.repository import lock_bankroll

log = structlog.get_logger("api")

EVERY_S = 0.5
# Slips may be committed by what other processes read of the chain so long ago; for older readings
# the totals cannot be used.
BEHIND_S = 2.0


class _Seen(NamedTuple):
    """A block of which the house was read, and when, by the monotonic clock."""

    at: float
    block: int


class ReserveKeeper:
    """The background task of one process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._seen: deque[_Seen] = deque()
        self._fault = FaultLog(log, "api.reserves_not_moved", "api.reserves_moved")

    async def run(self) -> None:
        """Move the totals on until cancelled."""
        while not is_cancelled():
            await asyncio.sleep(EVERY_S)
            try:
                if await self.move(time.monotonic()):
                    self._fault.ended()
            except (psycopg.Error, PoolTimeout, PoolClosed) as error:
                self._fault.began(type(error).__name__)

    async def move(self, now: float) -> bool:
        """Move the totals on to the block that was read some time ago, if another process has
        not. False when there was no such block, so that the database was not asked."""
        block = self._services.house.last_block
        if block is not None and (not self._seen or self._seen[-1].block < block):
            self._seen.append(_Seen(now, block))
        reached = None
        while self._seen and self._seen[0].at <= now - BEHIND_S:
            reached = self._seen.popleft().block
        if reached is None:
            return False
        async with self._services.database.connection() as connection:
            if not await reserves.is_due(connection, EVERY_S / 2):
                return True
        async with self._services.database.transaction() as connection:
            await lock_bankroll(connection)
            await reserves.advance(connection, self._services.mirror_key, reached)
        return True
