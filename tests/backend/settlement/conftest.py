"""The sportsbook of the batching tests, with the services that publish and settle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from backend.batching.service import Batcher
from backend.settlement.publishing import Publisher
from backend.settlement.settling import Settler
from backend.transactions.node import Node
from tests.backend.batching.conftest import (
    OPERATOR_SIGNER,
    batcher,
    delivery,
    engine,
    land,
)
from tests.backend.settlement.match_day import MatchDay
from tests.support.accepted_slips import deployment_of
from tests.support.house import RESULT_SIGNERS, House
from tests.support.nodes import CHAIN_ID
from tests.support.terms import VOID_AFTER_S

__all__ = ["VOID_AFTER_S", "batcher", "delivery", "engine", "land"]

MakeSettler = Callable[..., Settler]


@pytest.fixture
def publisher(engine: Engine, house: House) -> Publisher:
    node = Node(house.node.url, CHAIN_ID)
    return Publisher(engine, node, deployment_of(house), OPERATOR_SIGNER.address, RESULT_SIGNERS)


@pytest.fixture
def make_settler(engine: Engine, house: House) -> MakeSettler:
    def make(**options: int) -> Settler:
        node = Node(house.node.url, CHAIN_ID)
        sender = OPERATOR_SIGNER.address
        return Settler(engine, node, deployment_of(house), sender, VOID_AFTER_S, **options)

    return make


@pytest.fixture
def settler(make_settler: MakeSettler) -> Settler:
    return make_settler()


@pytest.fixture
def day(engine: Engine, house: House, batcher: Batcher, land: Callable[[], None]) -> MatchDay:
    return MatchDay(engine, house, batcher, land)
