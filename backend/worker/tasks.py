"""Defines the Celery app and its tasks.

A task calls one service, and logs a line when something was done.

    celery -A backend.worker worker
    celery -A backend.worker beat

Every task is safe to run twice and in several workers, and handles batches, never a single bet.
PostgreSQL's notifications start the tasks at once; the schedule repeats them as a safety net.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from functools import cache

import structlog
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import (
    after_setup_logger,
    worker_init,
    worker_process_init,
    worker_ready,
    worker_shutting_down,
)
from kombu import Exchange, Queue
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import configure_mappers

from backend.deployment import DeploymentInvalid
from backend.errors import FatalError, RetryableError
from backend.feed.facts import FactsInvalid
from backend.liquidity.price_history import record_share_price as record_price
from backend.log_limit import LogLimit
from backend.logs import configure_logs
from backend.markets.moves import follow_facts as follow
from backend.mirror.deployment import read_mirror
from backend.settings import load_settings
from backend.settlement.reconciliation import reconcile as run_reconciliation
from backend.settlement.sheets import SignersTooFew
from backend.transactions.errors import LockBusy
from backend.worker.broker import (
    BROKER_ERRORS,
    TRANSPORT_OPTIONS,
    Broker,
    BrokerWatch,
    QuietBroker,
    queue_of,
    reason,
)
from backend.worker.listener import Listener
from backend.worker.metrics import serve_metrics
from backend.worker.runtime import runtime
from backend.worker.settings import BrokerSettings, WorkerSettings
from backend.worker.task_log import TaskLog
from protocol.abi import AbiMissing

log = structlog.get_logger(__name__)

SOFT_TIME_LIMIT_S = 45
TIME_LIMIT_S = 60
# After this time Redis redelivers an unacknowledged task to another worker.
VISIBILITY_TIMEOUT_S = 2 * TIME_LIMIT_S

SCHEDULE_S = {
    "deliver": 2.0,
    "flush_slips": 2.0,
    "follow_facts": 5.0,
    "publish_results": 5.0,
    "settle_batches": 5.0,
    "relay_cash_outs": 2.0,
    "send_relays": 2.0,
    "reconcile": 15.0,
    "report": 5.0,
    "record_share_price": 30.0,
}

app = Celery("fairline")
# Read when it is first needed, so that --help works without settings.
app.add_defaults(lambda: {"broker_url": load_settings(BrokerSettings, _program()).redis_url})
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_soft_time_limit=SOFT_TIME_LIMIT_S,
    task_time_limit=TIME_LIMIT_S,
    task_queues=[
        Queue(queue_of(name), Exchange(queue_of(name)), routing_key=queue_of(name))
        for name in SCHEDULE_S
    ],
    task_default_queue=queue_of("deliver"),
    task_routes=lambda name, *_, **__: {"queue": queue_of(name)},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_consumer="backend.worker.broker:PatientConsumer",
    broker_connection_retry_on_startup=True,
    # A replica that takes no writes, or a Redis without memory, is an error of the channel.
    broker_channel_error_retry=True,
    broker_connection_max_retries=None,
    broker_transport_options={**TRANSPORT_OPTIONS, "visibility_timeout": VISIBILITY_TIMEOUT_S},
    beat_scheduler="backend.worker.schedule:Scheduler",
)

_in_pool = False
_limit = LogLimit()


@app.task(name="flush_slips")
def flush_slips() -> None:
    """Prepare batches of waiting slips."""

    def work() -> None:
        flushed = runtime().batcher.flush(runtime().now_s())
        held_changed = _held_changed(flushed.held)
        if held_changed or not flushed.idle:
            log.info(
                "slips.flushed",
                batches=flushed.batches,
                slips=flushed.slips,
                enforced=flushed.enforced,
                held=flushed.held,
                reverted=flushed.reverted,
            )
        if not flushed.idle:
            request_task("deliver")

    _run("flush_slips", work)


@app.task(name="deliver")
def deliver() -> None:
    """Bring prepared transactions to the chain and follow them."""

    def work() -> None:
        steps = runtime().delivery.pump()
        if steps:
            log.info("transactions.delivered", **steps)

    _run("deliver", work)


@app.task(name="publish_results")
def publish_results() -> None:
    """Prepare the results of finished fixtures."""

    def work() -> None:
        results = runtime().publisher.publish(runtime().facts().fixtures, runtime().now_s())
        if results:
            log.info("results.prepared", results=results)
            request_task("deliver")

    _run("publish_results", work)


@app.task(name="follow_facts")
def follow_facts() -> None:
    """Enter new starts and statuses of opened fixtures, and compare the facts with the results."""

    def work() -> None:
        now_s = runtime().now_s()
        try:
            read = runtime().facts()
        except FactsInvalid:
            runtime().facts_watch.unreadable(now_s)
            raise
        for change in follow(runtime().engine, read.fixtures):
            log.warning(
                "fixture.changed",
                fixture=change.name,
                status=change.status.value,
                announced_s=change.announced_s,
                start_s=change.start_s,
                effect=change.effect,
            )
        mirror = read_mirror(runtime().engine, runtime().deployment)
        runtime().facts_watch.check(mirror.deployment, read, now_s)

    _run("follow_facts", work)


@app.task(name="settle_batches")
def settle_batches() -> None:
    """Prepare the settlement of decided bets."""

    def work() -> None:
        bets = runtime().settler.settle(runtime().now_s())
        if bets:
            log.info("settlements.prepared", bets=bets)
            request_task("deliver")

    _run("settle_batches", work)


@app.task(name="relay_cash_outs")
def relay_cash_outs() -> None:
    """Prepare the cash-outs that owners have signed."""

    def work() -> None:
        offers = runtime().cash_out_relayer.relay(runtime().now_s())
        if offers:
            log.info("cash_outs.prepared", offers=offers)
            request_task("deliver")

    _run("relay_cash_outs", work)


@app.task(name="send_relays")
def send_relays() -> None:
    """Prepare the deposits and requests that owners have signed for the house to send."""

    def work() -> None:
        relays = runtime().relayer.relay(runtime().now_s())
        if relays:
            log.info("relays.prepared", relays=relays)
            request_task("deliver")

    _run("send_relays", work)


@app.task(name="report")
def report() -> None:
    """Report to the API what keeps the house from placing and paying bets."""
    _run("report", lambda: runtime().report())


@app.task(name="record_share_price")
def record_share_price() -> None:
    """Keep the price of the bankroll's shares where it has moved."""
    _run("record_share_price", lambda: record_price(runtime().engine, runtime().deployment))


