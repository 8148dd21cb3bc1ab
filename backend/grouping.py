"""Handles many requests as one: whatever has queued up while the group before it was handled."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from backend.problems import busy

Item = TypeVar("Item")
Result = TypeVar("Result")
# An item, its result once there is one, and since when it waits.
_Waiting = tuple[Item, "asyncio.Future[Result]", float]


class Groups(Generic[Item, Result]):
    """Hands items that wait to `handle`, at most `most` at a time, and each its own result or error
    back. There is no timer: an item that comes alone is handled alone, at once. An error that
    `handle` raises is that of every item of the group.

    At most `most_waiting` items wait. An item that would wait for longer than `longest_wait_s`, at
    the pace of the groups before it, is refused when it comes, with a time to come again; one
    that has waited for so long all the same is refused instead of handled.
    """

    def __init__(
        self,
        handle: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        most: int,
        most_waiting: int,
        longest_wait_s: float = math.inf,
    ) -> None:
        self._handle = handle
        self._most = most
        self._most_waiting = most_waiting
        self._longest_wait_s = longest_wait_s
        # How long the last full group took.
        self._group_s = 0.0
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._running: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many items wait for their group."""
        return len(self._waiting)

    @property
    def expected_wait_s(self) -> float:
        """How long an item that comes now will wait for its group."""
        return len(self._waiting) / self._most * self._group_s

    async def submit(self, item: Item) -> Result:
        """The result of one item. Raises its error, and NotReady when too many items wait."""
        wait_s = self.expected_wait_s
        if len(self._waiting) >= self._most_waiting or wait_s > self._longest_wait_s:
            raise busy(math.ceil(wait_s))
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done, time.monotonic()))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        try:
            while self._waiting:
                size = min(self._most, len(self._waiting))
                began = time.monotonic()
                taken = [self._waiting.popleft() for _ in range(size)]
                group = [one for one in taken if not self._too_late(one, began)]
                if group:
                    await self._handle_group(group)
                if len(group) == self._most:
                    self._group_s = time.monotonic() - began
        finally:
            self._running = None

    def _too_late(self, waiting: _Waiting[Item, Result], now: float) -> bool:
        """Whether an item has waited for too long; it is refused."""
        _, done, since = waiting
        if now - since <= self._longest_wait_s:
            return False
        if not done.done():
            done.set_exception(busy(math.ceil(self.expected_wait_s)))
        return True

    async def _handle_group(self, group: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._handle([item for item, _, _ in group])
        except asyncio.CancelledError:
            for _, done, _ in group:
                done.cancel()
            raise
        except Exception as error:
            results = [error] * len(group)
        for (_, done, _), result in zip(group, results, strict=True):
            # Whoever asked may have gone.
            if done.done():
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)
