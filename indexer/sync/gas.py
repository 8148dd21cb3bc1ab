"""Reads the gas of transactions that carried slips or settled bets, after the
blocks are written.

No event has it, so receipts are read: some at a time, in a thread, and no block waits for them.
They are as large as the logs that they repeat, and nothing else in the mirror depends on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import psycopg
import structlog

from indexer.chain.endpoints import Endpoints
from indexer.chain.receipts import Gas, WantedReceipt, merge_reports, read_gas
from indexer.chain.rpc import Endpoint
from indexer.errors import EndpointFailed, NodeUnavailable
from indexer.mirror.transaction_gas import (
    Position,
    count_without_gas,
    store_gas,
    transactions_without_gas,
)
from indexer.sync.background_thread import BackgroundThread

log = structlog.get_logger(__name__)

# Where blocks come quickly, several share a request.
_REQUEST_INTERVAL_S = 0.25
_MAX_PER_REQUEST = 50
# After a failure the next request comes later and is half as long.
_PAUSE_AFTER_FAILURE_S = 5.0
# How long a failed endpoint is skipped if there are others.
_ENDPOINT_BACKOFF_S = 60.0
# Receipts that no endpoint has are requested again after this time, then after twice as long, since
# some nodes drop old receipts for good.
_RETRY_S, _MAX_RETRY_S = 600.0, 86_400.0
# `finish` gives up after so many failures in a row.
_MAX_FAILURES = 8
_START: Position = (-1, b"")


class GasReader:
    """Reads receipts in chain order, in a thread; calls `on_answer` from that thread when an answer
    is ready for the next `step`."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        deployment: int,
        endpoints: Endpoints,
        on_answer: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._deployment = deployment
        self._endpoints = endpoints
        self._on_answer = on_answer
        self._clock = clock
        self._thread = BackgroundThread("receipts")
        self._retry_endpoint_at: dict[Endpoint, float] = {}
        self._length = _MAX_PER_REQUEST
        self._requested: list[WantedReceipt] = []
        self._answer: Future[list[Gas | None]] | None = None
        # Whether blocks of the current request may have been replaced since.
        self._stale = False
        # How far the first pass, and the current retry pass, have come; None between retry passes.
        self._first_pass = _START
        self._retry_pass: Position | None = None
        self._request_at = clock()
        self._retry_at, self._retry_s = clock() + _RETRY_S, _RETRY_S
        self._failing = False

    def step(self) -> None:
        """Write an answer that has arrived, and send the next request; waits for no endpoint."""
        if self._answer is not None:
            if not self._answer.done():
                return
            self._take()
        if self._clock() >= self._request_at and not self._request_new():
            self._request_again()

    def finish(self, keep_running: Callable[[], bool]) -> None:
        """Read all missing receipts once, as long as some endpoint answers."""
        self.restart_from(0)
        failures = 0
        while keep_running() and failures < _MAX_FAILURES:
            if self._answer is None and not self._request_new():
                return
            failures = 0 if self._take() else failures + 1

    def restart_from(self, block: int) -> None:
        """Request what is missing from a block on again."""
        self._first_pass = min(self._first_pass, (block, b""))
        self._stale = self._answer is not None

    def _request_new(self) -> bool:
        """Request receipts that were not requested yet; returns whether there are any."""
        return self._request(self._first_pass)

    def _request_again(self) -> None:
        """Request receipts that no endpoint had, in passes that are far apart."""
        if self._retry_pass is None:
            if self._clock() < self._retry_at:
                return
            self._retry_pass = _START
        if self._request(self._retry_pass):
            return
        missing = 0
        if self._retry_pass == _START:
            self._retry_s = _RETRY_S
        else:
            missing = count_without_gas(self._connection, self._deployment)
        if missing:
            log.warning("gas.receipts_missing", transactions=missing, retry_in_s=self._retry_s)
        self._retry_pass, self._retry_at = None, self._clock() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _MAX_RETRY_S)

    def _request(self, after: Position) -> bool:
        self._requested = transactions_without_gas(
            self._connection, self._deployment, after, self._length
        )
        if not self._requested:
            return False
        wanted = self._requested
        self._answer = self._thread.submit(lambda: self._read(wanted))
        self._answer.add_done_callback(lambda _: self._on_answer())
        return True

    def _take(self) -> bool:
        """Wait for the answer and write it; returns whether there was one."""
        assert self._answer is not None
        answer, self._answer = self._answer, None
        stale, self._stale = self._stale, False
        try:
            reported = answer.result()
        except NodeUnavailable as error:
            # A single receipt that fails is left for a retry pass.
            self._fail(error, skip=not stale and len(self._requested) == 1)
            return False
        known = [
            (wanted, gas)
            for wanted, gas in zip(self._requested, reported, strict=True)
            if gas is not None
        ]
        if known:
            store_gas(self._connection, self._deployment, known)
        if not stale:
            self._move_on()
        more = known and len(reported) == self._length
        self._length = min(self._length + 1, _MAX_PER_REQUEST)
        self._request_at = self._clock() + (0 if more else _REQUEST_INTERVAL_S)
        if self._failing:
            self._failing = False
            log.info("gas.recovered")
        return True

    def _move_on(self) -> None:
        """Continue after the current request."""
        last = self._requested[-1]
        at = last.block, last.tx_hash
        if self._retry_pass is None or at > self._first_pass:
            self._first_pass = at
        else:
            self._retry_pass = at

    def _fail(self, error: NodeUnavailable, *, skip: bool) -> None:
        self._length = max(1, self._length // 2)
        self._request_at = self._clock() + _PAUSE_AFTER_FAILURE_S
        if skip:
            self._move_on()
        if not self._failing:
            self._failing = True
            log.warning("gas.unavailable", reason=str(error))

    def _read(self, wanted: Sequence[WantedReceipt]) -> list[Gas | None]:
        """The gas of each transaction, None where it is unknown or endpoints disagree. Asks
        endpoints until two know all of it and agree. Raises NodeUnavailable."""
        answers: list[list[Gas | None]] = []
        reasons: list[str] = []
        for endpoint in self._available():
            try:
                answers.append(read_gas(endpoint, wanted))
            except EndpointFailed as error:
                self._retry_endpoint_at[endpoint] = self._clock() + _ENDPOINT_BACKOFF_S
                reasons.append(str(error))
            else:
                if None not in answers[-1] and answers.count(answers[-1]) > 1:
                    break
        if not answers:
            raise NodeUnavailable("; ".join(reasons))
        return [merge_reports(reports) for reports in zip(*answers, strict=True)]

    def _available(self) -> list[Endpoint]:
        candidates = self._endpoints.candidates()
        now = self._clock()
        return [e for e in candidates if self._retry_endpoint_at.get(e, now) <= now] or candidates