@app.task(name="reconcile")
def reconcile() -> None:
    """Compare what was accepted with what the mirror shows."""

    def work() -> None:
        run_reconciliation(
            runtime().engine,
            runtime().deployment,
            runtime().now_s(),
            runtime().windows.receipt_s,
        )

    _run("reconcile", work)


@cache
def broker() -> Broker:
    """The broker of this process."""
    process = _program()
    url = load_settings(BrokerSettings, process).redis_url
    return Broker(app, url, process, quiet=_in_pool)


def _program() -> str:
    """What this process runs as."""
    return "beat" if "beat" in sys.argv else "worker"


@cache
def task_log() -> TaskLog:
    """How the tasks do, as this process logs it."""
    return TaskLog(broker().client)


def request_task(task: str) -> None:
    """Request that any worker runs a task now."""
    broker().request(task)


def _run(task: str, work: Callable[[], None]) -> None:
    """Run a task's work. After an error that a retry can fix, the next run, seconds later, is the
    retry."""
    try:
        try:
            work()
        except LockBusy:
            log.debug("task.busy", task=task)
            task_log().busy(task)
        else:
            task_log().succeeded(task)
    except BROKER_ERRORS as error:
        broker().fault.began(reason(error))
    except (RetryableError, OperationalError, SoftTimeLimitExceeded) as error:
        # Its words may change while the fault lasts.
        task_log().failed(task, type(error).__name__, reason(error), fatal=False)
    except (FatalError, SignersTooFew, FactsInvalid, AbiMissing, DeploymentInvalid) as error:
        task_log().failed(task, reason(error), reason(error), fatal=True)


def _held_changed(held: int) -> bool:
    """Whether to log that slips are only held: when their number changes, and once per minute."""
    if held:
        return _limit.allows("held", held, time.monotonic())
    _limit.forget("held")
    return False


_listeners: list[Listener] = []


@after_setup_logger.connect
def _set_up_logs(logger: logging.Logger, **_: object) -> None:
    configure_logs()
    for handler in logger.handlers:
        handler.addFilter(QuietBroker())


@worker_process_init.connect
def _start_child(**_: object) -> None:
    """A forked child opens its own connections."""
    global _in_pool
    _in_pool = True
    task_log.cache_clear()
    broker.cache_clear()


@worker_init.connect
def _check_settings(**_: object) -> None:
    """Refuse to start without a setting, instead of failing in every task."""
    try:
        runtime()
    except DeploymentInvalid as error:
        print(f"worker: {error}", flush=True)
        raise SystemExit(2) from None
    for sentence in runtime().check():
        print(f"worker: {sentence}", flush=True)
    # Before any task: a time limit that came in the middle would leave a child without its tables.
    configure_mappers()
    # Forked children open their own connections.
    runtime().engine.dispose()
    runtime.cache_clear()


@worker_ready.connect
def _start_listening(**_: object) -> None:
    settings = load_settings(WorkerSettings, "worker")
    BrokerWatch(broker()).start()
    listener = Listener(settings.postgres_url, request_task)
    listener.start()
    _listeners.append(listener)
    if settings.worker_metrics_port is not None:
        serve_metrics(
            settings.database_url,
            settings.redis_url,
            tuple(SCHEDULE_S),
            settings.worker_metrics_port,
        )


@worker_shutting_down.connect
def _stop_listening(**_: object) -> None:
    for listener in _listeners:
        listener.stop()
