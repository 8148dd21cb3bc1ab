"""Owns the indexer's figures for Prometheus; decides nothing."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from indexer.chain import Header


class Metrics:
    """How far the mirror is, how far behind, and what went wrong on the way."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry(auto_describe=False)
        self._head = Gauge(
            "fairline_indexer_head_block", "Last block that is mirrored.", registry=registry
        )
        self._chain = Gauge(
            "fairline_indexer_chain_block", "Last block of the chain.", registry=registry
        )
        self._lag_blocks = Gauge(
            "fairline_indexer_lag_blocks", "Blocks not mirrored yet.", registry=registry
        )
        self._lag_s = Gauge(
            "fairline_indexer_lag_seconds",
            "Chain time between the last mirrored block and the last block.",
            registry=registry,
        )
        self._rows = Counter(
            "fairline_indexer_rows", "Rows written from blocks and events.", registry=registry
        )
        self._reorgs = Counter(
            "fairline_indexer_reorgs", "Times that blocks were undone.", registry=registry
        )
        self._undone = Counter(
            "fairline_indexer_blocks_undone", "Blocks that were undone.", registry=registry
        )
        self._errors = Counter(
            "fairline_indexer_endpoint_errors",
            "Calls that an endpoint failed.",
            labelnames=["endpoint"],
            registry=registry,
        )
        self._leader = Gauge(
            "fairline_indexer_leader",
            "1 for the process that writes, 0 for a standby.",
            registry=registry,
        )
        self._tip: Header | None = None

    def serve(self, port: int) -> None:
        """Serve /metrics on 127.0.0.1 in a thread of its own."""
        start_http_server(port, addr="127.0.0.1", registry=self._registry)

    def saw(self, tip: Header) -> None:
        """A newest block of the chain."""
        self._tip = tip
        self._chain.set(tip.number)

    def wrote(self, head: Header, rows: int) -> None:
        """The mirror's new head."""
        self._head.set(head.number)
        self._rows.inc(rows)
        if self._tip is not None:
            self._lag_blocks.set(max(0, self._tip.number - head.number))
            self._lag_s.set(max(0, self._tip.timestamp_s - head.timestamp_s))

    def reorganised(self, depth: int) -> None:
        """Blocks that are undone."""
        self._reorgs.inc()
        self._undone.inc(depth)

    def failed(self, endpoint: str) -> None:
        """A call that an endpoint failed."""
        self._errors.labels(endpoint=endpoint).inc()

    def leads(self, leader: bool) -> None:
        """Whether this process writes."""
        self._leader.set(int(leader))
