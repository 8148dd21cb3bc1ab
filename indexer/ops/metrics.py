"""Keeps the indexer's metrics for Prometheus and for health checks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from indexer.chain.blocks import Header
from indexer.mirror.checkpoint import StoredBlock

# A leader is healthy if, within this time, it has written a block, or has caught up and heard from
# a node.
PATIENCE_S = 15.0
_RATE_OVER_S = 10.0


class Health(NamedTuple):
    """Whether the process is healthy, and the figures behind that."""

    ok: bool
    figures: dict[str, Any]


class Metrics:
    """How far the mirror is, how far behind the chain, and what went wrong. The names are
    `fairline_indexer_` and the name here; counters end in `_total`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        gauge, counter = self._gauge, self._counter
        self._head = gauge("head_block", "Newest block of the mirror.")
        self._chain = gauge("chain_block", "Newest block of the chain.")
        self._confirmed = gauge("confirmed_block", "Highest confirmed block.")
        self._final = gauge("final_block", "Highest final block.")
        self._lag_blocks = gauge("lag_blocks", "Blocks between the mirror's head and the chain's.")
        self._lag_s = gauge(
            "lag_seconds", "Seconds between the timestamps of the mirror's head and the chain's."
        )
        self._leader = gauge("leader", "1 for the process that writes, 0 for a standby.")
        self._uncorroborated = gauge(
            "uncorroborated_ranges",
            "Ranges that were written and that no second endpoint has corroborated yet.",
        )
        gauge(
            "silence_seconds", "Seconds since a node last reported its newest block."
        ).set_function(self._silence_s)
        gauge("rows_per_second", "Rows written per second, over the last 10 s.").set_function(
            self._rate
        )
        self._rows = counter("rows", "Rows written from blocks and events.")
        self._reorgs = counter("reorgs", "Times that blocks were rolled back.")
        self._rolled_back = counter("blocks_undone", "Blocks that were rolled back.")
        self._disagreements = counter(
            "disagreements", "Times that another endpoint denied written blocks."
        )
        self._errors = Counter(
            "fairline_indexer_endpoint_errors",
            "Failures of an endpoint.",
            labelnames=["endpoint"],
            registry=self._registry,
        )
        self._tip: Header | None = None
        self._mirrored: StoredBlock | None = None
        self._stages: tuple[int, int | None] = (-1, None)
        self._state = "starting"
        self._building_indexes = False
        self._heard_at = self._wrote_at = clock()
        self._written: deque[tuple[float, int]] = deque()

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)

    def health(self) -> Health:
        """The state of the process. A standby is healthy as long as it runs."""
        now = self._clock()
        caught_up = self._tip is not None and self._mirrored is not None and self._lag() == 0
        heard = now - self._heard_at <= PATIENCE_S
        # A process that writes hears from nodes: a first sync asks only once for the newest block.
        writing = now - self._wrote_at <= PATIENCE_S
        working = self._building_indexes or writing or (heard and caught_up)
        confirmed, final = self._stages
        return Health(
            self._state == "standby" or (self._state == "leader" and working),
            {
                "state": "building indexes" if self._building_indexes else self._state,
                "head_block": self._mirrored.number if self._mirrored else None,
                "confirmed_block": confirmed if confirmed >= 0 else None,
                "final_block": final,
                "chain_block": self._tip.number if self._tip else None,
                "lag_blocks": self._lag() if self._tip else None,
                "lag_s": self._lag_chain_s() if self._tip else None,
                "silence_s": round(self._silence_s(), 1),
            },
        )

    def saw(self, tip: Header) -> None:
        """A node reported its newest block."""
        self._tip = tip
        self._heard_at = self._clock()
        self._chain.set(tip.number)
        self._set_lag()

    def wrote(self, head: StoredBlock, rows: int) -> None:
        """The mirror has a new head."""
        self._mirrored = head
        self._wrote_at = self._clock()
        self._head.set(head.number)
        self._rows.inc(rows)
        self._written.append((self._wrote_at, rows))
        self._drop_old()
        self._set_lag()

    def stages(self, confirmed: int, final: int | None) -> None:
        """The highest confirmed and the highest final block."""
        self._stages = confirmed, final
        self._confirmed.set(confirmed)
        if final is not None:
            self._final.set(final)

    def uncorroborated(self, ranges: int) -> None:
        """The number of written ranges that only one endpoint has reported."""
        self._uncorroborated.set(ranges)

    def reorganised(self, depth: int) -> None:
        """Blocks are rolled back."""
        self._reorgs.inc()
        self._rolled_back.inc(depth)

    def disagreed(self) -> None:
        """Another endpoint denies written blocks."""
        self._disagreements.inc()

    def failed(self, endpoint: str) -> None:
        """An endpoint failed."""
        self._errors.labels(endpoint=endpoint).inc()

    def leads(self, leader: bool) -> None:
        """Whether this process writes."""
        self._state = "leader" if leader else "standby"
        self._leader.set(int(leader))

    @contextmanager
    def building_indexes(self) -> Iterator[None]:
        """The database builds indexes, which may take minutes; meanwhile nothing is written."""
        self._building_indexes = True
        try:
            yield
        finally:
            self._building_indexes = False

    def stopped(self) -> None:
        """The process stops, and needs an operator."""
        self._state = "stopped"

    def _lag(self) -> int:
        assert self._tip is not None
        return max(0, self._tip.number - (self._mirrored.number if self._mirrored else -1))

    def _lag_chain_s(self) -> int | None:
        if self._tip is None or self._mirrored is None:
            return None
        return max(0, self._tip.timestamp_s - self._mirrored.timestamp_s)

    def _set_lag(self) -> None:
        if self._tip is not None:
            self._lag_blocks.set(self._lag())
            self._lag_s.set(self._lag_chain_s() or 0)

    def _silence_s(self) -> float:
        return self._clock() - self._heard_at

    def _rate(self) -> float:
        since = self._clock() - _RATE_OVER_S
        return sum(rows for at, rows in list(self._written) if at > since) / _RATE_OVER_S

    def _drop_old(self) -> None:
        since = self._clock() - _RATE_OVER_S
        while self._written and self._written[0][0] <= since:
            self._written.popleft()

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"fairline_indexer_{name}", text, registry=self._registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"fairline_indexer_{name}", text, registry=self._registry)
