"""Handles many requests as one: whatever has queued up while the group before it was handled."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from backend.problems import busy

Item = TypeVar("Item")
Result = TypeVar("Result")


class Groups(Generic[Item, Result]):
    """Hands items that wait to `handle`, at most `most` at a time, and each its own result or error
    back. There is no timer: an item that comes alone is handled alone, at once. An error that
    `handle` raises is that of every item of the group. At most `most_waiting` items wait; a
    further one is refused, so that nothing waits for longer than it may.
    """

    def __init__(
        self,
        handle: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        most: int,
        most_waiting: int,
    ) -> None:
        self._handle = handle
        self._most = most
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many items wait for their group."""
        return len(self._waiting)

    async def submit(self, item: Item) -> Result:
        """The result of one item. Raises its error, and NotReady when too many items wait."""
        if len(self._waiting) >= self._most_waiting:
            raise busy()
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        try:
            while self._waiting:
                size = min(self._most, len(self._waiting))
                await self._handle_group([self._waiting.popleft() for _ in range(size)])
        finally:
            self._running = None

    async def _handle_group(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._handle([item for item, _ in group])
        except asyncio.CancelledError:
            for _, done in group:
                done.cancel()
            raise
        except Exception as error:
            results = [error] * len(group)
        for (_, done), result in zip(group, results, strict=True):
            # Whoever asked may have gone.
            if done.done():
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)
