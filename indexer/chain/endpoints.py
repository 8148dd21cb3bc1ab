"""Chooses among several endpoints: fails over, compares their answers, detects those that lag.

An endpoint that fails is not asked for a while. Where it matters, an answer counts when a second
endpoint gives the same. Where only one endpoint answers at all, its answer counts, and the result
says so (`Answer.corroborated`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from indexer.chain.block_reader import read_headers
from indexer.chain.blocks import BlockRef, Header, read_header
from indexer.chain.rpc import Endpoint, to_hex
from indexer.errors import (
    Behind,
    Disagreement,
    EndpointFailed,
    Malformed,
    NodeUnavailable,
    Refused,
    RetryableError,
    Throttled,
    TimedOut,
    Unlinked,
    WrongChain,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")

_BACKOFF_S, _MAX_BACKOFF_S = 0.25, 15.0
# Each attempt at an endpoint that times out takes long.
_BACKOFF_AFTER_TIMEOUT_S = 30.0
# How long a call waits when all remaining endpoints throttle.
_PATIENCE_S = 5.0
_LAG_BLOCKS = 3
# How often an endpoint that reports no new block is compared with the others.
_COMPARE_S = 2.0
_COMPARE_PATIENCE_S = 0.25


@dataclass
class _Health:
    failures: int = 0
    retry_at: float = 0.0
    throttled: bool = False


class Answer(NamedTuple, Generic[T]):
    """An endpoint's answer, and whether another endpoint gave the same."""

    value: T
    source: Endpoint
    corroborated: bool


