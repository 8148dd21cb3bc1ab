"""Owns the gas of transactions that carried slips or settled bets, which no event tells.

Their receipts are read behind the blocks, some at a time and in a thread, so that no block waits
for them. They are as large as the logs that they repeat, and nothing of the mirror rests on them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import psycopg
import structlog

from indexer.endpoints import Endpoints
from indexer.errors import EndpointFailed, NodeUnavailable, Refused
from indexer.rpc import Endpoint

log = structlog.get_logger(__name__)

_RECEIPTS_A_REQUEST = 50
# Where blocks come quickly, several wait for one request.
_ASK_EVERY_S = 0.25
_FAILED_PAUSE_S = 10.0
# What no endpoint knew is asked for again after so long: some nodes drop old receipts for good.
_AGAIN_S = 600.0
_MOST = 2**63 - 1

_UNREAD = """
SELECT t.block, t.tx_hash, b.hash FROM mirror.transaction t
JOIN mirror.block b ON b.deployment = t.deployment AND b.number = t.block
WHERE t.deployment = %s AND t.gas_used IS NULL AND (t.block, t.tx_hash) > (%s, %s)
ORDER BY t.block, t.tx_hash LIMIT %s
"""
# The block may have been replaced since its receipts were asked for.
_FILL = """
UPDATE mirror.transaction t SET gas_used = r.gas_used, gas_price_wei = r.gas_price_wei
FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[], %s::bigint[], %s::bigint[])
    AS r (block, tx_hash, block_hash, gas_used, gas_price_wei)
JOIN mirror.block b ON b.number = r.block AND b.hash = r.block_hash
WHERE t.deployment = %s AND b.deployment = t.deployment
    AND t.block = r.block AND t.tx_hash = r.tx_hash
"""


class Unread(NamedTuple):
    """A transaction whose receipt is wanted, and its block as the mirror has it."""

    block: int
    tx_hash: bytes
    block_hash: bytes


class Gas(NamedTuple):
    """Units of gas, and wei for each; None where the node does not tell it."""

    used: int
    price_wei: int | None


class GasReader:
    """Reads receipts in the order of the chain, in threads of `pool`; calls `wake` when an answer
    waits to be taken by the next `step`."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        deployment: int,
        endpoints: Endpoints,
        pool: ThreadPoolExecutor,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._deployment = deployment
        self._endpoints = endpoints
        self._pool = pool
        self._wake = wake
        self._clock = clock
        self._after: tuple[int, bytes] = (-1, b"")
        self._asked: list[Unread] = []
        self._answer: Future[list[Gas | None]] | None = None
        self._ask_at = clock()
        self._unknown = 0
        self._again_at: float | None = None
        self._failing = False

    def step(self) -> None:
        """Write what was answered, and ask for what comes next; waits for no endpoint."""
        if self._answer is not None:
            if not self._answer.done():
                return
            try:
                self._take(self._answer)
            except NodeUnavailable as error:
                self._pause(error)
        if self._clock() >= self._ask_at and not self._ask():
            self._at_the_end()

    def finish(self, going_on: Callable[[], bool]) -> None:
        """Read all that there is to read, once and as long as some endpoint answers."""
        self.start_from(0)
        try:
            while going_on() and self._ask():
                assert self._answer is not None
                self._take(self._answer)
        except NodeUnavailable as error:
            self._pause(error)

    def start_from(self, block: int) -> None:
        """What was asked for from a block on is to be asked for again, if it is still missing."""
        self._after = min(self._after, (block, b""))
        self._answer = None

    def _ask(self) -> bool:
        """Ask for what follows; returns whether anything does."""
        rows = self._connection.execute(
            _UNREAD, (self._deployment, *self._after, _RECEIPTS_A_REQUEST)
        )
        self._asked = [Unread(block, bytes(tx), bytes(hash_)) for block, tx, hash_ in rows]
        if not self._asked:
            return False
        self._answer = self._pool.submit(self._read, self._asked)
        self._answer.add_done_callback(lambda _: self._wake())
        return True

    def _take(self, answer: Future[list[Gas | None]]) -> None:
        """Write an answer, once it is there. Raises NodeUnavailable."""
        self._answer = None
        told = answer.result()
        known = [(*u, *gas) for u, gas in zip(self._asked, told, strict=True) if gas is not None]
        if known:
            columns = map(list, zip(*known, strict=True))
            self._connection.execute(_FILL, (*columns, self._deployment))
        last = self._asked[-1]
        self._after = last.block, last.tx_hash
        self._unknown += len(told) - len(known)
        more = known and len(told) == _RECEIPTS_A_REQUEST
        self._ask_at = self._clock() + (0 if more else _ASK_EVERY_S)
        if self._failing:
            self._failing = False
            log.info("gas.recovered")

    def _pause(self, error: NodeUnavailable) -> None:
        self._ask_at = self._clock() + _FAILED_PAUSE_S
        if not self._failing:
            self._failing = True
            log.warning("gas.unreadable", reason=str(error))

    def _at_the_end(self) -> None:
        """Everything was asked for; what stayed unknown is asked for again after a while."""
        if self._again_at is not None and self._clock() >= self._again_at:
            self._again_at = None
            self.start_from(0)
        elif self._unknown and self._again_at is None:
            log.warning("gas.unknown", transactions=self._unknown, again_in_s=_AGAIN_S)
            self._again_at, self._unknown = self._clock() + _AGAIN_S, 0

    def _read(self, wanted: Sequence[Unread]) -> list[Gas | None]:
        """Each one's gas, None where it is not known or endpoints differ. Raises
        NodeUnavailable."""
        answers: list[list[Gas | None]] = []
        reasons: list[str] = []
        for endpoint in self._endpoints.candidates():
            try:
                answers.append(read_gas(endpoint, wanted))
            except EndpointFailed as error:
                reasons.append(str(error))
            else:
                if answers.count(answers[-1]) > 1:
                    break
        if not answers:
            raise NodeUnavailable("; ".join(reasons))
        return [_most_told(told) for told in zip(*answers, strict=True)]


def read_gas(endpoint: Endpoint, wanted: Sequence[Unread]) -> list[Gas | None]:
    """What an endpoint says of each, in halves when it refuses all at once. Raises
    EndpointFailed."""
    calls = [("eth_getTransactionReceipt", [_hex(unread.tx_hash)]) for unread in wanted]
    try:
        answers = endpoint.batch(calls)
    except Refused:
        if len(wanted) == 1:
            return [None]
        middle = len(wanted) // 2
        return read_gas(endpoint, wanted[:middle]) + read_gas(endpoint, wanted[middle:])
    return list(map(_gas, wanted, answers))


def _gas(unread: Unread, answer: Any) -> Gas | None:
    """What a receipt says, if it is that of the transaction in the mirror's block."""
    try:
        is_it = (answer["transactionHash"].lower(), answer["blockHash"].lower()) == (
            _hex(unread.tx_hash),
            _hex(unread.block_hash),
        )
        used, price = int(answer["gasUsed"], 16), answer.get("effectiveGasPrice")
        price_wei = None if price is None else int(price, 16)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    fits = 0 < used <= _MOST and 0 <= (price_wei or 0) <= _MOST
    return Gas(used, price_wei) if is_it and fits else None


def _most_told(told: Sequence[Gas | None]) -> Gas | None:
    """What all say who say something, or at least two."""
    counts = Counter(gas for gas in told if gas is not None)
    if not counts:
        return None
    gas, times = counts.most_common(1)[0]
    return gas if times > 1 or len(counts) == 1 else None


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
