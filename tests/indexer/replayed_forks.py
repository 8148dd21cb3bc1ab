"""Runs an indexer on recorded forks, and compares its tables with those of clean syncs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from indexer.chain.endpoints import Endpoints
from indexer.deployment import Deployment
from indexer.errors import FinalBlockReplaced, RetryableError
from indexer.mirror.checkpoint import read_block
from indexer.mirror.write import roll_back_to
from indexer.ops.metrics import Metrics
from indexer.sync.finality import Finality
from indexer.sync.sync import Sync
from scripts.devnet import Postgres
from scripts.devnet.postgres import plain_url
from tests.indexer.mirror import CONFIRMATIONS, Tables, tables_in
from tests.indexer.recorded_chain import Chain, Replay, hash_of, truth
from tests.support.schema import create_database_with_tables

# The last columns of a transaction come from its receipt.
GAS_COLUMNS = 2


class World:
    """A mirror that is emptied between examples, and clean tables for comparison."""

    def __init__(self, forks: list[Chain], deployment: Deployment, postgres: Postgres) -> None:
        self.forks, self.deployment = forks, deployment
        self.pool = ThreadPoolExecutor(3)
        self.connection = self._database(postgres, "property")
        self._clean_connection = self._database(postgres, "property_clean")
        self._clean: dict[bytes, Tables] = {}

    def clean(self, chain: Chain) -> Tables:
        """The tables of a sync that never saw another fork."""
        top = hash_of(chain[-1])
        if top not in self._clean:
            clear_tables(self._clean_connection)
            run = Run(self, self._clean_connection, [Replay("clean", chain)], 200)
            while run.sync.advance():
                pass
            run.sync.gas.finish(lambda: True)
            self._clean[top] = tables_in(self._clean_connection)
        return self._clean[top]

    def chain_of(self, top: bytes) -> Chain:
        """The chain that ends in a block."""
        for fork in self.forks:
            for height, block in enumerate(fork):
                if hash_of(block) == top:
                    return fork[: height + 1]
        raise AssertionError("the mirror's head is not on any fork")

    def knows(self, top: bytes) -> bool:
        """Whether a block is on some fork: a newest block may be false."""
        return any(hash_of(block) == top for fork in self.forks for block in fork)

    def close(self) -> None:
        """Close threads and connections."""
        self.pool.shutdown()
        self.connection.close()
        self._clean_connection.close()

    @staticmethod
    def _database(postgres: Postgres, name: str) -> psycopg.Connection[tuple[Any, ...]]:
        url = create_database_with_tables(postgres, name)
        return psycopg.connect(plain_url(url), autocommit=True)


class Run:
    """An indexer with a clock that the test moves."""

    def __init__(
        self,
        world: World,
        connection: psycopg.Connection[tuple[Any, ...]],
        replays: list[Replay],
        depth: int,
    ) -> None:
        self.world, self.connection = world, connection
        self.now_s = 0.0
        self.replays = replays
        self.endpoints = Endpoints(replays, clock=lambda: self.now_s, patience_s=0)
        self.depth = depth
        self.sync = self.start()

    def start(self) -> Sync:
        """Start a new indexer, which has only what is in the database."""
        self.sync = Sync(
            *(self.connection, self.endpoints, self.world.deployment),
            *(Finality(CONFIRMATIONS, self.depth), Metrics(), self.world.pool),
            clock=lambda: self.now_s,
        )
        return self.sync

    def advance(self) -> bool:
        """Advance; returns whether it succeeded."""
        self.now_s += 20
        try:
            while self.sync.advance():
                pass
            self.sync.gas.step()
        except RetryableError:
            return False
        except FinalBlockReplaced:
            self.check_final_block_left()
            self.sync.clear()
            return False
        return True

    def top(self) -> bytes:
        """The hash of the mirror's head."""
        return self.sync.head.hash if self.sync.head else b""

    def check_final_block_left(self) -> None:
        """Check that no endpoint with true answers has the block that was final."""
        number, hash_ = self.final()
        for replay in self.replays:
            held = replay.chain[number] if number < len(replay.chain) else None
            assert replay.lie is not truth or held is None or hash_of(held) != hash_

    def final(self) -> tuple[int, bytes]:
        """Number and hash of the final block, -1 without one."""
        row = self.connection.execute(
            "SELECT final_block, final_hash FROM mirror.deployment"
        ).fetchone()
        assert row is not None
        return (-1, b"") if row[0] is None else (row[0], bytes(row[1]))

    def reaches(self, chain: Chain) -> bool:
        """Advance until the mirror ends in the chain's newest block; false when it does not."""
        return any(self.advance() and self.top() == hash_of(chain[-1]) for _ in range(12))

    def check_tables(self) -> None:
        """Check that the tables are those of the chain that ends in the mirror's head, apart from
        blocks that only one of several endpoints has reported; some gas may not be read yet."""
        head = self.sync.head
        if head is None:
            return
        last = self._last_corroborated(head.number)
        with self.connection.transaction(force_rollback=True):
            if last < head.number:
                base = read_block(self.connection, self.sync.number, last)
                if base is None:
                    return
                confirmed = self.sync.final.confirmed(last)
                roll_back_to(self.connection, self.sync.number, head.ref, base, confirmed)
                head = base
            self._check_tables_of(self.world.chain_of(head.hash))

    def _last_corroborated(self, head: int) -> int:
        """The last block that the indexer need not read again from another endpoint."""
        if len(self.replays) == 1:
            return head
        if self.sync._reread:
            return self.final()[0]
        pending = self.sync._cross_checker.lowest_pending
        return head if pending is None else pending - 1

    def _check_tables_of(self, chain: Chain) -> None:
        ours, clean = tables_in(self.connection), self.world.clean(chain)
        for held, true in zip(ours["transaction"], clean["transaction"], strict=True):
            assert held in (true, (*true[:-GAS_COLUMNS], *(None,) * GAS_COLUMNS))
        assert ours | {"transaction": clean["transaction"]} == clean
        number, hash_ = self.final()
        assert number < 0 or hash_of(chain[number]) == hash_
        confirmed = max(number, len(chain) - 1 - CONFIRMATIONS)
        row = self.connection.execute("SELECT confirmed_block FROM mirror.deployment")
        assert row.fetchall() == [(confirmed if confirmed >= 0 else None,)]


def clear_tables(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Empty every table of the mirror."""
    names = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'mirror'"
        " AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version'"
    ).fetchall()
    connection.execute("TRUNCATE " + ", ".join(f"mirror.{name}" for (name,) in names))
