"""Keeps what the token says of itself, which does not change, once a node has answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from backend.chain_view import ChainUnreachable
from backend.contracts.token import Token

RETRY_S = 10.0


class TokenView:
    """Reads the token when it is first asked for; while no node answers, again every RETRY_S."""

    def __init__(
        self,
        read: Callable[[], Awaitable[Token]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._retry_at = 0.0

    async def token(self) -> Token | None:
        """The token; None while no node answers."""
        async with self._lock:
            if self._token is None and self._clock() >= self._retry_at:
                try:
                    self._token = await self._read()
                except ChainUnreachable:
                    self._retry_at = self._clock() + RETRY_S
        return self._token
