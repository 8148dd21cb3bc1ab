"""One house for each module; what a test does to it is undone after the test."""

from __future__ import annotations

import pytest
from brownie import web3

from indexer.market_id import MarketId
from scripts.brownie_patience import be_patient
from tests.contracts.world import Bettor, World


@pytest.fixture(scope="module")
def world_of_module(module_isolation: None) -> World:
    be_patient(web3)
    return World()


@pytest.fixture(autouse=True)
def world(world_of_module: World, fn_isolation: None) -> World:
    return world_of_module


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
