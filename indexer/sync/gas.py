"""Owns the gas of transactions that carried slips or settled bets, which no event tells.

Their receipts are read behind the blocks, some at a time and in a thread, so that no block waits
for them. They are as large as the logs that they repeat, and nothing of the mirror rests on them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

import psycopg
import structlog

from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.errors import EndpointFailed, NodeUnavailable
from indexer.sync.background import Background

log = structlog.get_logger(__name__)

T = TypeVar("T", bound=Hashable)

# Where blocks come quickly, several wait for one request.
_ASK_EVERY_S = 0.25
_MOST_A_REQUEST = 50
# After a failure the next request is half as long, and later.
_FAILED_PAUSE_S = 5.0
# One of several endpoints that failed is left alone for so long.
_REST_S = 60.0
# What no endpoint knew is asked for again after so long, then after twice as long: some nodes drop
# old receipts for good.
_AGAIN_S, _LONGEST_AGAIN_S = 600.0, 86_400.0
# Who waits for all of them gives up after so many failures in a row.
_MOST_FAILURES = 8
# More than any block holds, and little enough to be multiplied by a transaction's bets.
_MOST_GAS, _MOST_PRICE_WEI = 2**40, 2**63 - 1
_START = (-1, b"")

_UNREAD = """
SELECT t.block, t.tx_hash, b.hash FROM mirror.transaction t
JOIN mirror.block b ON b.deployment = t.deployment AND b.number = t.block
WHERE t.deployment = %(deployment)s AND t.gas_used IS NULL AND b.number >= %(block)s
    AND (t.block, t.tx_hash) > (%(block)s, %(tx_hash)s)
