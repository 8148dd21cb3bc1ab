"""Offers one house for the whole session; what a test does to it is undone after the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brownie import MockWallet, accounts, chain, rpc, web3

from protocol.market_id import MarketId
from protocol.placed_event import PlacedBatch
from scripts.brownie_retry import retry_lookups
from tests.contracts.branches import Branches
from tests.contracts.chains import ANVIL_ALONE, MARK
from tests.contracts.events import Placed
from tests.contracts.node_output import NodeOutput
from tests.contracts.quick_brownie import NodeSilent, forget_garbage, quicken, tick_by_blocks
from tests.contracts.world import World
from tests.support.people import Bettor, key, key_address
from tests.support.slips import Pick, make_market
from tests.support.terms import UNIT

DECIMALS = (0, 2, 6, 8, 18)
NODE = pytest.StashKey[NodeOutput]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that `make test` runs on Anvil alone."""
    alone = {f"test_{name}.py" for names in ANVIL_ALONE.values() for name in names}
    for item in items:
        if item.path.name in alone:
            item.add_marker(MARK)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Shows the last lines of the node with a test that took too long, and ends the run when the
    node stands still."""
    report = yield
    if call.excinfo is None:
        return report
    silent = call.excinfo.errisinstance(NodeSilent)
    if silent or "from pytest-timeout" in str(call.excinfo.value):
        output = item.config.stash.get(NODE, None)
        shown = output.last_lines() if output else "the node was not started by this run"
        report.longrepr.addsection("the node's last lines", shown)
    if silent:
        item.session.shouldfail = f"the node stood still in {item.nodeid}"
    return report


@pytest.fixture(scope="session")
def world_of_session(request: pytest.FixtureRequest) -> Iterator[World]:
    if rpc.process is not None:
        request.config.stash[NODE] = NodeOutput(rpc.process)
    retry_lookups(web3)
    quicken()
    tick_by_blocks()
    report = os.environ.get("BRANCHES_FILE")
    branches = Branches(Path(__file__).parents[2] / "build" / "contracts") if report else None
    if branches:
        branches.watch(web3)
    world = World()
    chain.snapshot()
    forget_garbage()
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
    return make_market(starts_at_s=now + 3_600)


@pytest.fixture
def seven(world: World, alice: Bettor, match: MarketId, now: int) -> Placed:
    """A batch of seven bets: alice's on home, draw, away in turn at 2, 3, 4."""
    slips = [
        world.sign(
            alice,
            Pick(match, i % 3, 20_000 + 10_000 * (i % 3)),
            stake_micro=10 + i,
            accepted_at_s=now,
            nonce=1 + i,
        )
        for i in range(7)
    ]
    return world.place(*slips)


@pytest.fixture
def home(match: MarketId) -> Pick:
    """A home win at odds of 3."""
    return Pick(match, 0, 30_000)


@pytest.fixture
def one(world: World, alice: Bettor, home: Pick, now: int) -> tuple[int, PlacedBatch]:
    """Alice's bet of ten units on `home`, alone in its batch, and old enough to be cashed out."""
    placed = world.place(world.sign(alice, home, stake_micro=10 * UNIT, accepted_at_s=now))
    world.ripen()
    return placed.number, placed.batch


@pytest.fixture
def wallet(world: World) -> Any:
    """A contract that signs what the key 10 signs."""
    return MockWallet.deploy(key_address(key(10)), {"from": world.owner})


@pytest.fixture
def wanda(world: World, wallet: Any) -> Bettor:
    """A bettor whose account is owned by `wallet`."""
    return world.open_for(wallet.address, key(10))


@pytest.fixture
def sender() -> Any:
    """Somebody without an account."""
    return accounts[61]


@pytest.fixture
def hooked() -> World:
    """A house of its own whose token calls back."""
    return World(token_contract="HookToken")


@pytest.fixture(params=DECIMALS)
def house(request: pytest.FixtureRequest) -> World:
    """A house on a token of so many decimals, with permits and EIP-3009."""
    return World(token_contract="ScaledToken", decimals=request.param)
