"""A deployed sportsbook on each chain, with or without a season, and a mirror of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.devnet import Postgres
from tests.indexer.faulty import FaultyNode, faulty_node
from tests.indexer.house import House
from tests.indexer.mirror import Mirror, Tables, clean_tables, mirror_of
from tests.support.nodes import running_node
from tests.support.sportsbook import deploy


@pytest.fixture(scope="module", params=["anvil", "ganache"])
def shared_node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, Path]]:
    """A chain on which one season was played; tests set it back after them."""
    folder = tmp_path_factory.mktemp(f"indexer_{request.param}")
    with running_node(request.param, folder / "chain") as node:
        house = House(deploy(node, folder))
        house.play()
        yield house, folder


@pytest.fixture
def season(shared_node: tuple[House, Path]) -> Iterator[tuple[House, Path]]:
    house, folder = shared_node
    snapshot = house.book.node.rpc("evm_snapshot")
    nonces = [bettor.nonce for bettor in house.book.bettors]
    yield house, folder
    house.book.node.rpc("evm_revert", snapshot)
    del house.book.bettors[len(nonces) :]
    for bettor, nonce in zip(house.book.bettors, nonces, strict=True):
        bettor.nonce = nonce


@pytest.fixture
def lone_anvil(tmp_path: Path) -> Iterator[tuple[House, Path]]:
    """An Anvil of the test's own: a reorg takes snapshots with it."""
    with running_node("anvil", tmp_path / "chain") as node:
        house = House(deploy(node, tmp_path))
        house.play()
        yield house, tmp_path


@pytest.fixture
def house(season: tuple[House, Path]) -> House:
    return season[0]


@pytest.fixture
def clean(season: tuple[House, Path], postgres: Postgres) -> Callable[[], Tables]:
    """Reads the chain into a new database, and shows its tables."""
    return lambda: clean_tables(postgres, season[0].book, season[1])


@pytest.fixture
def mirror(season: tuple[House, Path], fresh_database: str) -> Iterator[Mirror]:
    with mirror_of(fresh_database, season[0].book, season[1]) as made:
        yield made


@pytest.fixture
def faulty(house: House) -> Iterator[FaultyNode]:
    with faulty_node(house.book.node.url) as node:
        yield node


@pytest.fixture
def through(
    season: tuple[House, Path], fresh_database: str, faulty: FaultyNode
) -> Iterator[Mirror]:
    """A mirror whose only endpoint is the faulty one."""
    house, folder = season
    with mirror_of(fresh_database, house.book, folder, faulty.address) as made:
        yield made
