"""A process killed at any line between an intent and its receipt loses and repeats no transaction.

The lines are counted, so the places between prepare and send, and between send and record, are
among them whatever the code looks like. Each death leaves its transaction behind; the next run
starts on top of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from backend.transactions.signer import LocalSigner
from backend.transactions.tables import ChainTransaction
from tests.support.killer import Killer, running_killer
from tests.support.nodes import CHAIN_ID, TestNode, key

DEATHS = 40


@pytest.fixture
def killer(database_url: str, node: TestNode) -> Iterator[Killer]:
    script = Path(__file__).with_name("killer.py")
    with running_killer(script, database_url, node.url) as started:
        yield started


@pytest.mark.timeout(180)
def test_process_killed_at_any_line_sends_each_transaction_once(
    killer: Killer, engine: Engine, node: TestNode
) -> None:
    lines = killer.count_lines("alive")
    assert lines > DEATHS
    intents = ["alive"]
    for death in range(DEATHS):
        deadly_line = 1 + death * (lines - 1) // DEATHS
        intents.append(f"dead-{deadly_line}")
        killer.die_at(deadly_line, intents[-1])
    _deliver(engine, node)

    wanted = [name.encode() for name in intents]
    with Session(engine) as session:
        written = session.exec(select(ChainTransaction)).all()
    prepared = [row.data for row in written]
    on_chain = node.inputs_from(LocalSigner(key(3)).address)
    assert sorted(on_chain) == sorted(prepared)
    assert set(on_chain) < set(wanted) or set(on_chain) == set(wanted)
    assert len(on_chain) > DEATHS // 2
    assert {row.status for row in written} == {"mined"}


def _deliver(engine: Engine, node: TestNode) -> None:
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    survivor = Delivery(engine, Node(node.url, CHAIN_ID), LocalSigner(key(3)), policy)
    for _ in range(4):
        survivor.pump()
        node.mine()
