"""Owns the life of an indexer process: connect, lead or stand by, follow, and recover."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog

from indexer.chain import prefetch as look_ahead
from indexer.chain.endpoints import Endpoints
from indexer.chain.new_heads import NewBlocks
from indexer.chain.rpc import Endpoint
from indexer.deployment import Deployment
from indexer.errors import CheckpointMoved, IndexerError, NodeUnavailable, RetryableError
from indexer.mirror.leader import try_lead, wait_to_lead
from indexer.ops.metrics import Metrics
from indexer.sync.finality import Finality
from indexer.sync.sync import Sync

log = structlog.get_logger(__name__)

STANDBY_PAUSE_S = 0.5
# A leader whose machine is gone says no goodbye: the server finds out, so that its lock is free and
# a standby leads within five seconds.
_FREE_LOCK_SOON = " ".join(
    f"-c tcp_keepalives_{name}={value}"
    for name, value in (("idle", 1), ("interval", 1), ("count", 2))
)
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.1, 10.0
# A command that ends by itself gives up after so many failures in a row, some 30 s.
_MOST_FAILURES = 8


class Indexer:
    """One deployment's indexer; `run`, `backfill` and `rebuild` return when `stop` was called."""

    def __init__(
        self, postgres_url: str, rpc_urls: list[str], deployment: Deployment, finality: Finality
    ) -> None:
        self._postgres_url = postgres_url
        self._deployment = deployment
        self._finality = finality
        self.metrics = Metrics()
        self._endpoints = Endpoints(
            [Endpoint(url, deployment.chain_id) for url in rpc_urls], self.metrics.failed
        )
        self._news = NewBlocks(rpc_urls)
        self._ending = threading.Event()
        self._backoff_s = 0.0

    def stop(self) -> None:
        """End soon, after what is being written."""
        self._ending.set()
        self._news.stop()

    def run(self) -> None:
        """Follow the chain. Raises IndexerError when every endpoint serves another chain, or the
        last final block has left it."""
        self.check_chain()
        self._news.start()
        with ThreadPoolExecutor(look_ahead.THREADS, "fetch") as pool:
            while not self._ending.is_set():
                try:
                    with self._connect() as connection:
                        self._lead(connection, pool)
                except IndexerError:
                    self.metrics.refuses()
                    raise
                except psycopg.OperationalError as error:
                    self._back_off("database.unavailable", error)
                except CheckpointMoved as error:
                    self._back_off("checkpoint.moved", error)
        self.metrics.leads(False)

    def backfill(self) -> int:
        """Bring the mirror to the chain's head and return; returns the head. What is there already
        stays, so that a backfill that was cut short goes on where it stood. Raises IndexerError
        while another process writes, RetryableError."""
        with self._alone("backfill") as sync:
            return self._catch_up(sync)

    def rebuild(self) -> int:
        """Drop the deployment's rows and read the chain again up to its head; returns the head.
        Raises IndexerError while another process writes them, RetryableError."""
        with self._alone("rebuild") as sync:
            sync.forget()
            log.info("rebuild.dropped", deployment=sync.number)
            head = self._catch_up(sync)
            sync.gas.finish(self._going_on)
            return head

    @contextmanager
    def _alone(self, what: str) -> Iterator[Sync]:
        self.check_chain()
        with (
            ThreadPoolExecutor(look_ahead.THREADS, "fetch") as pool,
            self._connect() as connection,
        ):
            if not try_lead(connection, self._deployment.lock_key):
                raise IndexerError(
                    f"an indexer is running for this deployment: stop it, then {what}"
                )
            self.metrics.leads(True)
            yield self._sync(connection, pool)

    def _catch_up(self, sync: Sync) -> int:
        """Advance until nothing changes; waits out a node that fails for a while."""
        failures = 0
        while not self._ending.is_set():
            try:
                if not sync.advance(self._going_on):
                    break
                failures, self._backoff_s = 0, 0.0
            except CheckpointMoved:
                raise
            except RetryableError as error:
                failures += 1
                if failures > _MOST_FAILURES:
                    raise
                self._back_off("chain.unreadable", error)
        return sync.head.number if sync.head else -1

    def check_chain(self) -> None:
        """Raises IndexerError when endpoints answer and all of them serve another chain; a node
        that does not answer yet is waited for later."""
        try:
            self._endpoints.run(Endpoint.connect)
        except NodeUnavailable as error:
            if error.wrong_chain:
                raise IndexerError(f"{error}: correct RPC_URL or CHAIN_ID") from error

    def _lead(
        self, connection: psycopg.Connection[tuple[Any, ...]], pool: ThreadPoolExecutor
    ) -> None:
        self.metrics.leads(False)
        if not wait_to_lead(connection, self._deployment.lock_key, self._stand_by):
            return
        self.metrics.leads(True)
        sync = self._sync(connection, pool)
        log.info(
            "indexer.leads",
            deployment=sync.number,
            head=sync.head.number if sync.head else None,
        )
        while not self._ending.is_set():
            try:
                changed = sync.advance(self._going_on)
            except CheckpointMoved:
                raise
            except RetryableError as error:
                self._back_off("chain.unreadable", error)
            else:
                if self._backoff_s:
                    log.info("indexer.recovered")
                    self._backoff_s = 0.0
                if not changed:
                    sync.gas.step()
                    self._news.wait()

    def _sync(
        self, connection: psycopg.Connection[tuple[Any, ...]], pool: ThreadPoolExecutor
    ) -> Sync:
        return Sync(
            *(connection, self._endpoints, self._deployment, self._finality, self.metrics, pool),
            wake=self._news.wake,
        )

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            self._postgres_url,
            autocommit=True,
            application_name="fairline indexer",
            options=_FREE_LOCK_SOON,
        )

    def _stand_by(self) -> bool:
        return not self._ending.wait(STANDBY_PAUSE_S)

    def _going_on(self) -> bool:
        return not self._ending.is_set()

    def _back_off(self, event: str, error: Exception) -> None:
        if not self._backoff_s:
            log.warning(event, reason=str(error))
        self._backoff_s = min(_LONGEST_BACKOFF_S, max(_FIRST_BACKOFF_S, 2 * self._backoff_s))
        self._ending.wait(self._backoff_s)
