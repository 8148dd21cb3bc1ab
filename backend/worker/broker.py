"""Keeps worker and beat going through everything that happens to Redis: away, hung, loading,
emptied, out of memory, or a replica that takes no writes.

Celery takes some of these for unrecoverable and ends, and logs every try with a traceback. Here the
worker waits until Redis takes writes, and says so once when it begins and once when it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import structlog
from celery import Celery
from celery.worker import state
from celery.worker.consumer import Consumer
from kombu.exceptions import KombuError
from kombu.transport import virtual
from kombu.transport.redis import Channel as RedisChannel
from kombu.transport.redis import QoS
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from backend.fault_log import FaultLog

log = structlog.get_logger(__name__)

BROKER_ERRORS = (KombuError, RedisError, OSError)
# No call waits longer for Redis.
TIMEOUT_S = 1.0
_RETRY_S = 0.5
_WATCH_EVERY_S = 1.0
_PROBE_KEY = "broker:probe"
_PROBE_KEPT_S = 60
# A process that dies while it asks for a task keeps others from asking for so long.
_LOCK_KEPT_S = 3 * TIMEOUT_S
_LOCK_RETRY_S = 0.01

TRANSPORT_OPTIONS = {
    "socket_timeout": TIMEOUT_S,
    "socket_connect_timeout": TIMEOUT_S,
    "socket_keepalive": True,
    "retry_on_timeout": False,
}

# The loggers of Celery and kombu, which tell every failed try.
_CHATTY = ("celery", "kombu")
_CONNECTION_WORDS = (
    "connection to broker lost",
    "cannot connect to",
    "couldn't ack",
    "couldn't reject",
)


def queue_of(task: str) -> str:
    """The queue of a task: each has its own, so that its length tells whether one waits."""
    return f"fairline.{task}"


class Broker:
    """Redis as the broker of one process (`worker`, `beat`); `quiet` in the worker's children,
    whose parent says what happens to Redis."""

    def __init__(self, app: Celery, redis_url: str, process: str, quiet: bool = False) -> None:
        self._app = app
        self.client = redis_client(redis_url)
        self.fault = FaultLog(None if quiet else log, "broker.lost", "broker.back", process=process)

    def request(self, task: str) -> None:
        """Have any worker run a task now. One that already waits is enough: it will see everything
        that has happened until it begins. So messages need no expiry, which would compare the
        clocks of two machines. When Redis does not take it, the schedule asks again."""
        try:
            # Others ask for the same task at the same moment: they look one after the other.
            with self.client.lock(
                f"{queue_of(task)}.request",
                timeout=_LOCK_KEPT_S,
                sleep=_LOCK_RETRY_S,
                raise_on_release_error=False,
            ):
                if self.client.llen(queue_of(task)) == 0:
                    self._app.send_task(task, queue=queue_of(task), retry=False)
            # Reading alone says nothing: a replica answers as well.
            self.fault.ended()
        except BROKER_ERRORS as error:
            self.fault.began(reason(error))

    def writable(self) -> bool:
        """Whether Redis takes writes."""
        try:
            self.client.set(_PROBE_KEY, 1, ex=_PROBE_KEPT_S)
        except BROKER_ERRORS as error:
            self.fault.began(reason(error))
            return False
        return True


def redis_client(redis_url: str) -> Redis:
    """A client that gives up in time."""
    return Redis.from_url(
        redis_url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        # One more try on a new connection: the old one may be that of a Redis that was restarted.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )


def reason(error: BaseException) -> str:
    """An error in one line."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


class BrokerWatch(threading.Thread):
    """Asks Redis every second whether it takes writes, so that one that hangs is noticed although
    the consumer only waits for messages."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(name="broker watch", daemon=True)
        self._broker = broker

    def run(self) -> None:
        """Watch until the process ends."""
        while True:
            time.sleep(_WATCH_EVERY_S)
            if self._broker.writable():
                self._broker.fault.ended()


class PatientConsumer(Consumer):  # type: ignore[misc]
    """Celery's consumer of messages, that waits for a Redis that takes writes. It leaves out what
    lets workers watch each other (mingle, gossip, heartbeats): nothing here uses it, and each has
    kept workers from taking tasks after Redis came back."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        """The steps of the consumer."""

        default_steps: ClassVar[list[str]] = [
            "celery.worker.consumer.connection:Connection",
            "celery.worker.consumer.events:Events",
            "celery.worker.consumer.control:Control",
            "celery.worker.consumer.tasks:Tasks",
            "celery.worker.consumer.consumer:Evloop",
        ]

    def connect(self) -> Any:
        """The connection, once Redis takes writes."""
        while not _broker().writable():
            state.maybe_shutdown()
            time.sleep(_RETRY_S)
        return super().connect()

    def on_ready(self) -> None:
        """Messages are consumed from now on."""
        _broker().fault.ended()
        super().on_ready()

    def on_connection_error_before_connected(self, exc: BaseException) -> None:
        """Redis failed while the connection was made."""
        self._lost(exc)

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        """Redis failed while messages were consumed."""
        self._lost(exc)
        try:
            self.connection.collect()
        except Exception as error:
            _broker().fault.began(reason(error))

    def _lost(self, error: BaseException) -> None:
        _broker().fault.began(reason(error))
        # A Redis that takes writes and still fails is not asked in a tight loop.
        time.sleep(_RETRY_S)


class PatientQoS(QoS):  # type: ignore[misc]
    """Counts a message as done although Redis did not answer to that. kombu would count it as being
    worked on for ever, and a worker that counts as many of them as it has children takes no task
    any more. Redis may deliver the message again after the visibility timeout: a task may run
    twice."""

    def ack(self, delivery_tag: str) -> None:
        """The task has ended. Raises as kombu does."""
        with self._ended(delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """The task has not ended; its child has. Raises as kombu does."""
        with self._ended(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)

    @contextmanager
    def _ended(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except BROKER_ERRORS:
            virtual.QoS.ack(self, delivery_tag)
            raise


# kombu has no setting for it.
RedisChannel.QoS = PatientQoS


class QuietBroker(logging.Filter):
    """Leaves out what Celery and kombu log for each failed try: the fault is logged once."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the record."""
        if record.name.split(".")[0] not in _CHATTY:
            return True
        error = record.exc_info[1] if record.exc_info else None
        message = record.getMessage()
        about_broker = isinstance(error, BROKER_ERRORS) or any(
            words in message.lower() for words in _CONNECTION_WORDS
        )
        if about_broker:
            _broker().fault.began(reason(error) if error else message.splitlines()[0])
        return not about_broker


@cache
def _broker() -> Broker:
    """The broker of this process."""
    from backend.worker.tasks import broker

    return broker()
