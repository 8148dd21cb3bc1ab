"""Owns the sequence of frames that every reader of the stream gets; knows no sockets.

All changes of a tick are one frame, encoded once. A reader who fell behind the frames that are kept
gets a snapshot instead: always the newest odds of each market, never a gap, and nothing is queued
for anyone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from backend.odds.publisher import Published
from backend.stream.feed import Odds

TICK_S = 0.05
FRAMES_KEPT = 64


class Hub:
    """The stream's state. `age_ms` tells how old the odds may be."""

    def __init__(self, age_ms: Callable[[], int]) -> None:
        self._age_ms = age_ms
        self._odds: Odds = {}
        self._waiting: Odds = {}
        self._frames: deque[tuple[int, str]] = deque(maxlen=FRAMES_KEPT)
        self._turn = asyncio.Event()
        self._dirty = asyncio.Event()
        self.seq = 0
        self.readers = 0

    def change(self, market: str, published: Published) -> None:
        """One market's odds changed; it goes out with the next tick."""
        self._waiting[market] = published
        self._dirty.set()

    def replace(self, odds: Odds) -> None:
        """The odds were read anew: what differs from what readers have is a change, and goes out at
        once, so that whoever finds the server ready also finds the odds."""
        known = {**self._odds, **self._waiting}
        for market, published in odds.items():
            if known.get(market) != published:
                self.change(market, published)
        for market, published in known.items():
            if market not in odds and published.odds_e4:
                self.change(market, Published((), published.version + 1, published.at_ms))
        self.tick()

    async def run(self) -> None:
        """Make a frame of what changed, tick by tick, until cancelled."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(TICK_S)
            self.tick()

    def tick(self) -> None:
        """Make a frame of what waits, and wake the readers."""
        self._dirty.clear()
        if not self._waiting:
            return
        self.seq += 1
        changes, self._waiting = self._waiting, {}
        for market, published in changes.items():
            if published.odds_e4:
                self._odds[market] = published
            else:
                self._odds.pop(market, None)
        self._frames.append((self.seq, self._frame("delta", changes.items())))
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    def snapshot(self) -> tuple[int, str]:
        """The newest sequence number, and the frame that says all there is at it."""
        return self.seq, self._frame("snapshot", self._odds.items())

    def after(self, seq: int) -> tuple[int, str] | None:
        """The frame that follows `seq`; the snapshot when that frame is no longer kept; None when
        there is nothing newer."""
        if seq >= self.seq:
            return None
        oldest = self._frames[0][0]
        if seq + 1 < oldest:
            return self.snapshot()
        return self._frames[seq + 1 - oldest]

    async def newer(self, seq: int, timeout_s: float) -> bool:
        """Wait until there is something newer than `seq`; False when the time is over."""
        if seq < self.seq:
            return True
        try:
            await asyncio.wait_for(self._turn.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def heartbeat(self) -> str:
        """What is said when nothing changes."""
        return _text({"type": "heartbeat", "seq": self.seq, "odds_age_ms": self._age_ms()})

    def _frame(self, kind: str, odds: Iterable[tuple[str, Published]]) -> str:
        rows = [
            {"market": m, "odds_e4": p.odds_e4, "version": p.version, "at_ms": p.at_ms}
            for m, p in odds
        ]
        return _text({"type": kind, "seq": self.seq, "odds_age_ms": self._age_ms(), "odds": rows})


def _text(body: dict[str, Any]) -> str:
    return orjson.dumps(body).decode()
