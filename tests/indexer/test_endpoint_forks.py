"""Several endpoints report a fork of blocks that only one of them had reported.

Branches: a fork that cannot be written · a fork above false blocks, which are compared at once, or
late · a fork that the endpoint asked next does not follow · a fork that replaces blocks that were
never written.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from indexer.errors import Contradiction, Disagreement, NodeUnavailable, Unlinked
from indexer.sync import finalizer, mirror_writer
from tests.indexer.faulty_node import FaultyNode
from tests.indexer.lies import behind, honest, omit_logs
from tests.indexer.mirror import Mirror, Tables, catch_up_at_last
from tests.support.house import House
from tests.support.terms import UNIT

pytestmark = pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)


def test_blocks_stay_pending_until_they_are_replaced(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    node = house.node
    snapshot = node.rpc("evm_snapshot")
    nodes[1].fault = behind(house, node.web3.eth.block_number)
    for _ in range(3):
        node.mine()
        mirror.catch_up()
    pending = mirror.sync._cross_checker.pending_above(-1)
    assert len(pending) == mirror.metric("uncorroborated_ranges") == 3
    nodes[1].fault = honest
    node.fork(snapshot)
    node.rpc("evm_increaseTime", 100)
    node.mine(4)
    # Both report the fork, and it cannot be written.
    with monkeypatch.context() as patch:
        patch.setattr(mirror_writer, "write_range", fail)
        with pytest.raises(NodeUnavailable):
            mirror.sync.advance()
    assert mirror.sync._cross_checker.pending_above(-1) == pending
    mirror.catch_up()
    assert mirror.sync._cross_checker.pending_above(-1) == []


def fork_above_a_false_block(mirror: Mirror, nodes: list[FaultyNode], house: House) -> int:
    """Only one endpoint reports some blocks, the first of them without its deposit. Then both
    report a fork that has the first of them, not the last, and whose next block spends the deposit;
    returns the last block that is on both."""
    mirror.catch_up()
    nodes[0].fault = omit_logs
    nodes[1].fault = behind(house, house.node.web3.eth.block_number)
    bettor = house.open_account(5 * UNIT)
    fork, shared = house.save(), house.node.web3.eth.block_number
    house.node.mine(4)
    mirror.catch_up()
    assert len(mirror.sync._cross_checker.pending_above(-1)) == 1
    house.revert_to(fork)
    house.node.rpc("evm_increaseTime", 100)
    house.withdraw(bettor, 5 * UNIT)
    nodes[0].fault = nodes[1].fault = honest
    return shared


def test_false_blocks_below_a_fork_are_rolled_back(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    clean: Callable[[], Tables],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The block that cannot be written has the written ones compared, and they are compared at
    once: however busy the machine is, the indexer waits for that."""
    monkeypatch.setattr(finalizer, "_PATIENCE_S", 60.0)
    mirror = connect(2)
    shared = fork_above_a_false_block(mirror, nodes, house)
    with pytest.raises(Disagreement, match="the contents of block") as denied:
        mirror.catch_up()
    assert isinstance(denied.value.__context__, Contradiction)
    assert mirror.sync.head is not None
    assert mirror.sync.head.number < shared
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()


def test_fork_that_contradicts_false_blocks_waits_until_they_are_compared(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    clean: Callable[[], Tables],
) -> None:
    """The second endpoint is slow with the blocks that are in doubt, and the indexer goes on
    without its answer: it reports the contradiction, and the false blocks stay for now."""
    mirror = connect(2)
    shared = fork_above_a_false_block(mirror, nodes, house)
    answering = Event()

    def slow_below(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getBlockByNumber" and request["params"][0] == hex(shared):
            assert answering.wait(60)
        return answer

    nodes[1].fault = slow_below
    head = mirror.sync.head
    try:
        with pytest.raises(Contradiction, match="would be negative"):
            mirror.catch_up()
        assert mirror.sync.head == head
    finally:
        answering.set()
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()


def test_tip_of_another_fork_than_that_of_the_endpoint_asked_next_is_not_followed(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    clean: Callable[[], Tables],
) -> None:
    mirror = connect(3)
    mirror.catch_up()
    before = mirror.tables()
    top = house.node.web3.eth.block_number - 3
    number = hex(top)
    other = house.node.rpc("eth_getBlockByNumber", number, False) | {"hash": "0x" + "77" * 32}
    shorter = behind(house, top)

    def forked(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        by_number = request["method"] == "eth_getBlockByNumber"
        of_fork = by_number and request["params"][0] in ("latest", number)
        return answer | {"result": other} if of_fork else shorter(request, answer)

    # Two report a fork that ends below the head, and the first one has our blocks.
    nodes[1].fault = nodes[2].fault = forked
    mirror.sync._cautious_until = float("inf")
    with pytest.raises(Unlinked, match="not the block that was the newest"):
        mirror.sync.advance()
    assert mirror.tables() == before
    nodes[1].fault = nodes[2].fault = honest
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()


@pytest.mark.parametrize("blocks", [1, 4])
def test_unwritten_fork_is_not_pending(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    blocks: int,
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    node = house.node
    top = node.web3.eth.block_number
    nodes[1].fault = behind(house, top)
    fork = node.rpc("evm_snapshot")
    node.rpc("evm_increaseTime", 100)
    node.mine(blocks)
    # Only one reports these, and they cannot be written; then the chain forks.
    with monkeypatch.context() as patch:
        patch.setattr(mirror_writer, "write_range", fail)
        with pytest.raises(NodeUnavailable):
            mirror.sync.advance()
    assert mirror.sync._cross_checker.pending_above(-1) == []
    node.fork(fork)
    mirror.sync._cautious_until = 0
    for _ in range(8):
        node.mine()
        mirror.catch_up()
    assert len(mirror.sync._cross_checker.pending_above(-1)) == 8
    nodes[1].fault = honest
    mirror.catch_up()
    assert mirror.sync._cross_checker.pending_above(-1) == []
    [(final,)] = mirror.rows("SELECT final_block FROM mirror.deployment")
    assert final == top + 8 - 6


def fail(*_: Any, **__: Any) -> None:
    raise NodeUnavailable("gone")
