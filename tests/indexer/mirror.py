"""Drives the indexer in-process, and reads what is in its tables."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg

from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.deployment import Deployment
from indexer.errors import Refused, RetryableError
from indexer.mirror.tables import EVENT_TABLES, STATE_TABLES, Block, MirrorRow, columns_of
from indexer.mirror.tables import Deployment as DeploymentRow
from indexer.ops.metrics import Metrics
from indexer.ops.verify import first_difference, read_receipt_window_s, read_snapshot
from indexer.sync.finality import Finality
from indexer.sync.sync import Sync
from scripts.devnet import Postgres
from scripts.devnet.postgres import plain_url
from tests.support.house import House
from tests.support.nodes import CHAIN_ID
from tests.support.schema import create_database_with_tables

TABLES: tuple[type[MirrorRow], ...] = (DeploymentRow, Block, *EVENT_TABLES, *STATE_TABLES)
# Columns that depend on when nodes were asked.
FINALITY_COLUMNS = ("confirmed_block", "final_block", "final_hash")
CONFIRMATIONS = 2
_NUMBERS = itertools.count(1)
Tables = dict[str, list[tuple[Any, ...]]]
_clean: dict[tuple[str, str], Tables] = {}


def deployment_of(house: House) -> Deployment:
    """The contracts of a house, as the indexer knows them."""
    return Deployment.read(house.deployment_file, CHAIN_ID)


def tables_in(connection: psycopg.Connection[tuple[Any, ...]]) -> Tables:
    """All rows of all tables, sorted, without `FINALITY_COLUMNS`."""
    found: Tables = {}
    for table in TABLES:
        name = str(table.__tablename__)
        columns = ", ".join(f'"{c}"' for c in columns_of(table) if c not in FINALITY_COLUMNS)
        rows = connection.execute(f"SELECT {columns} FROM mirror.{name}").fetchall()
        found[name] = sorted(rows, key=repr)
    return found


class Untagged(Endpoint):
    """A node that does not know the tag `finalized`: Anvil tags by 64 blocks, Ganache all."""

    def call(self, method: str, *params: Any) -> Any:
        if "finalized" in params:
            raise Refused("unknown block tag")
        return super().call(method, *params)


class Mirror:
    """A database with tables, and an indexer that advances when the test says so."""

    def __init__(
        self,
        database_url: str,
        house: House,
        *urls: str,
        final_depth: int = 64,
        kind: type[Endpoint] = Endpoint,
    ) -> None:
        self.url = plain_url(database_url)
        self.deployment = deployment_of(house)
        self.metrics = Metrics()
        self.finality = Finality(CONFIRMATIONS, final_depth)
        self.endpoints = Endpoints(
            [kind(u, CHAIN_ID, timeout_s=5) for u in urls or (house.node.url,)],
            self.metrics.failed,
            patience_s=0.3,
        )
        self.connection = psycopg.connect(self.url, autocommit=True)
        self._pool = ThreadPoolExecutor(3)
        self.sync = self.restart()

    def restart(self) -> Sync:
        """A new indexer, which has only what is in the database."""
        self.sync = Sync(
            *(self.connection, self.endpoints, self.deployment, self.finality, self.metrics),
            self._pool,
        )
        return self.sync

    def catch_up(self) -> None:
        """Advance to the head, and read all receipts."""
        while self.sync.advance():
            pass
        self.sync.gas.finish(lambda: True)

    def tables(self) -> Tables:
        """All rows of all tables."""
        return tables_in(self.connection)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.connection.execute(query).fetchall()

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        for line in self.metrics.exposition().decode().splitlines():
            if line.startswith(f"fairline_indexer_{name} "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def difference(self) -> str | None:
        """The first difference from the contracts."""
        window_s = read_receipt_window_s(self.endpoints, self.deployment)
        snapshot = read_snapshot(self.connection, self.deployment, window_s)
        return first_difference(snapshot, self.endpoints, self.deployment)

    def close(self) -> None:
        """Close threads and connection."""
        self._pool.shutdown()
        self.connection.close()


@contextmanager
def mirror_of(database_url: str, house: House, *urls: str, **options: Any) -> Iterator[Mirror]:
    """A mirror of a house; `options` are `final_depth` and `kind` (of endpoints)."""
    made = Mirror(database_url, house, *urls, **options)
    try:
        yield made
    finally:
        made.close()


def catch_up_at_last(mirror: Mirror) -> None:
    """Catch up, after as many attempts as false answers require."""
    for _ in range(20):
        try:
            mirror.catch_up()
            return
        except RetryableError:
            time.sleep(0.05)
    raise AssertionError("the mirror did not catch up")


def clean_tables(postgres: Postgres, house: House) -> Tables:
    """The tables of an indexer that reads the chain as it is now, and never saw another fork.

    A chain that ends in the same block was read before: its tables are kept.
    """
    head = house.node.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    key = (str(house.deployment_file), str(head))
    if key not in _clean:
        _clean[key] = _read_into_a_new_database(postgres, house)
    return dict(_clean[key])


def _read_into_a_new_database(postgres: Postgres, house: House) -> Tables:
    name = f"clean_{next(_NUMBERS)}"
    try:
        with mirror_of(create_database_with_tables(postgres, name), house) as fresh:
            fresh.catch_up()
            return fresh.tables()
    finally:
        postgres.drop_database(name)
