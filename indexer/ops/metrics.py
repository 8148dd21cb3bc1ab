"""Owns the indexer's figures, for Prometheus and for whoever asks how it is; decides nothing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from indexer.chain.blocks import Header

# Who leads is well when it wrote, or heard of the chain and had nothing to write, this lately.
PATIENCE_S = 15.0
_RATE_OVER_S = 10.0


class Health(NamedTuple):
    """Whether all is well, and the figures that say so."""

    ok: bool
    figures: dict[str, Any]


class Metrics:
    """How far the mirror is, how far behind, and what went wrong on the way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        gauge, counter = self._gauge, self._counter
        self._head = gauge("head_block", "Last block that is mirrored.")
        self._chain = gauge("chain_block", "Last block of the chain.")
        self._confirmed = gauge("confirmed_block", "Last block that is confirmed.")
        self._final = gauge("final_block", "Last block that is final.")
        self._lag_blocks = gauge("lag_blocks", "Blocks not mirrored yet.")
        self._lag_s = gauge(
            "lag_seconds", "Chain time between the last mirrored block and the last block."
        )
        self._leader = gauge("leader", "1 for the process that writes, 0 for a standby.")
        self._waiting = gauge(
            "unseconded_ranges", "Ranges written that a second endpoint has not read yet."
        )
        gauge("silence_seconds", "Time since a node told of its newest block.").set_function(
            self._silence_s
        )
        gauge("rows_per_second", "Rows written, over the last 10 s.").set_function(self._rate)
        self._rows = counter("rows", "Rows written from blocks and events.")
        self._reorgs = counter("reorgs", "Times that blocks were undone.")
        self._undone = counter("blocks_undone", "Blocks that were undone.")
        self._disagreements = counter("disagreements", "Written blocks that endpoints denied.")
        self._errors = Counter(
            "fairline_indexer_endpoint_errors",
            "Calls that an endpoint failed.",
            labelnames=["endpoint"],
            registry=self._registry,
        )
        self._tip: Header | None = None
        self._at: Header | None = None
        self._stages: tuple[int, int | None] = (-1, None)
        self._state = "starts"
        self._indexing = False
        self._heard_at = self._wrote_at = clock()
        self._written: deque[tuple[float, int]] = deque()

    def exposition(self) -> bytes:
        """Every figure as Prometheus reads it."""
        return generate_latest(self._registry)

    def health(self) -> Health:
        """How things stand. A standby is well as long as it lives."""
        now = self._clock()
        level = self._tip is not None and self._at is not None and self._lag() == 0
        heard = now - self._heard_at <= PATIENCE_S
        # Who writes has heard of what it writes: a first sync asks only once what is newest.
        moves = now - self._wrote_at <= PATIENCE_S
        busy = self._indexing or moves or (heard and level)
        confirmed, final = self._stages
        return Health(
            self._state == "stands by" or (self._state == "leads" and busy),
            {
                "state": "makes indexes" if self._indexing else self._state,
                "head_block": self._at.number if self._at else None,
                "confirmed_block": confirmed if confirmed >= 0 else None,
                "final_block": final,
                "chain_block": self._tip.number if self._tip else None,
                "lag_blocks": self._lag() if self._tip else None,
                "lag_s": self._lag_chain_s() if self._tip else None,
                "silence_s": round(self._silence_s(), 1),
            },
        )

    def saw(self, tip: Header) -> None:
        """A newest block of the chain."""
        self._tip = tip
        self._heard_at = self._clock()
        self._chain.set(tip.number)
        self._set_lag()

    def wrote(self, head: Header, rows: int) -> None:
        """The mirror's new head."""
        self._at = head
        self._wrote_at = self._clock()
        self._head.set(head.number)
        self._rows.inc(rows)
        self._written.append((self._wrote_at, rows))
        self._forget_old()
        self._set_lag()

    def stages(self, confirmed: int, final: int | None) -> None:
        """What is confirmed and what is final."""
        self._stages = confirmed, final
        self._confirmed.set(confirmed)
        if final is not None:
            self._final.set(final)

    def waits_for_second(self, ranges: int) -> None:
        """Ranges that so far one endpoint has told of."""
        self._waiting.set(ranges)

    def reorganised(self, depth: int) -> None:
        """Blocks that are undone."""
        self._reorgs.inc()
        self._undone.inc(depth)

    def disagreed(self) -> None:
        """A written block that another endpoint denies."""
        self._disagreements.inc()

    def failed(self, endpoint: str) -> None:
        """A call that an endpoint failed."""
        self._errors.labels(endpoint=endpoint).inc()

    def leads(self, leader: bool) -> None:
        """Whether this process writes."""
        self._state = "leads" if leader else "stands by"
        self._leader.set(int(leader))

    @contextmanager
    def making_indexes(self) -> Iterator[None]:
        """While the database makes indexes, which may take minutes, nothing is written."""
        self._indexing = True
        try:
            yield
        finally:
            self._indexing = False

    def refuses(self) -> None:
        """It will not go on by itself."""
        self._state = "refuses"

    def _lag(self) -> int:
        assert self._tip is not None
        return max(0, self._tip.number - (self._at.number if self._at else -1))

    def _lag_chain_s(self) -> int | None:
        if self._tip is None or self._at is None:
            return None
        return max(0, self._tip.timestamp_s - self._at.timestamp_s)

    def _set_lag(self) -> None:
        if self._tip is not None:
            self._lag_blocks.set(self._lag())
            self._lag_s.set(self._lag_chain_s() or 0)

    def _silence_s(self) -> float:
        return self._clock() - self._heard_at

    def _rate(self) -> float:
        since = self._clock() - _RATE_OVER_S
        return sum(rows for at, rows in list(self._written) if at > since) / _RATE_OVER_S

    def _forget_old(self) -> None:
        since = self._clock() - _RATE_OVER_S
        while self._written and self._written[0][0] <= since:
            self._written.popleft()

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(f"fairline_indexer_{name}", what, registry=self._registry)

    def _counter(self, name: str, what: str) -> Counter:
        return Counter(f"fairline_indexer_{name}", what, registry=self._registry)
