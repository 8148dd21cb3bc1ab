"""Hears PostgreSQL's notifications for a process, on one connection."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

import psycopg
import structlog
from psycopg import AsyncConnection

from backend.cancellation import is_cancelled
from backend.fault_log import FaultLog
from backend.settings import CONNECT_ARGUMENTS

log = structlog.get_logger("api")

# Waiting for a connection or a notification can lose a cancellation, which is looked at so often.
IDLE_S = 1.0
RETRY_S = 1.0


class Notifications:
    """Calls whoever asked for a channel. A notification that is lost with its connection is made
    good: all are called when that is back."""

    def __init__(self, postgres_url: str) -> None:
        self._postgres_url = postgres_url
        self._calls: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._fault = FaultLog(log, "api.notifications_interrupted", "api.notifications_resumed")
        self.heard = False
        """Whether the connection is there: what is not notified has not happened."""

    def on(self, channel: str, call: Callable[[], None]) -> None:
        """Have this called after each notification; asked for before `run`."""
        self._calls[channel].append(call)

    async def run(self) -> None:
        """Hear until cancelled."""
        while not is_cancelled():
            try:
                await self._hear()
            except (psycopg.Error, OSError) as error:
                self._fault.began(type(error).__name__)
            finally:
                self.heard = False
            if not is_cancelled():
                await asyncio.sleep(RETRY_S)

    async def _hear(self) -> None:
        connection = await AsyncConnection.connect(
            self._postgres_url,
            autocommit=True,
            connect_timeout=CONNECT_ARGUMENTS["connect_timeout"],
            tcp_user_timeout=CONNECT_ARGUMENTS["tcp_user_timeout"],
            application_name="api-notifications",
            # It only listens: without these, a peer that is gone would not be noticed.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=2,
        )
        async with connection:
            for channel in self._calls:
                await connection.execute(f"LISTEN {channel}".encode())
            self._fault.ended()
            # What happened before we listened.
            for channel in self._calls:
                self._call(channel)
            self.heard = True
            while not is_cancelled():
                async for notification in connection.notifies(timeout=IDLE_S):
                    self._call(notification.channel)

    def _call(self, channel: str) -> None:
        for call in self._calls[channel]:
            call()
