"""Owns choosing among several endpoints: fails over, compares what they say, notices who lags.

An endpoint that cannot answer rests for a while. Where it matters, what one endpoint says counts
when a second one says the same; where only one answers at all, it is believed, and that is told.
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
from indexer.chain.blocks import Header, read_header
from indexer.chain.rpc import Endpoint
from indexer.errors import (
    Behind,
    Disagreement,
    EndpointFailed,
    Late,
    Malformed,
    NodeUnavailable,
    Refused,
    RetryableError,
    Throttled,
    Unlinked,
    WrongChain,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")

_REST_S, _LONGEST_REST_S = 0.25, 15.0
# Who lets us wait in vain costs much time at each try.
_REST_AFTER_WAITING_S = 30.0
# How long a call waits when every endpoint that is left asks to come back later.
_PATIENCE_S = 5.0
_LAG_BLOCKS = 3
# How often an endpoint that tells of nothing new is compared with the others.
_COMPARE_S = 2.0
_SOON_S = 0.25


@dataclass
class _Health:
    failures: int = 0
    rests_until: float = 0.0
    throttled: bool = False


class Answer(NamedTuple, Generic[T]):
    """What an endpoint says, which of them, and whether another one says the same."""

    value: T
    source: Endpoint
    seconded: bool


class Endpoints:
    """The endpoints of one chain, the preferred one first. Threads may share it."""

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
        self._comparing: Future[list[tuple[Header, Endpoint]]] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._order)

    def run(self, action: Callable[[Endpoint], T]) -> T:
        """The action's value at the first endpoint that can do it. Raises NodeUnavailable when
        none can, Unlinked when the chain changes for all of them."""
        return self.first(action).value

    def agreed(self, action: Callable[[Endpoint], T]) -> Answer[T]:
        """The action's value, when two endpoints have the same; when only one can do it, that one's
        value, not seconded. Who says otherwise than two others rests. Raises NodeUnavailable,
        Unlinked, Disagreement."""
        first = self.first(action)
        answers = [(first.source, first.value)]
        for endpoint in self.rested():
            if endpoint is first.source:
                continue
            try:
                value = action(endpoint)
            except (Behind, Unlinked):
                # Soon it has what the other one has.
                continue
            except EndpointFailed as error:
                self.failed(endpoint, error)
                continue
            answers.append((endpoint, value))
            if any(value == told for _, told in answers[:-1]):
                for other, told in answers:
                    if told != value:
                        self.failed(other, Malformed(f"{other.name} says otherwise than others"))
                return Answer(value, endpoint, True)
        if len(answers) > 1:
            names = " and ".join(endpoint.name for endpoint, _ in answers)
            raise Disagreement(f"{names} answer differently, and there is no telling who is right")
        return first

    def opinions(self, action: Callable[[Endpoint], T]) -> dict[Endpoint, T | RetryableError]:
        """What the action comes to at every endpoint, or why it cannot be done there."""
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
        """The newest block. An endpoint that is not above `at_least` is compared with the others,
        and one that lags gives up its place. Raises NodeUnavailable."""
        tip = self.run(latest_of)
        if len(self._order) == 1 or tip.number > at_least:
            return tip
        now = self._clock()
        if tip.number == at_least and now - self._compared_at < _COMPARE_S:
            return tip
        self._compared_at = now
        tips = self._tips_soon()
        if tips:
            best, ahead = max(tips, key=lambda pair: pair[0].number)
            if best.number > tip.number:
                self._prefer(ahead, best.number - tip.number)
                return best
        return tip

    def latest_agreed(self, final: Header | None) -> Header:
        """The newest block that two endpoints have, or of the only one that answers, or of the only
        one that has the block `final`. Raises NodeUnavailable, Disagreement."""
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
                    self.distrust(endpoint, f"has another block {final.number}, which is final")
            tips = ours or tips
        if len(tips) > 1:
            names = " and ".join(endpoint.name for _, endpoint in tips)
            raise Disagreement(f"{names} follow different chains")
        return tips[0][0]

    def finalized(self) -> Header | None:
        """What a node calls final, None where it has no such word. Raises NodeUnavailable."""

        def ask(endpoint: Endpoint) -> Header | None:
            try:
                answer = endpoint.call("eth_getBlockByNumber", "finalized", False)
            except Refused:
                return None
            return None if answer is None else read_header(answer)

        return self.run(ask)

    def everywhere_unknown(self, block_hash: bytes) -> bool:
        """Whether every endpoint answers, and none has this block."""
        try:
            return all(
                endpoint.call("eth_getBlockByHash", "0x" + block_hash.hex(), False) is None
                for endpoint in self._order
            )
        except EndpointFailed:
            return False

    def rested(self) -> list[Endpoint]:
        """The endpoints that do not rest."""
        with self._lock:
            now = self._clock()
            return [e for e in self._order if self._health[e].rests_until <= now]

    def candidates(self) -> list[Endpoint]:
        """The endpoints that do not rest, or all when all do."""
        return self.rested() or list(self._order)

    def distrust(self, endpoint: Endpoint, reason: str) -> None:
        """Let an endpoint rest that was found to be wrong."""
        self.failed(endpoint, Malformed(f"{endpoint.name} {reason}"))

    def first(self, action: Callable[[Endpoint], T]) -> Answer[T]:
        """As `run`, and which endpoint it was."""
        until = self._clock() + self._patience_s
        while True:
            self._wait_out(until)
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
                    self._worked(endpoint)
                    for other, reason in unlinked:
                        # The chain holds still, so it was the other one that contradicts itself.
                        self.failed(other, Malformed(f"{other.name}: {reason}"))
                    return Answer(value, endpoint, False)
            if unlinked:
                raise unlinked[0][1]
            if self._clock() >= until or not all(isinstance(r, Throttled) for r in reasons):
                break
        message = "; ".join(dict.fromkeys(str(reason) for reason in reasons))
        wrong = all(isinstance(reason, WrongChain) for reason in reasons)
        raise NodeUnavailable(message, wrong_chain=wrong)

    def _wait_out(self, until: float) -> None:
        """Wait, but not longer than `until`, while every endpoint has asked to come back later."""
        with self._lock:
            states = list(self._health.values())
            now = self._clock()
            if any(not state.throttled or state.rests_until <= now for state in states):
                return
            soonest = min(state.rests_until for state in states)
        time.sleep(max(0.0, min(soonest, until) - now))

    def _tips_soon(self) -> list[tuple[Header, Endpoint]]:
        """The newest blocks, or none while an endpoint lets us wait: that is told at a later
        call."""
        if self._comparing is None:
            self._comparing = self._comparer.submit(self._tips)
        try:
            tips = self._comparing.result(_SOON_S)
        except TimeoutError:
            return []
        self._comparing = None
        return tips

    def _tips(self) -> list[tuple[Header, Endpoint]]:
        tips: list[tuple[Header, Endpoint]] = []
        for endpoint in self.candidates():
            try:
                tips.append((latest_of(endpoint), endpoint))
            except EndpointFailed as error:
                self.failed(endpoint, error)
        return tips

    def _has(self, endpoint: Endpoint, block: Header) -> bool:
        found = self._block(endpoint, block.number)
        return found is not None and found.hash == block.hash

    @staticmethod
    def _block(endpoint: Endpoint, number: int) -> Header | None:
        try:
            return read_headers(endpoint, [number])[0]
        except EndpointFailed:
            return None

    def failed(self, endpoint: Endpoint, error: EndpointFailed) -> None:
        """Let an endpoint rest that could not answer."""
        self._on_error(endpoint.name)
        asked_s = min(error.wait_s, _LONGEST_REST_S) if isinstance(error, Throttled) else 0.0
        with self._lock:
            health = self._health[endpoint]
            health.failures += 1
            rest = min(_LONGEST_REST_S, _REST_S * 2 ** min(health.failures - 1, 10))
            if isinstance(error, Late):
                rest = _REST_AFTER_WAITING_S
            health.rests_until = self._clock() + max(rest, asked_s)
            health.throttled = isinstance(error, Throttled)
            first = health.failures == 1
        if first:
            log.warning("endpoint.failed", endpoint=endpoint.name, reason=str(error))

    def _worked(self, endpoint: Endpoint) -> None:
        health = self._health[endpoint]
        if health.failures and health.rests_until <= self._clock():
            with self._lock:
                failures, health.failures, health.rests_until = health.failures, 0, 0.0
            log.info("endpoint.back", endpoint=endpoint.name, failures=failures)

    def _prefer(self, endpoint: Endpoint, behind: int) -> None:
        with self._lock:
            self._order.remove(endpoint)
            self._order.insert(0, endpoint)
        if behind > _LAG_BLOCKS:
            log.warning("endpoint.lags", now_preferred=endpoint.name, blocks=behind)


def latest_of(endpoint: Endpoint) -> Header:
    """The newest block that an endpoint has. Raises EndpointFailed."""
    return read_header(endpoint.call("eth_getBlockByNumber", "latest", False))
