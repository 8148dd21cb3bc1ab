"""Builds the sequence of messages that every reader of a topic receives; independent of sockets.

All changes of a tick are one message, encoded once. A reader that needs a message which is no
longer kept receives a snapshot instead: always the newest odds of each market, never a gap, and
no queue per reader.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from backend.api.frames import text_frame
from backend.odds.redis_messages import Published
from backend.stream.odds_copy import Odds

# Messages are kept for readers that are behind, and no more than have as many odds as a snapshot:
# then a snapshot is shorter, and a topic takes little memory however much moves.
FRAMES_KEPT = 64
LEAST_ROWS_KEPT = 500


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of the stream: its type, sequence number and epoch, of how many markets it has the
    odds, the JSON, and the WebSocket frame that carries it."""

    kind: str
    epoch: str
    seq: int
    rows: int
    body: bytes
    wire: bytes


class MessageSequence:
    """A topic's state. `epoch` names its sequence: numbers of another one say nothing here.
    `age_ms` returns the age of the odds."""

    def __init__(self, age_ms: Callable[[], int], epoch: str = "") -> None:
        self._age_ms = age_ms
        self._epoch = epoch
        self._odds: Odds = {}
        self._pending: Odds = {}
        self._frames: deque[Frame] = deque()
        self._rows_kept = 0
        self._snapshot: Frame | None = None
        self.seq = 0

    def change(self, market: str, published: Published) -> None:
        """The odds of one market changed; they are sent with the next tick."""
        self._pending[market] = published

    def replace(self, odds: Odds) -> None:
        """All odds were read again: every difference from what readers have is a change. It is a
        message at once, so that a client that finds the server ready also finds the odds."""
        known = {**self._odds, **self._pending}
        for market, published in odds.items():
            if known.get(market) != published:
                self.change(market, published)
        for market, published in known.items():
            if market not in odds and published.odds_e4:
                self.change(market, Published((), published.version + 1, published.at_ms))
        self.tick()

    def tick(self) -> None:
        """Make a message of the pending changes, if there are any."""
        if not self._pending:
            return
        self.seq += 1
        changes, self._pending = self._pending, {}
        for market, published in changes.items():
            if published.odds_e4:
                self._odds[market] = published
            else:
                self._odds.pop(market, None)
        self._keep(self._frame("delta", changes.items()))
        self._snapshot = None

    def snapshot(self) -> Frame:
        """A message with all current odds, encoded once for all who come until the next tick or
        heartbeat."""
        if self._snapshot is None:
            self._snapshot = self._frame("snapshot", self._odds.items())
        return self._snapshot

    def after(self, seq: int) -> Frame | None:
        """The message that follows `seq`; a snapshot when it is no longer kept; None when there is
        nothing newer."""
        if seq >= self.seq:
            return None
        oldest = self._frames[0].seq
        if seq + 1 < oldest:
            return self.snapshot()
        return self._frames[seq + 1 - oldest]

    def resume(self, epoch: str, seq: int) -> Frame | None:
        """What a reader needs who has read up to `seq` of `epoch`: the message that follows, or a
        snapshot; None when it has missed nothing."""
        if epoch != self._epoch or not 0 < seq <= self.seq:
            return self.snapshot()
        return self.after(seq)

    def heartbeat(self) -> Frame:
        """The message that is sent when nothing changes."""
        # The next snapshot states a new age as well.
        self._snapshot = None
        return self._encoded("heartbeat")

    def _keep(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._rows_kept += frame.rows
        most = max(LEAST_ROWS_KEPT, len(self._odds))
        while len(self._frames) > FRAMES_KEPT or (self._rows_kept > most and len(self._frames) > 1):
            self._rows_kept -= self._frames.popleft().rows

    def _frame(self, kind: str, odds: Iterable[tuple[str, Published]]) -> Frame:
        rows = [
            {"market": m, "odds_e4": p.odds_e4, "version": p.version, "at_ms": p.at_ms}
            for m, p in odds
        ]
        return self._encoded(kind, len(rows), odds=rows)

    def _encoded(self, kind: str, rows: int = 0, **rest: Any) -> Frame:
        numbers = {"epoch": self._epoch, "seq": self.seq, "odds_age_ms": self._age_ms()}
        body = orjson.dumps({"type": kind, **numbers, **rest})
        return Frame(kind, self._epoch, self.seq, rows, body, text_frame(body))
