"""Provides a house on each chain after a season, and a mirror of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from scripts.devnet import Postgres
from tests.indexer.chains import ANVIL_ALONE
from tests.indexer.faulty_node import FaultyNode, faulty_node
from tests.indexer.mirror import Mirror, Tables, Untagged, clean_tables, mirror_of
from tests.indexer.processes import Processes
from tests.indexer.season import play_season
from tests.support.ganache_again import mark
from tests.support.house import House
from tests.support.nodes import running_node


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test` leaves to `make test-ganache`."""
    mark(items, Path(__file__).parent, ANVIL_ALONE)


@pytest.fixture(scope="session")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], House]]:
    """The house on a chain of a kind after one season, which is played when it is first asked
    for."""
    with ExitStack() as stack:

        @cache
        def played(kind: str) -> House:
            folder = tmp_path_factory.mktemp(f"indexer_{kind}")
            made = House(stack.enter_context(running_node(kind, folder / "chain")), folder)
            play_season(made)
            return made

        yield played


@pytest.fixture(scope="module", params=["anvil", "ganache"])
def shared_house(request: pytest.FixtureRequest, seasons: Callable[[str], House]) -> House:
    """A house after one season; `house` sets its chain back after each test."""
    return seasons(request.param)


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    """A house after one season."""
    saved = shared_house.save()
    shared_house.resume_clock()
    yield shared_house
    shared_house.revert_to(saved)


@pytest.fixture
def lone_house(tmp_path: Path) -> Iterator[House]:
    """A house on its own Anvil, for reorgs that invalidate snapshots."""
    with running_node("anvil", tmp_path / "chain") as node:
        made = House(node, tmp_path)
        play_season(made)
        yield made


@pytest.fixture
def clean(house: House, postgres: Postgres) -> Callable[[], Tables]:
    """Reads the chain into a new database, and returns its tables."""
    return lambda: clean_tables(postgres, house)


@pytest.fixture
def mirror(house: House, fresh_database: str) -> Iterator[Mirror]:
    """A mirror of the house."""
    with mirror_of(fresh_database, house) as made:
        yield made


@pytest.fixture
def faulty(house: House) -> Iterator[FaultyNode]:
    """A proxy in front of the house's node."""
    with faulty_node(house.node.url) as node:
        yield node


@pytest.fixture
def faulty_mirror(house: House, fresh_database: str, faulty: FaultyNode) -> Iterator[Mirror]:
    """A mirror whose only endpoint is the faulty one."""
    with mirror_of(fresh_database, house, faulty.address) as made:
        yield made


@pytest.fixture
def nodes(house: House) -> Iterator[list[FaultyNode]]:
    """Three proxies in front of the house's node."""
    with ExitStack() as stack:
        yield [stack.enter_context(faulty_node(house.node.url)) for _ in range(3)]


@pytest.fixture
def connect(
    house: House, nodes: list[FaultyNode], fresh_database: str
) -> Iterator[Callable[[int], Mirror]]:
    """Makes a mirror with so many of `nodes` as its endpoints."""
    with ExitStack() as stack:

        def made(count: int) -> Mirror:
            urls = [node.address for node in nodes[:count]]
            options = {"final_depth": 6, "kind": Untagged}
            return stack.enter_context(mirror_of(fresh_database, house, *urls, **options))

        yield made


@pytest.fixture
def processes(house: House, mirror: Mirror) -> Iterator[Processes]:
    """Starts indexer processes, which are killed after the test."""
    made = Processes(mirror, house)
    yield made
    made.end()
