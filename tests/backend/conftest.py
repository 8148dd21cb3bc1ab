"""A sportsbook on each chain, deployed once for all tests of the backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.backend.chains import ANVIL_ALONE
from tests.support.ganache_again import mark
from tests.support.house import House
from tests.support.nodes import running_node


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test` leaves to `make test-ganache`."""
    mark(items, Path(__file__).parent, ANVIL_ALONE)


@pytest.fixture(scope="session")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], House]]:
    """The sportsbook on a chain of a kind, which is deployed when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def deployed(kind: str) -> House:
            folder = tmp_path_factory.mktemp(f"backend_{kind}")
            return House(stack.enter_context(running_node(kind, folder / "chain")), folder)

        yield deployed


@pytest.fixture(scope="module", params=["anvil", "ganache"])
def deployed(request: pytest.FixtureRequest, deployments: Callable[[str], House]) -> House:
    """The sportsbook on each chain in turn; `house` sets it back after each test."""
    return deployments(request.param)


@pytest.fixture
def house(deployed: House) -> Iterator[House]:
    """The sportsbook as it was deployed; what a test does to it is undone."""
    saved = deployed.save()
    deployed.resume_clock()
    yield deployed
    deployed.revert_to(saved)