class Endpoints:
    """The endpoints of one chain, the preferred one first. Safe to share between threads."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        on_error: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._order = list(endpoints)
        self._health = {endpoint: _Health() for endpoint in endpoints}
        self._on_error = on_error
        self._clock = clock
        self._patience_s = patience_s
        self._compared_at = clock()
        self._comparer = ThreadPoolExecutor(1, "compare")
        self._comparison: Future[list[tuple[Header, Endpoint]]] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._order)

    def run(self, action: Callable[[Endpoint], T]) -> T:
        """The action's result at the first endpoint where it succeeds. Raises NodeUnavailable when
        it fails everywhere, Unlinked when the chain changes at all of them."""
        return self.ask_one(action).value

    def ask_two(self, action: Callable[[Endpoint], T]) -> Answer[T]:
        """The action's result when two endpoints agree on it; when it succeeds at only one, that
        result, not corroborated. An endpoint that disagrees with two others backs off. Raises
        NodeUnavailable, Unlinked, Disagreement."""
        first = self.ask_one(action)
        answers = [(first.source, first.value)]
        for endpoint in self.available():
            if endpoint is first.source:
                continue
            try:
                value = action(endpoint)
            except (Behind, Unlinked):
                # It will soon have what the other one has.
                continue
            except EndpointFailed as error:
                self.failed(endpoint, error)
                continue
            answers.append((endpoint, value))
            if any(value == other for _, other in answers[:-1]):
                for source, other in answers:
                    if other != value:
                        self.distrust(source, "disagrees with the other endpoints")
                return Answer(value, endpoint, True)
        if len(answers) > 1:
            names = " and ".join(endpoint.name for endpoint, _ in answers)
            raise Disagreement(f"{names} give different answers, and no two endpoints agree")
        return first

    def ask_all(self, action: Callable[[Endpoint], T]) -> dict[Endpoint, T | RetryableError]:
        """The action's result at every endpoint, or the error that it raised there."""
        found: dict[Endpoint, T | RetryableError] = {}
        for endpoint in list(self._order):
            try:
                found[endpoint] = action(endpoint)
            except RetryableError as error:
                found[endpoint] = error
        return found

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises NodeUnavailable."""
        return self.run(lambda endpoint: endpoint.call(method, *params))

    def latest(self, at_least: int) -> Header:
        """The newest block. An endpoint whose newest block is not above `at_least` is compared
        with the others, and loses its preferred place when it lags. Raises NodeUnavailable."""
        tip = self.run(latest_header)
        if len(self._order) == 1 or tip.number > at_least:
            return tip
        now = self._clock()
        if tip.number == at_least and now - self._compared_at < _COMPARE_S:
            return tip
        self._compared_at = now
        tips = self._tips_if_soon()
        if tips:
            best, ahead = max(tips, key=lambda pair: pair[0].number)
            if best.number > tip.number:
                self._prefer(ahead, best.number - tip.number)
                return best
        return tip

    def latest_corroborated(self, final: BlockRef | None) -> Header:
        """The newest block that two endpoints have; otherwise that of the only endpoint that
        answers, or of the only one that has the block `final`. Raises NodeUnavailable,
        Disagreement."""
        tips = sorted(self._tips(), key=lambda pair: -pair[0].number)
        if not tips:
            raise NodeUnavailable("no endpoint answers")
        for tip, source in tips:
            for _, other in tips:
                if other is not source and self._block(other, tip.number) == tip:
                    return tip
        if len(tips) > 1 and final is not None:
            ours = [(tip, endpoint) for tip, endpoint in tips if self._has(endpoint, final)]
            for _, endpoint in tips if ours else ():
                if endpoint not in [e for _, e in ours]:
                    self.distrust(endpoint, f"has a different block at final height {final.number}")
            tips = ours or tips
        if len(tips) > 1:
            names = " and ".join(endpoint.name for _, endpoint in tips)
            raise Disagreement(f"{names} follow different chains")
        return tips[0][0]

    def finalized(self) -> Header | None:
        """The block that a node tags `finalized`, None where it does not know the tag. Raises
        NodeUnavailable."""

        def ask(endpoint: Endpoint) -> Header | None:
            try:
                answer = endpoint.call("eth_getBlockByNumber", "finalized", False)
            except Refused:
                return None
            return None if answer is None else read_header(answer)

        return self.run(ask)

    def none_has(self, block_hash: bytes) -> bool:
        """Whether every endpoint answers, and none of them has this block."""
        try:
            return all(
                endpoint.call("eth_getBlockByHash", to_hex(block_hash), False) is None
                for endpoint in self._order
            )
        except EndpointFailed:
            return False

    def available(self) -> list[Endpoint]:
        """The endpoints that are not backing off."""
        with self._lock:
            now = self._clock()
            return [e for e in self._order if self._health[e].retry_at <= now]

    def candidates(self) -> list[Endpoint]:
        """The endpoints that are not backing off, or all of them when all are."""
        return self.available() or list(self._order)

    def distrust(self, endpoint: Endpoint, reason: str) -> None:
        """Back off from an endpoint that gave a wrong answer."""
        self.failed(endpoint, Malformed(f"{endpoint.name} {reason}"))

    def failed(self, endpoint: Endpoint, error: EndpointFailed) -> None:
        """Back off from an endpoint that could not answer."""
        self._on_error(endpoint.name)
        asked_s = min(error.wait_s, _MAX_BACKOFF_S) if isinstance(error, Throttled) else 0.0
        with self._lock:
            health = self._health[endpoint]
            health.failures += 1
            backoff_s = min(_MAX_BACKOFF_S, _BACKOFF_S * 2 ** min(health.failures - 1, 10))
            if isinstance(error, TimedOut):
                backoff_s = _BACKOFF_AFTER_TIMEOUT_S
            health.retry_at = self._clock() + max(backoff_s, asked_s)
            health.throttled = isinstance(error, Throttled)
            first = health.failures == 1
        if first:
            log.warning("endpoint.failed", endpoint=endpoint.name, reason=str(error))

    def ask_one(self, action: Callable[[Endpoint], T]) -> Answer[T]:
        """As `run`, with the endpoint that answered."""
        until = self._clock() + self._patience_s
        while True:
            self._wait_for_throttle(until)
            reasons: list[EndpointFailed] = []
            unlinked: list[tuple[Endpoint, Unlinked]] = []
            for endpoint in self.candidates():
                try:
                    value = action(endpoint)
                except EndpointFailed as error:
                    self.failed(endpoint, error)
                    reasons.append(error)
                except Unlinked as error:
                    unlinked.append((endpoint, error))
                else:
                    self._succeeded(endpoint)
                    for other, reason in unlinked:
                        # The chain did not change, so the other endpoint contradicts itself.
                        self.failed(other, Malformed(f"{other.name}: {reason}"))
                    return Answer(value, endpoint, False)
            if unlinked:
                raise unlinked[0][1]
            if self._clock() >= until or not all(isinstance(r, Throttled) for r in reasons):
                break
        message = "; ".join(dict.fromkeys(str(reason) for reason in reasons))
        wrong = all(isinstance(reason, WrongChain) for reason in reasons)
        raise NodeUnavailable(message, wrong_chain=wrong)

    def _wait_for_throttle(self, until: float) -> None:
        """Wait, at most to `until`, while every endpoint throttles."""
        with self._lock:
            states = list(self._health.values())
            now = self._clock()
            if any(not state.throttled or state.retry_at <= now for state in states):
                return
            soonest = min(state.retry_at for state in states)
        time.sleep(max(0.0, min(soonest, until) - now))

    def _tips_if_soon(self) -> list[tuple[Header, Endpoint]]:
        """The newest blocks; none while an endpoint is slow, and then they come at a later call."""
        if self._comparison is None:
            self._comparison = self._comparer.submit(self._tips)
        try:
            tips = self._comparison.result(_COMPARE_PATIENCE_S)
        except TimeoutError:
            return []
        self._comparison = None
        return tips

    def _tips(self) -> list[tuple[Header, Endpoint]]:
        tips: list[tuple[Header, Endpoint]] = []
        for endpoint in self.candidates():
            try:
                tips.append((latest_header(endpoint), endpoint))
            except EndpointFailed as error:
                self.failed(endpoint, error)
        return tips

    def _has(self, endpoint: Endpoint, block: BlockRef) -> bool:
        found = self._block(endpoint, block.number)
        return found is not None and found.hash == block.hash

    @staticmethod
    def _block(endpoint: Endpoint, number: int) -> Header | None:
        try:
            return read_headers(endpoint, [number])[0]
        except EndpointFailed:
            return None

    def _succeeded(self, endpoint: Endpoint) -> None:
        health = self._health[endpoint]
        if health.failures and health.retry_at <= self._clock():
            with self._lock:
                failures, health.failures, health.retry_at = health.failures, 0, 0.0
            log.info("endpoint.recovered", endpoint=endpoint.name, failures=failures)

    def _prefer(self, endpoint: Endpoint, behind: int) -> None:
        with self._lock:
            self._order.remove(endpoint)
            self._order.insert(0, endpoint)
        if behind > _LAG_BLOCKS:
            log.warning("endpoint.lags", now_preferred=endpoint.name, blocks=behind)


def latest_header(endpoint: Endpoint) -> Header:
    """The newest block of an endpoint. Raises EndpointFailed."""
    return read_header(endpoint.call("eth_getBlockByNumber", "latest", False))
