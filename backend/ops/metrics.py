"""Defines the API's metrics, in a registry of its own; no label is an account or an address."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from backend.api.connection_limits import Connections
from backend.stream.stream_limits import Readers


class DroppedConnections(Collector):
    """Counts the connections that the API closed by itself, by reason."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counter as it is now."""
        family = CounterMetricFamily(
            "fairline_connections_dropped",
            "Connections that were late, unread, unclosed, replaced or refused.",
            labels=("reason",),
        )
        for reason, count in self._connections.dropped.items():
            family.add_metric((reason,), count)
        yield family


class Metrics:
    """Counters and gauges of one process."""

    def __init__(
        self, odds_age_ms: Callable[[], int], readers: Readers, connections: Connections
    ) -> None:
        self._registry = CollectorRegistry()
        self.requests = Histogram(
            "fairline_request_seconds",
            "Time to answer a request, by route and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.slips = Counter(
            "fairline_slips_total",
            "Submitted slips, by outcome.",
            ("outcome",),
            registry=self._registry,
        )
        self.clock_ahead = Gauge(
            "fairline_clock_ahead_seconds",
            "This clock's time less that of the newest block in the mirror (CLOCK=wall).",
            registry=self._registry,
        )
        age = Gauge(
            "fairline_odds_age_seconds",
            "Age of the odds process's last heartbeat.",
            registry=self._registry,
        )
        age.set_function(lambda: odds_age_ms() / 1000)
        stream = Gauge("fairline_stream_readers", "Open live streams.", registry=self._registry)
        stream.set_function(lambda: readers.count)
        now_open = Gauge(
            "fairline_connections", "Open connections of clients.", registry=self._registry
        )
        now_open.set_function(lambda: connections.count)
        self._registry.register(DroppedConnections(connections))

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
