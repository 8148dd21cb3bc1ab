"""Batches, result sheets and settlements are sent exactly as they were simulated, and built once.

Each service runs on the real contracts; the node remembers what was simulated on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.batching import service as batching
from backend.batching.policy import BatchPolicy
from backend.batching.service import Batcher
from backend.feed.facts import MATCH_LENGTH_S
from backend.settlement import publishing, settling
from backend.settlement.publishing import Publisher
from backend.settlement.settling import Settler
from backend.transactions.node import Call
from backend.transactions.tables import ChainTransaction, TransactionKind
from tests.backend.batching.conftest import OPERATOR_SIGNER, WINDOWS
from tests.backend.settlement.conftest import VOID_AFTER_S
from tests.backend.settlement.match_day import MatchDay
from tests.support.accepted_slips import deployment_of
from tests.support.house import RESULT_SIGNERS
from tests.support.terms import DISPUTE_WINDOW_S
from tests.support.watched_node import WatchedNode


class Counted:
    """Counts the calls of a module's function."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.times = 0
        self._counted: Callable[..., Any] = getattr(module, name)
        monkeypatch.setattr(module, name, self)

    def __call__(self, *arguments: Any) -> Any:
        self.times += 1
        return self._counted(*arguments)


@pytest.fixture
def node(day: MatchDay) -> WatchedNode:
    return WatchedNode(day.house.node.url)


def stored(day: MatchDay, kind: TransactionKind) -> list[Call]:
    statement = select(ChainTransaction).where(ChainTransaction.kind == kind).order_by("nonce")
    with Session(day.engine) as session:
        return [
            Call(r.to_address, r.data, r.gas_limit, r.valid_from_s, r.valid_until_s)
            for r in session.exec(statement).all()
        ]


def sent(day: MatchDay) -> list[bytes]:
    return day.house.node.inputs_from(OPERATOR_SIGNER.address)


def test_batches_are_sent_as_simulated_and_encoded_once(
    day: MatchDay, node: WatchedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    game, alice = day.game(None), day.bettor()
    for _ in range(3):
        day.bet(alice, (game, 0))
    encoded = Counted(monkeypatch, batching, "encode_batch")
    batcher = Batcher(
        *(day.engine, node, deployment_of(day.house), OPERATOR_SIGNER.address),
        BatchPolicy(max_slips=2, max_age_s=0),
        WINDOWS,
    )
    assert batcher.flush(day.house.now_s()).batches == 2
    assert encoded.times == 2
    assert stored(day, TransactionKind.PLACE) == node.simulated
    day.land()
    assert sent(day) == [call.data for call in node.simulated]


def test_result_sheet_is_sent_as_simulated_and_signed_once(
    day: MatchDay, node: WatchedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        day.game((0, 0, 1, 0))
    day.travel_to(day.start_s + MATCH_LENGTH_S)
    signed = Counted(monkeypatch, publishing, "sign_sheet")
    publisher = Publisher(
        day.engine, node, deployment_of(day.house), OPERATOR_SIGNER.address, RESULT_SIGNERS
    )
    assert publisher.publish(day.facts, day.house.now_s()) == 3
    assert signed.times == 1
    assert stored(day, TransactionKind.PUBLISH) == node.simulated
    day.land()
    assert sent(day) == [call.data for call in node.simulated]


def test_settlement_is_sent_as_simulated_and_encoded_once(
    day: MatchDay, node: WatchedNode, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    game, alice = day.game((0, 0, 1, 0)), day.bettor()
    for _ in range(3):
        day.bet(alice, (game, 0))
        day.place()
    day.publish_all(publisher)
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    shared = Counted(monkeypatch, settling, "share_markets")
    settler = Settler(
        day.engine, node, deployment_of(day.house), OPERATOR_SIGNER.address, VOID_AFTER_S
    )
    assert settler.settle(day.house.now_s()) == 3
    assert shared.times == 1
    assert stored(day, TransactionKind.SETTLE) == node.simulated
    day.land()
    assert sent(day)[-1:] == [call.data for call in node.simulated]
