"""Serves the worker's metrics. They are read from the database and from Redis on each scrape, so
every worker reports the same."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from backend.fault_log import FaultLog
from backend.mirror.deployment import read_count
from backend.mirror.relays import GAS_OF_HOUR
from backend.settings import CONNECT_ARGUMENTS
from backend.worker.broker import redis_client
from backend.worker.heartbeats import BEAT_KEY, ages_s, task_key

log = structlog.get_logger(__name__)

_HOUR_S = 3_600
_GWEI = 10**9

_TRANSACTIONS = text(
    "SELECT kind, status, count(*) AS n FROM backend.chain_transaction GROUP BY kind, status"
)
_GAS_REFUSALS = text("SELECT count(*) FROM backend.chain_transaction WHERE gas_cap IS NOT NULL")
_FEES = text("""
SELECT coalesce(sum(fee_wei), 0) AS total,
       coalesce(sum(fee_wei) FILTER (WHERE included_s >= :since_s), 0) AS of_hour
FROM backend.chain_transaction WHERE fee_wei IS NOT NULL
""")
# From the first attempt of the oldest transaction that is not mined, by the machine's clock.
_WAITING_SINCE = text("""
SELECT min(a.created_s) FROM backend.transaction_attempt a
JOIN backend.chain_transaction t ON t.id = a.transaction WHERE t.status IN ('prepared', 'sent')
""")
_CHECKS = text("SELECT name, differences, checked_s FROM backend.reconciliation")


class WorkerCollector(Collector):
    """Reads the gauges on every scrape."""

    def __init__(self, engine: Engine, redis: Redis, tasks: Sequence[str]) -> None:
        self._engine = engine
        self._redis = redis
        self._tasks = tasks
        self._fault = FaultLog(log, "metrics.unreadable", "metrics.readable")

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges; they are empty while the database does not answer."""
        transactions = GaugeMetricFamily(
            "fairline_transactions", "Transactions by kind and status.", labels=["kind", "status"]
        )
        gas_refusals = GaugeMetricFamily(
            "fairline_gas_limit_refusals",
            "Transactions that a node refused because they asked for too much gas.",
        )
        fees = GaugeMetricFamily(
            "fairline_fees_gwei", "Fees of all transactions that were mined, in gwei."
        )
        fees_of_hour = GaugeMetricFamily(
            "fairline_fees_last_hour_gwei",
            "Fees of the transactions that were mined in the last hour, in gwei.",
        )
        relay_gas = GaugeMetricFamily(
            "fairline_relay_gas_last_hour",
            "Gas that what owners signed for the house to send in the last hour used or may use"
            " (RELAY_GAS_PER_HOUR).",
        )
        waiting = GaugeMetricFamily(
            "fairline_transaction_waiting_seconds",
            "How long the oldest transaction that is not mined has been signed; 0 if there is"
            " none.",
        )
        differences = GaugeMetricFamily(
            "fairline_reconciliation_differences",
            "What the last reconciliation found, by check; all must be 0.",
            labels=["check"],
        )
        checked = GaugeMetricFamily(
            "fairline_reconciliation_checked_seconds",
            "When a check last ran, in unix seconds of the clock in use (CLOCK).",
            labels=["check"],
        )
        try:
            with self._engine.connect() as connection:
                for row in connection.execute(_TRANSACTIONS):
                    transactions.add_metric([row.kind, row.status], row.n)
                gas_refusals.add_metric([], connection.execute(_GAS_REFUSALS).scalar_one())
                now_s = int(time.time())
                paid = connection.execute(_FEES, {"since_s": now_s - _HOUR_S}).one()
                fees.add_metric([], float(paid.total) / _GWEI)
                fees_of_hour.add_metric([], float(paid.of_hour) / _GWEI)
                relay_gas.add_metric([], read_count(connection, GAS_OF_HOUR, {"hour_s": _HOUR_S}))
                since_s = connection.execute(_WAITING_SINCE).scalar_one()
                waiting.add_metric([], 0 if since_s is None else max(0, now_s - since_s))
                for row in connection.execute(_CHECKS):
                    differences.add_metric([row.name], row.differences)
                    checked.add_metric([row.name], row.checked_s)
        except SQLAlchemyError as error:
            self._fault.began(type(error).__name__)
        else:
            self._fault.ended()
        yield from self._ages()
        yield from (transactions, gas_refusals, fees, fees_of_hour, relay_gas, waiting)
        yield from (differences, checked)

    def _ages(self) -> Iterator[GaugeMetricFamily]:
        """By Redis's clock. Without Redis nothing runs, so they are infinite."""
        tasks = GaugeMetricFamily(
            "fairline_task_age_seconds",
            "How long ago a periodic task last did its work; infinite if not for a day.",
            labels=["task"],
        )
        beat = GaugeMetricFamily(
            "fairline_beat_age_seconds", "How long ago beat last requested what was due."
        )
        keys = [BEAT_KEY, *(task_key(task) for task in self._tasks)]
        try:
            beat_age_s, *task_ages_s = ages_s(self._redis, keys)
        except RedisError:
            beat_age_s, *task_ages_s = [math.inf] * len(keys)
        beat.add_metric([], beat_age_s)
        for task, age_s in zip(self._tasks, task_ages_s, strict=True):
            tasks.add_metric([task], age_s)
        yield from (tasks, beat)


def serve_metrics(database_url: str, redis_url: str, tasks: Sequence[str], port: int) -> None:
    """Serve /metrics on 127.0.0.1 in a thread of its own."""
    registry = CollectorRegistry(auto_describe=False)
    engine = create_engine(
        database_url, pool_size=1, pool_pre_ping=True, connect_args=CONNECT_ARGUMENTS
    )
    registry.register(WorkerCollector(engine, redis_client(redis_url), tasks))
    start_http_server(port, addr="127.0.0.1", registry=registry)
