"""Owns bringing the mirror to the chain's head: from the checkpoint, over a fork, in ranges.

It works with one database connection, which holds the leader's lock, and reads the chain only
while no SQL transaction is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import structlog

from indexer.chain import prefetch as look_ahead
from indexer.chain.block_reader import BlockReader, read_headers
from indexer.chain.blocks import BlockRange, Header, check_links
from indexer.chain.cross_check import Unseconded, Witness
from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.decode.batch_reader import Bet
from indexer.deployment import Deployment
from indexer.errors import CheckpointMoved, Contradiction, Disagreement, RetryableError, Unlinked
from indexer.mirror import head_state as state
from indexer.mirror.copy_format import Prepared, placed_bets, prepare
from indexer.mirror.projection import batches_needed
from indexer.mirror.reader_indexes import make_index, missing_indexes
from indexer.mirror.registry import register
from indexer.mirror.write import Stages, cut_to, drop_rows, make_final, stored_headers, write_range
from indexer.ops.metrics import Metrics
from indexer.sync.final_block import FinalGuard
from indexer.sync.finality import Finality
from indexer.sync.fork import last_common
from indexer.sync.gas import GasReader

log = structlog.get_logger(__name__)

# A chain that ends below our head may belong to a node that lags, or to one that was set back. It
# is followed down when every endpoint says so for this long.
SHORTER_CHAIN_PATIENCE_S = 5.0
_PROGRESS_EVERY_S = 5.0
# After a failure nothing is written for this long that only one of several endpoints says.
_WARY_S = 60.0
# After a start neither, but not for so long that an endpoint which hangs behind holds it up.
_WARY_AT_START_S = 3.0
_LOOK_AFTER_S = 1.0
# How long it is waited for that a second endpoint has read the newest block.
_SECOND_LOOK_S = 0.25
# How long after an index could not be made it is tried again.
_INDEXES_AGAIN_S = 60.0
# Ranges near the head that only one endpoint has told of yet are looked at again later.
_SEEN_LATER = 256


class Sync:
    """Follows the chain for one deployment, down to its last final block."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        endpoints: Endpoints,
        deployment: Deployment,
        finality: Finality,
        metrics: Metrics,
        pool: ThreadPoolExecutor,
        clock: Callable[[], float] = time.monotonic,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` is called from other threads when `gas` has something to write."""
        self._connection = connection
        self._endpoints = endpoints
        self._first = deployment.first_block
        self._confirmations = finality.confirmations
        self._metrics = metrics
        self._pool = pool
        self._clock = clock
        self._length = look_ahead.RangeLength()
        self._reader = BlockReader(deployment.contracts, self._length.too_much)
        self._witness = Witness(endpoints, self._reader, metrics.waits_for_second)
        self._shorter_since: float | None = None
        self._wary_until = self._look_after_at = clock()
        self._started_at = clock()
        self._unproven = True
        self._readable = False
        self._make_indexes_at = self._started_at
        self.number = register(connection, deployment)
        self.head = self._stored_head()
        self.final = FinalGuard(connection, self.number, endpoints, finality, clock)
        self.gas = GasReader(connection, self.number, endpoints, wake, clock)
        if self.head is not None:
            metrics.wrote(self.head, 0)
            self._tell_stages()

    def advance(self, going_on: Callable[[], bool] = lambda: True) -> bool:
        """Bring the mirror to the newest block; returns whether anything changed. Raises
        RetryableError, and then whatever was written up to there is a true state of the chain;
        FinalBlockLeft."""
        try:
            return self._advance(going_on)
        except CheckpointMoved:
            raise
        except RetryableError as error:
            # Whoever was believed alone may be to blame.
            self._wary_until = self._clock() + _WARY_S
            if isinstance(error, Contradiction):
                # The lie may be what is in the mirror, not what does not go with it.
                self._look_after(idle=True)
            raise

    def _advance(self, going_on: Callable[[], bool]) -> bool:
        self.final.check_once()
        self.final.ask_nodes_first(self.head)
        tip = self._tip()
        self._metrics.saw(tip)
        unproven = self._unproven and self.head is not None and len(self._endpoints) > 1
        if self.head is not None and tip.hash == self.head.hash and not unproven:
            self._shorter_since = None
            self._look_after(idle=True)
            self._caught_up()
            return False
        if tip.number < self._first:
            return False
        base = self._base(tip)
        if base is not None and base.hash == tip.hash and base != self.head:
            return self._shorten(base)
        self._shorter_since = None
        self._report_reorg(base)
        if unproven:
            base = self._proven(tip)
        started, next_report, rows = self._clock(), self._clock() + _PROGRESS_EVERY_S, 0
        changed = False
        # What is about to be replaced waits for a second endpoint until it is.
        fork = base.number if base else -1
        replaced = self._witness.above(fork)
        alone: dict[bytes, Unseconded] = {}
        for blocks in self._ready(base, tip, alone):
            told = alone.pop(blocks.headers[-1].hash, None)
            rows += self._append(base, blocks, alone=told is not None)
            base, changed = self.head, True
            self._witness.cut(replaced, fork)
            replaced = []
            if told is not None:
                self._witness.expect(*told)
            if self._clock() >= next_report:
                next_report += _PROGRESS_EVERY_S
                self._report_progress(tip, rows, self._clock() - started)
            if not going_on():
                self._look_after(idle=False)
                return changed
        self._unproven = False
        self._look_after(idle=False)
        self._caught_up()
        return changed

    def forget(self) -> None:
        """Drop everything that the mirror has of the deployment, except its number."""
        with self._connection.transaction():
            drop_rows(self._connection, self.number)
        self.head = None
        self.final.forget()
        self._witness.keep_up_to(-1)
        self.gas.start_from(0)

    def _tip(self) -> Header:
        if self._wary:
            return self._endpoints.latest_agreed(self.final.block)
        return self._endpoints.latest(self.head.number if self.head else self._first)

    @property
    def _wary(self) -> bool:
        """Whether even the newest block must be told by two endpoints before it is written."""
        now = self._clock()
        starting = self._unproven and now < self._started_at + _WARY_AT_START_S
        return len(self._endpoints) > 1 and (starting or now < self._wary_until)

    def _proven(self, tip: Header) -> Header | None:
        """The last block that needs no second look after a start. Whoever ran before may have died
        before a second endpoint had read what is above the final block, so that is read anew and
        put in its own place. Without a final block that is everything: a block's depth alone says
        nothing of who told of it."""
        final = self.final.number
        if final is None or final < self._first:
            self._length.cover(tip.number - self._first + 1)
            return None
        self._length.cover(tip.number - final)
        return stored_headers(self._connection, self.number, final, final)[0]

    def _caught_up(self) -> None:
        """The mirror's head is the newest block that the node told of."""
        if self._readable or self._clock() < self._make_indexes_at:
            return
        missing = missing_indexes(self._connection)
        if missing:
            with self._metrics.making_indexes():
                made = [make_index(self._connection, name) for name in missing]
            self._readable = all(made)
        else:
            self._readable = True
        self._make_indexes_at = self._clock() + _INDEXES_AGAIN_S

    def _look_after(self, idle: bool) -> None:
        """What can wait until the newest block is written: a second look at it, and finality."""
        if self.head is None or (not idle and self._clock() < self._look_after_at):
            return
        self._look_after_at = self._clock() + _LOOK_AFTER_S
        self._witness.keep_up_to(self.head.number)
        doubtful = self._witness.first_doubtful(self._pool, _SECOND_LOOK_S if idle else 0)
        if doubtful is not None:
            self._take_back(doubtful)
        self.final.ask_nodes(self.head)
        number = self.final.final(self.head.number, self._witness.lowest)
        if number is not None and number >= self._first:
            self.final.moved(make_final(self._connection, self.number, self.head, number))
            self._tell_stages()

    def _tell_stages(self) -> None:
        assert self.head is not None
        self._metrics.stages(self.final.confirmed(self.head.number), self.final.number)

    def _take_back(self, doubtful: BlockRange) -> None:
        """Undo what endpoints disagree about, and what lies above. Raises Disagreement, unless it
        was undone already."""
        assert self.head is not None
        number, last = doubtful.headers[0].number, doubtful.headers[-1]
        held = stored_headers(self._connection, self.number, last.number, last.number)
        if not held or held[0].hash != last.hash:
            return
        below = stored_headers(self._connection, self.number, number - 1, number - 1)
        self._metrics.reorganised(self.head.number - number + 1)
        self._metrics.disagreed()
        log.error("endpoints.disagree", block=number, undone=self.head.number - number + 1)
        if below:
            self._cut(below[0])
        else:
            self.forget()
        raise Disagreement(f"endpoints disagree about what is in block {number}")

    def _cut(self, base: Header) -> None:
        assert self.head is not None
        confirmed = self.final.confirmed(base.number)
        cut_to(self._connection, self.number, self.head, base, confirmed)
        self.head = base
        self._witness.keep_up_to(base.number)
        self.gas.start_from(base.number + 1)
        self._metrics.wrote(base, 0)

    def _ready(
        self, base: Header | None, tip: Header, alone: dict[bytes, Unseconded]
    ) -> Iterator[BlockRange | Prepared]:
        """The blocks above `base` up to `tip`, as they are on the chain now, each range made ready
        while the one before is written. Those that so far one endpoint tells of are put into
        `alone`, by the hash of the last."""
        first = self._first if base is None else base.number + 1
        if first == tip.number:
            ask = self._endpoints.agreed if self._wary else self._endpoints.first
            answer = ask(lambda endpoint: self._reader.read_tip(endpoint, tip))
            if not answer.seconded:
                alone[tip.hash] = answer.value, answer.source
            yield answer.value
            return

        def fetch(start: int, end: int) -> BlockRange:
            answer = self._endpoints.agreed(lambda e: self._read_to(e, start, end, tip))
            if not answer.seconded and end > tip.number - _SEEN_LATER:
                alone[answer.value.headers[-1].hash] = answer.value, answer.source
            return answer.value

        ranges = look_ahead.fetched_ahead(self._pool, fetch, self._length, first, tip.number)
        with closing(ranges), ThreadPoolExecutor(1, "prepare") as preparer:
            if base != self.head:
                # What it settles may have been placed in what it takes the place of.
                yield next(ranges)
            waiting: tuple[BlockRange, Future[Prepared]] | None = None
            while True:
                following: tuple[BlockRange, Future[Prepared]] | None = None
                failure: RetryableError | None = None
                try:
                    blocks = next(ranges, None)
                    if blocks is not None:
                        if waiting is not None:
                            check_links([waiting[0].headers[-1], blocks.headers[0]])
                        earlier = self._earlier(blocks, waiting[0] if waiting else None)
                        future = preparer.submit(prepare, self.number, blocks, earlier)
                        following = blocks, future
                except Unlinked:
                    # It may be the last block before that was never on the chain.
                    raise
                except RetryableError as error:
                    failure = error
                if waiting is not None:
                    # What came before a failure is good, and is not read again.
                    yield waiting[1].result()
                if failure is not None:
                    raise failure
                if following is None:
                    return
                waiting = following

    def _read_to(self, endpoint: Endpoint, first: int, last: int, tip: Header) -> BlockRange:
        """A range of blocks on the way to `tip`. Raises EndpointFailed, Unlinked."""
        blocks = self._reader.read(endpoint, first, last)
        if last == tip.number and blocks.headers[-1].hash != tip.hash:
            raise Unlinked(f"block {last} is not the one that was the newest")
        return blocks

    def _earlier(
        self, blocks: BlockRange, unwritten: BlockRange | None
    ) -> dict[int, Sequence[Bet]]:
        """The bets of the batches that a range settles and others placed, of which the range before
        may not be written yet."""
        needed = batches_needed(blocks.events)
        placed: dict[int, Sequence[Bet]] = {}
        if needed and unwritten is not None:
            placed = placed_bets(unwritten.events, needed)
        return placed | state.bets_of(self._connection, self.number, needed - placed.keys())

    def _append(self, base: Header | None, blocks: BlockRange | Prepared, *, alone: bool) -> int:
        """Write a range behind `base`, in the place of what the mirror has above it. `alone`: only
        one endpoint has told of it, so that none of it becomes final."""
        if base is not None and blocks.headers[0].parent_hash != base.hash:
            raise Unlinked(f"block {blocks.headers[0].number} does not follow from the mirror's")
        last = blocks.headers[-1].number
        unseen = [blocks.headers[0].number] if alone else []
        lowest = self._witness.lowest
        if lowest is not None:
            unseen.append(lowest)
        number = self.final.final(last, min(unseen, default=None))
        stages = Stages(self.final.confirmed(last), number)
        try:
            rows, final = write_range(
                self._connection, self.number, self.head, base, blocks, stages
            )
        except CheckpointMoved:
            self.head = self._stored_head()
            self.final.read()
            raise
        if base != self.head:
            self.gas.start_from(blocks.headers[0].number)
        self.head = blocks.headers[-1]._replace(bloom=0)
        self.final.moved(final)
        self._tell_stages()
        self._metrics.wrote(self.head, rows)
        return rows

    def _base(self, tip: Header) -> Header | None:
        """The last block that the mirror shares with the chain that ends in `tip`. Raises
        FinalBlockLeft when that lies below the last final one."""
        head, final = self.head, self.final.number
        if head is None or tip.parent_hash == head.hash:
            return head
        if final is not None and tip.number < final:
            self.final.check_below(tip)
        found = last_common(
            lambda low, high: stored_headers(self._connection, self.number, low, high),
            lambda numbers: self._endpoints.run(lambda e: read_headers(e, numbers)),
            self._first if final is None else final,
            min(head.number, tip.number),
        )
        if found is None and final is not None:
            self.final.refuse()
        return found

    def _shorten(self, base: Header) -> bool:
        """The chain ends in a block that the mirror has, below its head: wait, then follow."""
        assert self.head is not None
        now = self._clock()
        if not self._endpoints.everywhere_unknown(self.head.hash):
            self._shorter_since = None
            return False
        if self._shorter_since is None:
            self._shorter_since = now
            log.warning("chain.shorter", head=self.head.number, chain=base.number)
        if now - self._shorter_since < SHORTER_CHAIN_PATIENCE_S:
            return False
        self._shorter_since = None
        self._report_reorg(base)
        self._cut(base)
        return True

    def _stored_head(self) -> Header | None:
        row = self._connection.execute(
            "SELECT head_block FROM mirror.deployment WHERE id = %s", (self.number,)
        ).fetchone()
        if row is None or row[0] is None:
            return None
        return stored_headers(self._connection, self.number, row[0], row[0])[0]

    def _report_reorg(self, base: Header | None) -> None:
        if self.head is None or base == self.head:
            return
        fork = base.number if base else self._first - 1
        depth = self.head.number - fork
        self._metrics.reorganised(depth)
        report = log.error if depth > self._confirmations else log.warning
        report("chain.reorganised", fork=fork, depth=depth, confirmations=self._confirmations)

    def _report_progress(self, tip: Header, rows: int, seconds: float) -> None:
        assert self.head is not None
        done = self.head.number - self._first + 1
        left = tip.number - self.head.number
        log.info(
            "backfill.progress",
            block=self.head.number,
            of=tip.number,
            rows_per_s=round(rows / max(seconds, 0.001)),
            left_s=round(seconds * left / max(done, 1)),
        )
