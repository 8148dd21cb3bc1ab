"""Several deployments, on one chain and on two, share a database and nothing else.

Branches: three mirrored side by side each equal the chain · a reorg or a rebuild of one does not
change the others · each has its own leader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.deployment import Deployment
from indexer.mirror.leader import try_lead
from indexer.ops.verify import first_difference, read_snapshot
from indexer.service import Indexer
from indexer.sync.gas import GasReader
from scripts.devnet import Postgres
from tests.indexer.faulty_node import FaultyNode, faulty_node
from tests.indexer.mirror import Mirror, Tables, clean_tables, deployment_of, mirror_of
from tests.indexer.season import play_season
from tests.support.house import House
from tests.support.nodes import CHAIN_ID
from tests.support.terms import RECEIPT_WINDOW_S, UNIT

OTHER_CHAIN = 31337
Houses = list[House]


@pytest.fixture(scope="module")
def houses(
    seasons: Callable[[str], House], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Houses]:
    """Two houses on an Anvil, and one on a Ganache."""
    first, third = seasons("anvil"), seasons("ganache")
    saved = [(house, house.save()) for house in (first, third)]
    second = House(first.node, tmp_path_factory.mktemp("second_house"))
    play_season(second)
    yield [first, second, third]
    for house, state in saved:
        house.revert_to(state)


def another_chain_id(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The same chain with another id, because both test nodes have the same."""
    changed = request["method"] == "eth_chainId"
    return answer | {"result": hex(OTHER_CHAIN)} if changed else answer


@pytest.fixture
def other(houses: Houses) -> Iterator[FaultyNode]:
    with faulty_node(houses[2].node.url) as node:
        node.fault = another_chain_id
        yield node


def indexers(url: str, houses: Houses, other: FaultyNode, mirror: Mirror) -> list[Indexer]:
    found = []
    for number, house in enumerate(houses):
        deployment = deployment_of(house)
        node = house.node.url
        if number == 2:
            deployment, node = replace(deployment, chain_id=OTHER_CHAIN), other.address
        found.append(Indexer(url, [node], deployment, mirror.finality))
    return found


def rows_of(tables: Tables, number: int) -> Tables:
    """The rows of one deployment, without its number and chain id."""
    return {
        name: [row[2:] if name == "deployment" else row[1:] for row in rows if row[0] == number]
        for name, rows in tables.items()
    }


def difference(mirror: Mirror, deployment: Deployment, url: str) -> str | None:
    endpoints = Endpoints([Endpoint(url, deployment.chain_id)])
    with psycopg.connect(mirror.url, autocommit=True) as connection:
        snapshot = read_snapshot(connection, deployment, RECEIPT_WINDOW_S)
        return first_difference(snapshot, endpoints, deployment)


def read_gas(mirror: Mirror, number: int, deployment: Deployment, url: str) -> None:
    """Read the receipts, which a backfill does not."""
    endpoints = Endpoints([Endpoint(url, deployment.chain_id)])
    with psycopg.connect(mirror.url, autocommit=True) as connection:
        GasReader(connection, number, endpoints).finish(lambda: True)


def test_deployments_and_chains_share_a_database_and_nothing_else(
    houses: Houses, other: FaultyNode, fresh_database: str, postgres: Postgres
) -> None:
    house = houses[0]
    node = house.node
    with mirror_of(fresh_database, house) as mirror:
        all_three = indexers(mirror.url, houses, other, mirror)
        urls = (node.url, node.url, other.address)
        for indexer in all_three:
            indexer.backfill()
        first, second, third = all_three

        def check_all() -> None:
            for number, (indexer, url) in enumerate(zip(all_three, urls, strict=True), 1):
                read_gas(mirror, number, indexer._deployment, url)
                assert difference(mirror, indexer._deployment, url) is None
            tables = mirror.tables()
            for number, other_house in enumerate(houses, 1):
                whole = rows_of(clean_tables(postgres, other_house), 1)
                assert rows_of(tables, number) == whole
                assert whole["bet"]
            assert mirror.rows("SELECT chain_id FROM mirror.deployment ORDER BY id") == [
                *((CHAIN_ID,), (CHAIN_ID,), (OTHER_CHAIN,))
            ]

        check_all()
        snapshot = node.rpc("evm_snapshot")
        house.request_exit(house.bettors[1], 7 * UNIT)
        houses[1].settle((2, 0, 1))
        first.backfill()
        node.fork(snapshot)
        houses[1].request_exit(houses[1].bettors[0], 3 * UNIT)
        node.mine(3)
        before = rows_of(mirror.tables(), 3)
        first.backfill()
        second.backfill()
        assert rows_of(mirror.tables(), 3) == before
        check_all()
        mirror.rows("UPDATE mirror.balance SET balance_micro = 1 RETURNING 1")
        second.rebuild()
        tables = mirror.tables()
        assert rows_of(tables, 2) == rows_of(clean_tables(postgres, houses[1]), 1)
        assert {row[2] for row in tables["balance"] if row[0] != 2} == {1}
        for indexer in (first, third):
            indexer.rebuild()
        check_all()


def test_each_deployment_has_its_own_leader(
    houses: Houses, other: FaultyNode, fresh_database: str
) -> None:
    house = houses[0]
    with mirror_of(fresh_database, house) as mirror:
        keys = [i._deployment.lock_key for i in indexers(mirror.url, houses, other, mirror)]
        with ExitStack() as stack:
            for key in keys:
                leader = stack.enter_context(psycopg.connect(mirror.url, autocommit=True))
                assert try_lead(leader, key)
        assert len(set(keys)) == 3
