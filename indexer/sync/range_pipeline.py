"""Reads ranges of blocks ahead of the writer, and encodes the next one while one is written."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple

import psycopg

from indexer.chain.block_reader import BlockReader
from indexer.chain.blocks import BlockRange, Header, check_links
from indexer.chain.endpoints import Endpoints
from indexer.chain.prefetch import RangeLength, prefetch_ranges
from indexer.chain.rpc import Endpoint
from indexer.decode.bet_reader import Bet
from indexer.errors import RetryableError, Unlinked
from indexer.mirror.encoded_range import EncodedRange, bets_placed, encode_range
from indexer.mirror.head_state import stored_bets
from indexer.mirror.projection import earlier_batches
from indexer.sync.mirror_writer import PendingRange

# Of the ranges that only one endpoint reported, those this close to the head are cross-checked
# after they were written; older ones are believed.
_CROSS_CHECKED_BLOCKS = 256


class _Encoding(NamedTuple):
    """A range whose rows are being encoded."""

    pending: PendingRange
    rows: Future[EncodedRange]

    def result(self) -> PendingRange:
        """The range with its rows. Raises Contradiction."""
        return self.pending._replace(encoded=self.rows.result())


class RangePipeline:
    """Reads the blocks of one deployment."""

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        deployment: int,
        endpoints: Endpoints,
        reader: BlockReader,
        length: RangeLength,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._connection = connection
        self._deployment = deployment
        self._endpoints = endpoints
        self._reader = reader
        self._length = length
        self._pool = pool

    def read(
        self, first: int, tip: Header, *, replaces: bool, corroborate_tip: bool
    ) -> Iterator[PendingRange]:
        """Yield the blocks from `first` to `tip` in ranges. `replaces`: the first range takes the
        place of blocks in the mirror. `corroborate_tip`: two endpoints must report even a single
        newest block. Raises RetryableError."""
        if first == tip.number:
            yield self._read_tip(tip, corroborate_tip)
            return

        def fetch(start: int, end: int) -> PendingRange:
            answer = self._endpoints.ask_two(lambda e: self._read_to(e, start, end, tip))
            recheck = not answer.corroborated and end > tip.number - _CROSS_CHECKED_BLOCKS
            return PendingRange(answer.value, answer.source if recheck else None)

        ranges = prefetch_ranges(self._pool, fetch, self._length, first, tip.number)
        with closing(ranges), ThreadPoolExecutor(1, "encode") as encoder:
            if replaces:
                # The bets that it settles may be among the rows that it replaces, so its rows are
                # encoded after the rollback.
                yield next(ranges)
            yield from self._encode_ahead(ranges, encoder)

    def _read_tip(self, tip: Header, corroborate: bool) -> PendingRange:
        ask = self._endpoints.ask_two if corroborate else self._endpoints.ask_one
        answer = ask(lambda endpoint: self._reader.read_tip(endpoint, tip))
        return PendingRange(answer.value, None if answer.corroborated else answer.source)

    def _read_to(self, endpoint: Endpoint, first: int, last: int, tip: Header) -> BlockRange:
        """Read a range on the way to `tip`. Raises EndpointFailed, Unlinked."""
        blocks = self._reader.read(endpoint, first, last)
        if last == tip.number and blocks.last.hash != tip.hash:
            raise Unlinked(f"block {last} is not the block that was the newest")
        return blocks

    def _encode_ahead(
        self, ranges: Generator[PendingRange, None, None], encoder: ThreadPoolExecutor
    ) -> Iterator[PendingRange]:
        """Yield each range with its rows; the next one is encoded while the caller writes it."""
        current: _Encoding | None = None
        while True:
            following: _Encoding | None = None
            failure: RetryableError | None = None
            try:
                pending = next(ranges, None)
                if pending is not None:
                    following = self._start_encoding(pending, current, encoder)
            except Unlinked:
                # The current range may be the one that was never on the chain.
                raise
            except RetryableError as error:
                failure = error
            if current is not None:
                # The range before a failure is good, and is not read again.
                yield current.result()
            if failure is not None:
                raise failure
            if following is None:
                return
            current = following

    def _start_encoding(
        self, pending: PendingRange, before: _Encoding | None, encoder: ThreadPoolExecutor
    ) -> _Encoding:
        """Encode a range in the encoder's thread. `before` is the range before it, which may not be
        written yet."""
        blocks = pending.blocks
        if before is not None:
            check_links([before.pending.blocks.last, blocks.first])
        earlier = self._earlier_bets(blocks, before.pending.blocks if before else None)
        return _Encoding(pending, encoder.submit(encode_range, self._deployment, blocks, earlier))

    def _earlier_bets(
        self, blocks: BlockRange, unwritten: BlockRange | None
    ) -> dict[int, Sequence[Bet]]:
        """The bets that a range settles and that earlier ranges placed: those of the unwritten
        range from memory, the others from the mirror."""
        wanted = earlier_batches(blocks.events)
        placed: dict[int, Sequence[Bet]] = {}
        if wanted and unwritten is not None:
            placed = bets_placed(unwritten.events, wanted)
        stored = stored_bets(self._connection, self._deployment, wanted - placed.keys())
        return placed | stored
