"""Answers of endpoints are compared with each other, and nothing false becomes final.

Branches: logs omitted, invented, changed, headers changed, with blooms that match · in a backfill
(two endpoints: nothing is written; three: outvoted) · at the head (rolled back, then not written or
outvoted), also when the process that wrote it died · a fork that cannot be written, that leaves
written blocks in their middle, or that the endpoint asked next does not follow · a second endpoint
that is behind, has some of the blocks, is unavailable, recovered or hangs · a newest block that no
other endpoint has · a single endpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from indexer.chain.endpoints import _COMPARE_S
from indexer.errors import Contradiction, Disagreement, NodeUnavailable, RetryableError, Unlinked
from indexer.sync import mirror_writer
from tests.indexer.faulty_node import Broken, Fault, FaultyNode, faulty_node
from tests.indexer.lies import LIES, behind, honest, invent_log, omit_logs, other_times
from tests.indexer.mirror import Mirror, Tables, Untagged, mirror_of
from tests.support.house import House
from tests.support.terms import UNIT

pytestmark = pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)

each_lie = pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)


@pytest.fixture
def nodes(house: House) -> Iterator[list[FaultyNode]]:
    with ExitStack() as stack:
        yield [stack.enter_context(faulty_node(house.node.url)) for _ in range(3)]


@pytest.fixture
def connect(
    house: House, nodes: list[FaultyNode], fresh_database: str
) -> Iterator[Callable[[int], Mirror]]:
    """Makes a mirror with so many endpoints."""
    with ExitStack() as stack:

        def made(count: int) -> Mirror:
            urls = [node.address for node in nodes[:count]]
            options = {"final_depth": 6, "kind": Untagged}
            return stack.enter_context(mirror_of(fresh_database, house, *urls, **options))

        yield made


def catch_up_at_last(mirror: Mirror) -> None:
    """Catch up, after as many attempts as false answers require."""
    for _ in range(20):
        try:
            mirror.catch_up()
            return
        except RetryableError:
            time.sleep(0.05)
    raise AssertionError("the mirror did not catch up")


@each_lie
def test_backfill_writes_nothing_while_two_endpoints_disagree(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    clean: Callable[[], Tables],
    lie: Fault,
) -> None:
    mirror = connect(2)
    nodes[0].fault = lie
    mirror.sync._length.blocks = 100
    for _ in range(3):
        with pytest.raises(Disagreement, match=r"different answers|different chains"):
            mirror.sync.advance()
        for health in mirror.endpoints._health.values():
            health.retry_at = 0
    assert mirror.rows("SELECT head_block FROM mirror.deployment") == [(None,)]
    nodes[0].fault = honest
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()


@each_lie
@pytest.mark.parametrize("liar", [0, 1, 2])
def test_backfill_believes_two_endpoints_against_one(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    clean: Callable[[], Tables],
    lie: Fault,
    liar: int,
) -> None:
    mirror = connect(3)
    nodes[liar].fault = lie
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()
    assert mirror.difference() is None


@each_lie
def test_false_block_at_the_head_is_rolled_back_and_not_final(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    clean: Callable[[], Tables],
    lie: Fault,
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    before = mirror.tables()
    nodes[0].fault = lie
    deposit(house)
    # Written at once, and rolled back when the other endpoint is asked.
    with pytest.raises(Disagreement, match="the contents of block"):
        mirror.catch_up()
    assert mirror.tables() == before
    assert mirror.metric("disagreements_total") == 1
    # From now on two must agree before anything is written.
    for _ in range(2):
        with pytest.raises(RetryableError):
            mirror.catch_up()
    assert mirror.tables() == before
    nodes[0].fault = honest
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()


@pytest.mark.parametrize("lie", [omit_logs, invent_log, other_times], ids=lambda lie: lie.__name__)
def test_startup_detects_a_false_block_written_before_a_crash(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    clean: Callable[[], Tables],
    monkeypatch: pytest.MonkeyPatch,
    lie: Fault,
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    nodes[0].fault = lie
    deposit(house)
    with monkeypatch.context() as patch:
        patch.setattr(mirror.sync._finalizer, "step", lambda idle: None)
        assert mirror.sync.advance()
    nodes[0].fault = honest
    assert mirror.tables() != clean()
    mirror.restart()
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()


@each_lie
def test_head_believes_two_endpoints_against_one(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    clean: Callable[[], Tables],
    lie: Fault,
) -> None:
    mirror = connect(3)
    mirror.catch_up()
    nodes[0].fault = lie
    for _ in range(3):
        deposit(house)
        catch_up_at_last(mirror)
    assert mirror.tables() == clean()


def deposit(house: House) -> None:
    """A block with one log."""
    house.send("Sportsbook", "depositFor", house.bettors[0].address, UNIT)


def test_uncorroborated_block_does_not_become_final(
    connect: Callable[[int], Mirror], nodes: list[FaultyNode], house: House
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    [(final,)] = mirror.rows("SELECT final_block FROM mirror.deployment")
    top = house.node.web3.eth.block_number
    assert final == top - 6

    nodes[1].fault = behind(house, top)
    for _ in range(10):
        house.node.mine()
        mirror.catch_up()
    marks = "SELECT head_block, final_block FROM mirror.deployment"
    # The head moves on; the final block stays below the first block that only one has reported.
    assert mirror.rows(marks) == [(top + 10, top)]
    assert mirror.metric("uncorroborated_ranges") == 10
    nodes[1].fault = honest
    mirror.catch_up()
    assert mirror.rows(marks) == [(top + 10, top + 4)]
    assert mirror.metric("uncorroborated_ranges") == 0


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


def test_corroborated_part_of_a_range_becomes_final(
    connect: Callable[[int], Mirror], nodes: list[FaultyNode], house: House
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    top = house.node.web3.eth.block_number
    nodes[1].fault = behind(house, top)
    house.node.mine(20)
    mirror.catch_up()
    marks = "SELECT head_block, final_block FROM mirror.deployment"
    assert mirror.rows(marks) == [(top + 20, top)]
    nodes[1].fault = behind(house, top + 3)
    mirror.catch_up()
    assert mirror.rows(marks) == [(top + 20, top + 3)]
    [pending] = mirror.sync._cross_checker.pending_above(-1)
    assert [h.number for h in pending.blocks.headers] == list(range(top + 4, top + 21))


def test_false_blocks_below_a_fork_are_rolled_back(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    clean: Callable[[], Tables],
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    # Only one reports these blocks, and omits the deposit.
    nodes[0].fault = omit_logs
    nodes[1].fault = behind(house, house.node.web3.eth.block_number)
    bettor = house.open_account(5 * UNIT)
    fork = house.save()
    house.node.mine(4)
    mirror.catch_up()
    assert len(mirror.sync._cross_checker.pending_above(-1)) == 1
    # Both report a fork that has the first of them; its blocks contradict what was written, and
    # neither has the last any more. Either what they say of the first is compared, or a block of
    # the fork spends the deposit that is missing.
    house.revert_to(fork)
    house.node.rpc("evm_increaseTime", 100)
    house.withdraw(bettor, 5 * UNIT)
    nodes[0].fault = nodes[1].fault = honest
    with pytest.raises((Disagreement, Contradiction), match=r"contents of block|would be neg"):
        mirror.catch_up()
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


def test_hanging_endpoint_does_not_delay_the_head(
    connect: Callable[[int], Mirror], nodes: list[FaultyNode], house: House
) -> None:
    def hang(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        raise Broken(hang_s=3, silent=True)

    mirror = connect(2)
    mirror.catch_up()
    nodes[1].fault = hang
    mirror.endpoints._compared_at -= _COMPARE_S
    started = time.monotonic()
    for _ in range(2):
        house.node.mine()
        mirror.catch_up()
    assert time.monotonic() - started < 2
    assert mirror.sync.head is not None
    assert mirror.sync.head.number == house.node.web3.eth.block_number


def test_newest_block_of_one_endpoint_does_not_block_the_others(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    clean: Callable[[], Tables],
) -> None:
    def far_ahead(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if "latest" not in request["params"]:
            return answer
        false = {"number": "0xffffff", "hash": "0x" + "44" * 32, "parentHash": "0x" + "43" * 32}
        return answer | {"result": answer["result"] | false}

    mirror = connect(2)
    nodes[0].fault = far_ahead
    catch_up_at_last(mirror)
    house.node.mine(2)
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()


def test_single_answering_endpoint_is_believed(
    connect: Callable[[int], Mirror], nodes: list[FaultyNode], clean: Callable[[], Tables]
) -> None:
    def down(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        raise Broken(502, b"down")

    mirror = connect(2)
    nodes[1].fault = down
    catch_up_at_last(mirror)
    assert mirror.tables() == clean()