ORDER BY t.block, t.tx_hash LIMIT %(most)s
"""
_COUNT = "SELECT count(*) FROM mirror.transaction WHERE deployment = %s AND gas_used IS NULL"
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
    """Reads receipts in the order of the chain, in a thread; calls `wake` when an answer waits to
    be taken by the next `step`."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        deployment: int,
        endpoints: Endpoints,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._deployment = deployment
        self._endpoints = endpoints
        self._wake = wake
        self._clock = clock
        self._thread = Background("receipts")
        self._rests: dict[Endpoint, float] = {}
        self._length = _MOST_A_REQUEST
        self._asked: list[Unread] = []
        self._answer: Future[list[Gas | None]] | None = None
        # What was asked for last was of blocks that may have been replaced.
        self._stale = False
        # Up to where transactions were asked for once, and again; None between two passes.
        self._once = _START
        self._again: tuple[int, bytes] | None = None
        self._ask_at = clock()
        self._again_at, self._again_s = clock() + _AGAIN_S, _AGAIN_S
        self._failing = False

    def step(self) -> None:
        """Write what was answered, and ask for what comes next; waits for no endpoint."""
        if self._answer is not None:
            if not self._answer.done():
                return
            self._take()
        if self._clock() >= self._ask_at and not self._ask_once():
            self._ask_again()

    def finish(self, going_on: Callable[[], bool]) -> None:
        """Read all that there is to read, once, as long as some endpoint answers."""
        self.start_from(0)
        failures = 0
        while going_on() and failures < _MOST_FAILURES:
            if self._answer is None and not self._ask_once():
                return
            failures = 0 if self._take() else failures + 1

    def start_from(self, block: int) -> None:
        """What was asked for from a block on is to be asked for again, if it is still missing."""
        self._once = min(self._once, (block, b""))
        self._stale = self._answer is not None

    def _ask_once(self) -> bool:
        """Ask for what was not asked for yet; returns whether there is anything."""
        return self._ask(self._once)

    def _ask_again(self) -> None:
        """Ask for what nobody knew, in passes that lie far apart."""
        if self._again is None:
            if self._clock() < self._again_at:
                return
            self._again = _START
        if self._ask(self._again):
            return
        unknown = 0
        if self._again == _START:
            self._again_s = _AGAIN_S
        else:
            row = self._connection.execute(_COUNT, (self._deployment,)).fetchone()
            assert row is not None
            unknown = row[0]
        if unknown:
            log.warning("gas.unknown", transactions=unknown, again_in_s=self._again_s)
        self._again, self._again_at = None, self._clock() + self._again_s
        self._again_s = min(2 * self._again_s, _LONGEST_AGAIN_S)

    def _ask(self, after: tuple[int, bytes]) -> bool:
        where = {"deployment": self._deployment, "most": self._length}
        rows = self._connection.execute(
            _UNREAD, {**where, "block": after[0], "tx_hash": after[1]}
        ).fetchall()
        self._asked = [Unread(block, bytes(tx), bytes(hash_)) for block, tx, hash_ in rows]
        if not self._asked:
            return False
        asked = self._asked
        self._answer = self._thread.submit(lambda: self._read(asked))
        self._answer.add_done_callback(lambda _: self._wake())
        return True

    def _take(self) -> bool:
        """Write the answer, once it is there; returns whether there was one."""
        assert self._answer is not None
        answer, self._answer = self._answer, None
        stale, self._stale = self._stale, False
        try:
            told = answer.result()
        except NodeUnavailable as error:
            # One alone that cannot be had is left for later.
            self._fail(error, leave=not stale and len(self._asked) == 1)
            return False
        known = [(*u, *gas) for u, gas in zip(self._asked, told, strict=True) if gas is not None]
        if known:
            columns = map(list, zip(*known, strict=True))
            self._connection.execute(_FILL, (*columns, self._deployment))
        if not stale:
            self._go_on()
        more = known and len(told) == self._length
        self._length = min(self._length + 1, _MOST_A_REQUEST)
        self._ask_at = self._clock() + (0 if more else _ASK_EVERY_S)
        if self._failing:
            self._failing = False
            log.info("gas.recovered")
        return True

    def _go_on(self) -> None:
        """Behind what was asked for last."""
        last = self._asked[-1]
        at = last.block, last.tx_hash
        if self._again is None or at > self._once:
            self._once = at
        else:
            self._again = at

    def _fail(self, error: NodeUnavailable, *, leave: bool) -> None:
        self._length = max(1, self._length // 2)
        self._ask_at = self._clock() + _FAILED_PAUSE_S
        if leave:
            self._go_on()
        if not self._failing:
            self._failing = True
            log.warning("gas.unreadable", reason=str(error))

    def _read(self, wanted: Sequence[Unread]) -> list[Gas | None]:
        """Each one's gas, None where it is not known or endpoints differ. Raises
        NodeUnavailable."""
        answers: list[list[Gas | None]] = []
        reasons: list[str] = []
        for endpoint in self._rested():
            try:
                answers.append(read_gas(endpoint, wanted))
            except EndpointFailed as error:
                self._rests[endpoint] = self._clock() + _REST_S
                reasons.append(str(error))
            else:
                if None not in answers[-1] and answers.count(answers[-1]) > 1:
                    break
        if not answers:
            raise NodeUnavailable("; ".join(reasons))
        return [_most_told(told) for told in zip(*answers, strict=True)]

    def _rested(self) -> list[Endpoint]:
        candidates = self._endpoints.candidates()
        now = self._clock()
        return [e for e in candidates if self._rests.get(e, now) <= now] or candidates


def read_gas(endpoint: Endpoint, wanted: Sequence[Unread]) -> list[Gas | None]:
    """What an endpoint says of each. Raises EndpointFailed."""
    answers = endpoint.batch(
        [("eth_getTransactionReceipt", [_hex(unread.tx_hash)]) for unread in wanted]
    )
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
    fits = 0 < used <= _MOST_GAS and 0 <= (price_wei or 0) <= _MOST_PRICE_WEI
    return Gas(used, price_wei) if is_it and fits else None


def _most_told(told: Sequence[Gas | None]) -> Gas | None:
    """What endpoints agree on; some may not tell the price."""
    known = [gas for gas in told if gas is not None]
    used = _agreed(gas.used for gas in known)
    if used is None:
        return None
    prices = [g.price_wei for g in known if g.used == used and g.price_wei is not None]
    price = _agreed(prices)
    return Gas(used, price) if price is not None or not prices else None


def _agreed(values: Iterable[T]) -> T | None:
    """What all say, or at least two."""
    counts = Counter(values)
    if not counts:
        return None
    value, times = counts.most_common(1)[0]
    return value if times > 1 or len(counts) == 1 else None


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
