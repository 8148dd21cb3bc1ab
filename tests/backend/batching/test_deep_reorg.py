"""A reorg removes 35 blocks while bets are placed in each of them.

Branches: slips that still fit a batch · slips that are too old for one. Every slip that was
accepted is placed, once, and no batch comes at a time at which the contract leaves slips out.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from protocol.placed_event import SkipReason
from tests.backend.batching.conftest import OPERATOR_SIGNER, make_batcher
from tests.support.accepted_slips import Game, accept
from tests.support.house import House
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.terms import BATCH_WINDOW_S

DEPTH = 35


@pytest.fixture(params=["anvil"])
def deployed(request: pytest.FixtureRequest, deployments: Callable[[str], House]) -> House:
    """Ganache cannot reorganise its chain."""
    return deployments(request.param)


@pytest.mark.parametrize("late_s", [0, BATCH_WINDOW_S + 10], ids=["in time", "too late"])
def test_slips_are_placed_once_after_a_deep_reorg(
    engine: Engine, house: House, late_s: int
) -> None:
    policy = DeliveryPolicy(confirmations=2, bump_after_s=600, fee_cap_wei=500 * 10**9)
    delivery = Delivery(engine, Node(house.node.url, CHAIN_ID), OPERATOR_SIGNER, policy)
    batcher = make_batcher(engine, house)
    bettors = [house.open_account() for _ in range(5)]
    house.node.mine(40)
    follow(engine, house)
    game = Game("Home v Away, 2030-01-01", house.now_s() + 7_200).open(engine)

    def second() -> None:
        """The worker's tasks, a block, and the indexer."""
        batcher.flush(house.now_s())
        delivery.pump()
        house.node.rpc("evm_setNextBlockTimestamp", house.now_s() + 1)
        house.node.mine()
        follow(engine, house)

    for number in range(DEPTH):
        accept(engine, house, bettors[number % len(bettors)], [(game, 0)])
        second()
    assert _placed(engine) == DEPTH
    before_s = house.now_s()
    house.node.rpc("anvil_reorg", DEPTH, [])
    # The new blocks are earlier than what they replace.
    lost_s = before_s - house.now_s()
    assert lost_s > 0
    follow(engine, house)
    assert _placed(engine) < DEPTH
    if late_s:
        house.travel(late_s)
        follow(engine, house)
    for _ in range(lost_s + 15):
        second()
    assert _placed(engine) == DEPTH
    # No batch came at a time at which the contract leaves slips out; nothing was paid for in vain.
    assert _skips(engine) <= {SkipReason.NONCE_USED}
    kinds = _mined_kinds(engine)
    assert "failed" not in " ".join(kinds), kinds
    assert any(kind.startswith("enforce") for kind in kinds) == bool(late_s), kinds


def _placed(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM mirror.bet")).scalar_one())


def _skips(engine: Engine) -> set[int]:
    with engine.connect() as connection:
        return set(connection.execute(text("SELECT DISTINCT reason FROM mirror.skip")).scalars())


def _mined_kinds(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        kinds = text("SELECT DISTINCT kind || ' ' || status FROM backend.chain_transaction")
        return set(connection.execute(kinds).scalars())
