"""Defines the API's metrics, in a registry of its own; no label is an account or an address."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Counters and gauges of one process."""

    def __init__(self, odds_age_ms: Callable[[], int], readers: Callable[[], int]) -> None:
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
        stream.set_function(readers)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
