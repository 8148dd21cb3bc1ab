"""Runs an indexer process: connect, become leader, follow the chain, and recover."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog

from indexer.chain.endpoints import Endpoints
from indexer.chain.new_heads import NewHeads
from indexer.chain.prefetch import THREADS
from indexer.chain.rpc import Endpoint
from indexer.deployment import Deployment
from indexer.errors import CheckpointMoved, IndexerError, NodeUnavailable, RetryableError
from indexer.mirror.leader import try_lead, wait_to_lead
from indexer.ops.metrics import Metrics
from indexer.sync.finality import Finality
from indexer.sync.sync import Sync

log = structlog.get_logger(__name__)

STANDBY_PAUSE_S = 0.5
# A database that hangs is reported, instead of being waited for in silence.
CONNECT_TIMEOUT_S = 5
# A leader whose machine has failed does not close its connection. The database server detects that
# and frees the lock, so that a standby leads within five seconds.
_KEEPALIVE_OPTIONS = " ".join(
    f"-c tcp_keepalives_{name}={value}"
    for name, value in (("idle", 1), ("interval", 1), ("count", 2))
)
_FIRST_BACKOFF_S, _MAX_BACKOFF_S = 0.1, 10.0
# Commands that end by themselves give up after so many failures in a row, some 30 s.
_MAX_FAILURES = 8


class Indexer:
    """The indexer of one deployment. `run`, `backfill` and `rebuild` return after `stop`."""

    def __init__(
        self, postgres_url: str, rpc_urls: list[str], deployment: Deployment, finality: Finality
    ) -> None:
        self._postgres_url = postgres_url
        self._deployment = deployment
        self._finality = finality
        self.metrics = Metrics()
        self._endpoints = Endpoints(deployment.endpoints_at(rpc_urls), self.metrics.failed)
        self._new_heads = NewHeads(rpc_urls)
        self._stopping = threading.Event()
        self._backoff_s = 0.0

    def stop(self) -> None:
        """Stop soon, after the write in progress."""
        self._stopping.set()
        self._new_heads.stop()

    def run(self) -> None:
        """Follow the chain until `stop`. Raises IndexerError when every endpoint serves another
        chain, or when the last final block has left the chain."""
        self.check_chain()
        self._new_heads.start()
        with ThreadPoolExecutor(THREADS, "fetch") as pool:
            while not self._stopping.is_set():
                try:
                    with self._connect() as connection:
                        self._lead(connection, pool)
                except IndexerError:
                    self.metrics.stopped()
                    raise
                except psycopg.OperationalError as error:
                    self._back_off("database.unavailable", error)
                except CheckpointMoved as error:
                    self._back_off("checkpoint.moved", error)
        self.metrics.leads(False)

    def backfill(self) -> int:
        """Bring the mirror to the chain's head; returns the head's number. Continues from the
        mirror's head, so an interrupted backfill resumes. Raises IndexerError while another process
        writes, RetryableError."""
        with self._exclusive("backfill") as sync:
            return self._catch_up(sync)

    def rebuild(self) -> int:
        """Delete the deployment's rows and read the chain again up to its head; returns the head's
        number. Raises IndexerError while another process writes, RetryableError."""
        with self._exclusive("rebuild") as sync:
            sync.clear()
            log.info("rebuild.cleared", deployment=sync.number)
            head = self._catch_up(sync)
            sync.gas.finish(self._keep_running)
            return head

    @contextmanager
    def _exclusive(self, what: str) -> Iterator[Sync]:
        self.check_chain()
        with (
            ThreadPoolExecutor(THREADS, "fetch") as pool,
            self._connect() as connection,
        ):
            if not try_lead(connection, self._deployment.lock_key):
                raise IndexerError(
                    f"an indexer is running for this deployment: stop it, then {what}"
                )
            self.metrics.leads(True)
            yield self._sync(connection, pool)

    def _catch_up(self, sync: Sync) -> int:
        """Advance until nothing changes; retries while nodes fail for a short time."""
        failures = 0
        while not self._stopping.is_set():
            try:
                if not sync.advance(self._keep_running):
                    break
                failures, self._backoff_s = 0, 0.0
            except CheckpointMoved:
                raise
            except RetryableError as error:
                failures += 1
                if failures > _MAX_FAILURES:
                    raise
                self._back_off("chain.unavailable", error)
        return sync.head.number if sync.head else -1

    def check_chain(self) -> None:
        """Raises IndexerError when all endpoints that answer serve another chain. Nodes that do not
        answer yet are retried later."""
        try:
            self._endpoints.run(Endpoint.connect)
        except NodeUnavailable as error:
            if error.wrong_chain:
                raise other_chain(error) from error

    def _lead(
        self, connection: psycopg.Connection[tuple[Any, ...]], pool: ThreadPoolExecutor
    ) -> None:
        self.metrics.leads(False)
        if not wait_to_lead(connection, self._deployment.lock_key, self._wait_as_standby):
            return
        self.metrics.leads(True)
        sync = self._sync(connection, pool)
        log.info(
            "indexer.leads",
            deployment=sync.number,
            head=sync.head.number if sync.head else None,
        )
        while not self._stopping.is_set():
            try:
                changed = sync.advance(self._keep_running)
            except CheckpointMoved:
                raise
            except NodeUnavailable as error:
                if error.wrong_chain:
                    raise other_chain(error) from error
                self._back_off("chain.unavailable", error)
            except RetryableError as error:
                self._back_off("chain.unavailable", error)
            else:
                if self._backoff_s:
                    log.info("indexer.recovered")
                    self._backoff_s = 0.0
                if not changed:
                    sync.gas.step()
                    self._new_heads.wait()

    def _sync(
        self, connection: psycopg.Connection[tuple[Any, ...]], pool: ThreadPoolExecutor
    ) -> Sync:
        return Sync(
            connection,
            endpoints=self._endpoints,
            deployment=self._deployment,
            finality=self._finality,
            metrics=self.metrics,
            pool=pool,
            on_receipts=self._new_heads.notify,
        )

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            self._postgres_url,
            autocommit=True,
            application_name="fairline indexer",
            connect_timeout=CONNECT_TIMEOUT_S,
            options=_KEEPALIVE_OPTIONS,
        )

    def _wait_as_standby(self) -> bool:
        return not self._stopping.wait(STANDBY_PAUSE_S)

    def _keep_running(self) -> bool:
        return not self._stopping.is_set()

    def _back_off(self, event: str, error: Exception) -> None:
        if not self._backoff_s:
            log.warning(event, reason=str(error))
        self._backoff_s = min(_MAX_BACKOFF_S, max(_FIRST_BACKOFF_S, 2 * self._backoff_s))
        self._stopping.wait(self._backoff_s)


def other_chain(error: NodeUnavailable) -> IndexerError:
    """What ends the process when every endpoint serves another chain."""
    return IndexerError(
        f"{error}: correct RPC_URL, CHAIN_ID or DEPLOYMENT_FILE; on a local chain that was started"
        " again, deploy again and begin with a new database"
    )
