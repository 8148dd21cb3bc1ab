"""Drives the indexer in-process, and shows what its tables hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.deployment import Deployment
from indexer.errors import Refused
from indexer.mirror.migrate import migrate
from indexer.mirror.tables import EVENT_TABLES, STATE_TABLES, Block, MirrorRow, columns_of
from indexer.mirror.tables import Deployment as DeploymentRow
from indexer.ops.metrics import Metrics
from indexer.ops.verify import first_difference, read_snapshot
from indexer.sync.finality import Finality
from indexer.sync.sync import Sync
from scripts.devnet import Postgres
from tests.support.nodes import CHAIN_ID
from tests.support.sportsbook import Book

TABLES: tuple[type[MirrorRow], ...] = (DeploymentRow, Block, *EVENT_TABLES, *STATE_TABLES)
TOLD = ("confirmed_block", "final_block", "final_hash")
CONFIRMATIONS = 2
_NUMBERS = itertools.count(1)
Tables = dict[str, list[tuple[Any, ...]]]


def deployment_of(folder: Path) -> Deployment:
    return Deployment.read(folder / "deployment.json", CHAIN_ID)


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def tables_in(connection: psycopg.Connection[tuple[Any, ...]]) -> Tables:
    """Every row of every table, in an order of its own; without what depends on when nodes were
    asked."""
    found: Tables = {}
    for table in TABLES:
        name = str(table.__tablename__)
        columns = ", ".join(f'"{c}"' for c in columns_of(table) if c not in TOLD)
        rows = connection.execute(f"SELECT {columns} FROM mirror.{name}").fetchall()
        found[name] = sorted(rows, key=repr)
    return found


class Tagless(Endpoint):
    """A node without a word for what is final: Anvil means 64 blocks, Ganache none."""

    def call(self, method: str, *params: Any) -> Any:
        if "finalized" in params:
            raise Refused("unknown block tag")
        return super().call(method, *params)


class Mirror:
    """A migrated database and an indexer that is moved by hand."""

    def __init__(
        self,
        database_url: str,
        book: Book,
        folder: Path,
        *urls: str,
        final_depth: int = 64,
        kind: type[Endpoint] = Endpoint,
    ) -> None:
        migrate(database_url)
        self.url = plain(database_url)
        self.deployment = deployment_of(folder)
        self.metrics = Metrics()
        self.finality = Finality(CONFIRMATIONS, final_depth)
        self.endpoints = Endpoints(
            [kind(u, CHAIN_ID, timeout_s=5) for u in urls or (book.node.url,)],
            self.metrics.failed,
            patience_s=0.3,
        )
        self._connection = psycopg.connect(self.url, autocommit=True)
        self._pool = ThreadPoolExecutor(3)
        self.sync = self.restart()

    def restart(self) -> Sync:
        """A new indexer that knows only what the database knows."""
        self.sync = Sync(
            *(self._connection, self.endpoints, self.deployment, self.finality, self.metrics),
            self._pool,
        )
        return self.sync

    def catch_up(self) -> None:
        """Up to the head, receipts and all."""
        while self.sync.advance():
            pass
        self.sync.gas.finish(lambda: True)

    def tables(self) -> Tables:
        return tables_in(self._connection)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()

    def difference(self) -> str | None:
        return first_difference(
            read_snapshot(self._connection, self.deployment), self.endpoints, self.deployment
        )

    def close(self) -> None:
        self._pool.shutdown()
        self._connection.close()


@contextmanager
def mirror_of(
    database_url: str, book: Book, folder: Path, *urls: str, **options: Any
) -> Iterator[Mirror]:
    """With `final_depth` and `kind` (of endpoints) as options."""
    made = Mirror(database_url, book, folder, *urls, **options)
    try:
        yield made
    finally:
        made.close()


def clean_tables(postgres: Postgres, book: Book, folder: Path) -> Tables:
    """What an indexer writes that reads the chain as it is now, and never saw another fork."""
    name = f"clean_{next(_NUMBERS)}"
    try:
        with mirror_of(postgres.create_database(name), book, folder) as fresh:
            fresh.catch_up()
            return fresh.tables()
    finally:
        postgres.drop_database(name)
