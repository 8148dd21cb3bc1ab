"""One house for the whole session; what a test does to it is undone after the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from brownie import chain, web3

from protocol.market_id import MarketId
from scripts.brownie_retry import retry_lookups
from tests.contracts.branches import Branches
from tests.contracts.world import Bettor, World


@pytest.fixture(scope="session")
def world_of_session() -> Iterator[World]:
    retry_lookups(web3)
    report = os.environ.get("BRANCHES_FILE")
    branches = Branches(Path(__file__).parents[2] / "build" / "contracts") if report else None
    if branches:
        branches.watch(web3)
    world = World()
    chain.snapshot()
    yield world
    if branches and report:
        branches.write(Path(report))


@pytest.fixture(autouse=True)
def world(world_of_session: World) -> Iterator[World]:
    # Brownie's own isolation would reset the chain, and so build the house, for each module.
    yield world_of_session
    chain.revert()


@pytest.fixture
def now(world: World) -> int:
    """The time at which the test begins."""
    return world.now()


@pytest.fixture
def alice(world: World) -> Bettor:
    return world.open_account(10)


@pytest.fixture
def bob(world: World) -> Bettor:
    return world.open_account(11)


@pytest.fixture
def match(world: World, now: int) -> MarketId:
    """The match result of a fixture that starts in an hour."""
    return world.market(starts_at_s=now + 3_600)
