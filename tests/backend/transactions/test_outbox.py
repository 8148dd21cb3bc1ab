"""The outbox stores the calls that were simulated, and leaves out the items that revert.

Branches: everything passes together · one item reverts · too much for one call · an error about
the whole call · a known key · the process dies between the transaction's row and the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, select

from backend.transactions.errors import CallReverted
from backend.transactions.node import Call
from backend.transactions.outbox import Contents, Outbox, split_by_reverts
from backend.transactions.signer import LocalSigner
from backend.transactions.tables import ChainTransaction, TransactionKind
from protocol.limits import TRANSACTION_GAS_MAX
from tests.support.nodes import TestNode, key
from tests.support.watched_node import WatchedNode

TARGET = "0x" + "fa" * 20
SENDER = LocalSigner(key(3)).address
BAD = 0xFF
# Reverts when the first byte of its call data is BAD.
PICKY_CODE = "0x60003560f81c60ff14600d57005b60006000fd"
NO_ERRORS: frozenset[str] = frozenset()


class Builder:
    """Builds calls that differ each time, as a signature or a clock would make them."""

    def __init__(self) -> None:
        self.built: list[Call] = []

    def __call__(self, items: Sequence[int]) -> Call:
        first = BAD if BAD in items else 0
        data = bytes((first, len(self.built), *items))
        self.built.append(Call(TARGET, data, 60_000))
        return self.built[-1]


def no_rows(items: Sequence[int], transaction: uuid.UUID) -> Iterable[SQLModel]:
    return []


CONTENTS: Contents[int] = Contents(
    TransactionKind.PLACE, dedupe_key=lambda items: f"test:{items[0]}", rows=no_rows
)


def stored(engine: Engine) -> list[Call]:
    with Session(engine) as session:
        rows = session.exec(select(ChainTransaction).order_by("nonce")).all()
        return [Call(row.to_address, row.data, row.gas_limit) for row in rows]


@pytest.fixture
def node(anvil: TestNode) -> WatchedNode:
    anvil.rpc("anvil_setCode", TARGET, PICKY_CODE)
    return WatchedNode(anvil.url)


def test_call_that_passes_is_built_once_and_stored_as_simulated(
    engine: Engine, node: WatchedNode
) -> None:
    outbox, builder = Outbox(engine, node, SENDER, TRANSACTION_GAS_MAX), Builder()
    simulation = outbox.simulate([1, 2, 3], builder)
    simulated, reverting = simulation.passing, simulation.reverting
    outbox.write(simulated, CONTENTS, 0)
    assert reverting == []
    assert len(builder.built) == 1
    assert simulated[0].call is node.simulated[0] is builder.built[0]
    assert stored(engine) == node.simulated == builder.built


def test_calls_around_an_item_that_reverts_are_stored_as_simulated(
    engine: Engine, node: WatchedNode
) -> None:
    outbox, builder = Outbox(engine, node, SENDER, TRANSACTION_GAS_MAX), Builder()
    simulation = outbox.simulate([1, 2, BAD, 3], builder)
    simulated, reverting = simulation.passing, simulation.reverting
    outbox.write(simulated, CONTENTS, 0)
    assert [entry.item for entry in reverting] == [BAD]
    assert [group.items for group in simulated] == [(1, 2, 3)]
    assert stored(engine) == [node.simulated[-1]] == [builder.built[-1]]
    assert node.simulated == builder.built


def test_error_about_the_whole_call_is_raised(engine: Engine, node: WatchedNode) -> None:
    outbox, builder = Outbox(engine, node, SENDER, TRANSACTION_GAS_MAX), Builder()
    with pytest.raises(CallReverted):
        outbox.simulate([BAD, 1], builder, frozenset({""}))
    assert len(builder.built) == 1
    assert stored(engine) == []


def test_known_key_keeps_the_call_that_is_stored(engine: Engine, node: WatchedNode) -> None:
    outbox, builder = Outbox(engine, node, SENDER, TRANSACTION_GAS_MAX), Builder()
    for _ in range(2):
        simulated = outbox.simulate([1], builder).passing
        outbox.write(simulated, CONTENTS, 0)
    assert stored(engine) == [builder.built[0]]


def test_transaction_and_its_rows_are_written_together_or_not_at_all(
    engine: Engine, node: WatchedNode
) -> None:
    def broken(items: Sequence[int], transaction: uuid.UUID) -> Iterable[SQLModel]:
        raise RuntimeError("the process dies here")

    outbox = Outbox(engine, node, SENDER, TRANSACTION_GAS_MAX)
    simulated = outbox.simulate([1], Builder()).passing
    with pytest.raises(RuntimeError, match="dies here"):
        outbox.write(simulated, Contents(TransactionKind.PLACE, lambda items: "k", broken), 0)
    assert stored(engine) == []


@given(
    items=st.lists(st.integers(0, 1_000), unique=True, max_size=40),
    bad=st.sets(st.integers(0, 1_000)),
    most=st.integers(1, 40),
)
def test_split_leaves_out_what_reverts_and_keeps_the_rest_in_order(
    items: list[int], bad: set[int], most: int
) -> None:
    def passing_call(chosen: Sequence[int]) -> Call:
        if bad & set(chosen) or len(chosen) > most:
            raise CallReverted("Bad")
        return Call(TARGET, repr(chosen).encode(), len(chosen))

    simulation = split_by_reverts(items, passing_call, NO_ERRORS)
    passing, reverting = simulation.passing, simulation.reverting
    assert [i for group in passing for i in group.items] == [i for i in items if i not in bad]
    assert {entry.item for entry in reverting} == bad & set(items)
    assert all(group.call.gas_limit == len(group.items) <= most for group in passing)
    assert all(group.call == passing_call(list(group.items)) for group in passing)


def test_split_raises_an_error_that_no_item_caused() -> None:
    def passing_call(_: Sequence[int]) -> Call:
        raise CallReverted("PlacingIsPaused")

    with pytest.raises(CallReverted, match="PlacingIsPaused"):
        split_by_reverts([1, 2], passing_call, frozenset({"PlacingIsPaused"}))
