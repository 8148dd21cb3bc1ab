"""Builds the sequence of frames that every reader of the stream receives; independent of sockets.

All changes of a tick are one frame, encoded once. A reader that has fallen behind the frames that
are kept receives a snapshot instead: always the newest odds of each market, never a gap, and no
queue per reader.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from backend.odds.redis_messages import Published
from backend.stream.odds_copy import Odds

TICK_S = 0.05
FRAMES_KEPT = 64


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of the stream, with its sequence number."""

    seq: int
    text: str


class Hub:
    """The stream's state. `age_ms` returns the age of the odds."""

    def __init__(self, age_ms: Callable[[], int]) -> None:
        self._age_ms = age_ms
        self._odds: Odds = {}
        self._pending: Odds = {}
        self._frames: deque[Frame] = deque(maxlen=FRAMES_KEPT)
        self._turn = asyncio.Event()
        self._dirty = asyncio.Event()
        self.seq = 0

    def change(self, market: str, published: Published) -> None:
        """The odds of one market changed; they are sent with the next tick."""
        self._pending[market] = published
        self._dirty.set()

    def replace(self, odds: Odds) -> None:
        """All odds were read again: every difference from what readers have is a change. It is sent
        at once, so that a client that finds the server ready also finds the odds."""
        known = {**self._odds, **self._pending}
        for market, published in odds.items():
            if known.get(market) != published:
                self.change(market, published)
        for market, published in known.items():
            if market not in odds and published.odds_e4:
                self.change(market, Published((), published.version + 1, published.at_ms))
        self.tick()

    async def run(self) -> None:
        """Make a frame of the changes of each tick, until cancelled."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(TICK_S)
            self.tick()

    def tick(self) -> None:
        """Make a frame of the pending changes, and wake the readers."""
        self._dirty.clear()
        if not self._pending:
            return
        self.seq += 1
        changes, self._pending = self._pending, {}
        for market, published in changes.items():
            if published.odds_e4:
                self._odds[market] = published
            else:
                self._odds.pop(market, None)
        self._frames.append(self._frame("delta", changes.items()))
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    def snapshot(self) -> Frame:
        """A frame with all current odds."""
        return self._frame("snapshot", self._odds.items())

    def after(self, seq: int) -> Frame | None:
        """The frame that follows `seq`; a snapshot when that frame is no longer kept; None when
        there is nothing newer."""
        if seq >= self.seq:
            return None
        oldest = self._frames[0].seq
        if seq + 1 < oldest:
            return self.snapshot()
        return self._frames[seq + 1 - oldest]

    async def newer(self, seq: int, timeout_s: float) -> bool:
        """Wait until there is a frame newer than `seq`; False after the timeout."""
        if seq < self.seq:
            return True
        try:
            await asyncio.wait_for(self._turn.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def heartbeat(self) -> str:
        """The message that is sent when nothing changes."""
        return _text({"type": "heartbeat", "seq": self.seq, "odds_age_ms": self._age_ms()})

    def _frame(self, kind: str, odds: Iterable[tuple[str, Published]]) -> Frame:
        rows = [
            {"market": m, "odds_e4": p.odds_e4, "version": p.version, "at_ms": p.at_ms}
            for m, p in odds
        ]
        body = {"type": kind, "seq": self.seq, "odds_age_ms": self._age_ms(), "odds": rows}
        return Frame(self.seq, _text(body))


def _text(body: dict[str, Any]) -> str:
    return orjson.dumps(body).decode()
