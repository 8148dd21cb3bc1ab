"""Owns choosing among several endpoints: fails over, notices who lags, and logs it once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from indexer.chain import Header, read_header
from indexer.errors import EndpointFailed, NodeUnavailable, WrongChain
from indexer.rpc import Endpoint

log = structlog.get_logger(__name__)

T = TypeVar("T")

_REST_S, _LONGEST_REST_S = 0.25, 15.0
_LAG_BLOCKS = 3


@dataclass
class _Health:
    failures: int = 0
    rests_until: float = 0.0


class Endpoints:
    """The endpoints of one chain, the preferred one first. Threads may share it."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        on_error: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._order = list(endpoints)
        self._health = {endpoint.name: _Health() for endpoint in endpoints}
        self._on_error = on_error
        self._clock = clock
        self._lock = threading.Lock()

    def run(self, action: Callable[[Endpoint], T]) -> T:
        """The action's value at the first endpoint that can do it. Raises NodeUnavailable when
        none can."""
        reasons: list[EndpointFailed] = []
        for endpoint in self._candidates():
            try:
                value = action(endpoint)
            except EndpointFailed as error:
                self._failed(endpoint, error)
                reasons.append(error)
            else:
                self._worked(endpoint)
                return value
        message = "; ".join(dict.fromkeys(str(reason) for reason in reasons))
        wrong = all(isinstance(reason, WrongChain) for reason in reasons)
        raise NodeUnavailable(message, wrong_chain=wrong)

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises NodeUnavailable."""
        return self.run(lambda endpoint: endpoint.call(method, *params))

    def latest(self, at_least: int) -> Header:
        """The newest block. An endpoint below `at_least` is compared with the others, and one that
        lags gives up its place. Raises NodeUnavailable."""
        tip = self.run(_latest)
        if tip.number < at_least and len(self._order) > 1:
            tips: list[tuple[Header, Endpoint]] = []
            for endpoint in list(self._order):
                try:
                    tips.append((_latest(endpoint), endpoint))
                except EndpointFailed as error:
                    self._failed(endpoint, error)
            if tips:
                best, ahead = max(tips, key=lambda pair: pair[0].number)
                if best.number > tip.number:
                    self._prefer(ahead, best.number - tip.number)
                    return best
        return tip

    def everywhere_unknown(self, block_hash: bytes) -> bool:
        """Whether every endpoint answers, and none has this block."""
        try:
            return all(
                endpoint.call("eth_getBlockByHash", "0x" + block_hash.hex(), False) is None
                for endpoint in self._order
            )
        except EndpointFailed:
            return False

    def _candidates(self) -> list[Endpoint]:
        with self._lock:
            now = self._clock()
            rested = [e for e in self._order if self._health[e.name].rests_until <= now]
            return rested or list(self._order)

    def _failed(self, endpoint: Endpoint, error: EndpointFailed) -> None:
        self._on_error(endpoint.name)
        with self._lock:
            health = self._health[endpoint.name]
            health.failures += 1
            rest = min(_LONGEST_REST_S, _REST_S * 2 ** min(health.failures - 1, 10))
            health.rests_until = self._clock() + rest
            first = health.failures == 1
        if first:
            log.warning("endpoint.failed", endpoint=endpoint.name, reason=str(error))

    def _worked(self, endpoint: Endpoint) -> None:
        health = self._health[endpoint.name]
        if health.failures:
            with self._lock:
                failures, health.failures, health.rests_until = health.failures, 0, 0.0
            log.info("endpoint.back", endpoint=endpoint.name, failures=failures)

    def _prefer(self, endpoint: Endpoint, behind: int) -> None:
        with self._lock:
            self._order.remove(endpoint)
            self._order.insert(0, endpoint)
        if behind > _LAG_BLOCKS:
            log.warning("endpoint.lags", now_preferred=endpoint.name, blocks=behind)


def _latest(endpoint: Endpoint) -> Header:
    return read_header(endpoint.call("eth_getBlockByNumber", "latest", False))
