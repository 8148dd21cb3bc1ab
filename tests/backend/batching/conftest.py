"""A deployed sportsbook, and a database with the tables of mirror and backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, create_engine

from backend.batching.policy import BatchPolicy
from backend.batching.service import Batcher, PlacingWindows
from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from backend.transactions.signer import LocalSigner
from tests.support.accepted_slips import deployment_of
from tests.support.house import OPERATOR, House
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.terms import BATCH_WINDOW_S, RECEIPT_WINDOW_S

OPERATOR_SIGNER = LocalSigner(OPERATOR)
WINDOWS = PlacingWindows(BATCH_WINDOW_S, RECEIPT_WINDOW_S)


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    made = create_engine(fresh_database)
    yield made
    made.dispose()


@pytest.fixture
def batcher(engine: Engine, house: House) -> Batcher:
    return make_batcher(engine, house)


@pytest.fixture
def delivery(engine: Engine, house: House) -> Delivery:
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    return Delivery(engine, Node(house.node.url, CHAIN_ID), OPERATOR_SIGNER, policy)


@pytest.fixture
def land(engine: Engine, house: House, delivery: Delivery) -> Callable[[], None]:
    """Deliver and mine every prepared transaction, and bring the mirror to the chain's head."""

    def bring() -> None:
        for _ in range(3):
            delivery.pump()
            house.node.mine()
        follow(engine, house)

    return bring


def make_batcher(engine: Engine, house: House, max_slips: int = 100, max_age_s: int = 0) -> Batcher:
    return Batcher(
        engine,
        Node(house.node.url, CHAIN_ID),
        deployment_of(house),
        OPERATOR_SIGNER.address,
        BatchPolicy(max_slips, max_age_s),
        WINDOWS,
    )
