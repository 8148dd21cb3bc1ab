"""What one endpoint says is compared with what another says, and nothing false becomes final.

Branches: logs left out, made up, changed, headers changed, with blooms that fit · found in a
backfill (two endpoints: nothing is written; three: outvoted) · found at the head (taken back, then
waited for or outvoted), also when who wrote it died · a fork that cannot be written · a second
endpoint that is behind, away, back or hangs · a newest block that nobody else has · one endpoint
alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from indexer.chain.endpoints import _COMPARE_S
from indexer.errors import Disagreement, NodeUnavailable, RetryableError
from indexer.sync import sync
from tests.indexer.faulty import Broken, Fault, FaultyNode, faulty_node
from tests.indexer.house import House
from tests.indexer.mirror import Mirror, Tables, Tagless, mirror_of
from tests.support.sportsbook import OWNER
from tests.support.terms import UNIT

pytestmark = pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)

NO_BLOOM = {"logsBloom": "0x" + "00" * 256}


def honest(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer


def hide(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """No log of ours, and blooms that fit."""
    if request["method"] == "eth_getLogs":
        return answer | {"result": []}
    if request["method"].startswith("eth_getBlockBy") and answer["result"]:
        return answer | {"result": answer["result"] | NO_BLOOM}
    return answer


def make_up(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The last log twice, the second time as one of its own."""
    if request["method"] != "eth_getLogs" or not answer["result"]:
        return answer
    again = answer["result"][-1] | {"logIndex": "0x400"}
    return answer | {"result": [*answer["result"], again]}


def other_transaction(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if request["method"] != "eth_getLogs":
        return answer
    logs = [log | {"transactionHash": "0x" + "99" * 32} for log in answer["result"]]
    return answer | {"result": logs}


def other_times(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if not request["method"].startswith("eth_getBlockBy") or not answer["result"]:
        return answer
    return answer | {"result": answer["result"] | {"timestamp": "0x7"}}


LIES = [hide, make_up, other_transaction, other_times]
each_lie = pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)


@pytest.fixture
def nodes(house: House) -> Iterator[list[FaultyNode]]:
    with ExitStack() as stack:
        yield [stack.enter_context(faulty_node(house.book.node.url)) for _ in range(3)]


@pytest.fixture
def connect(
    season: tuple[House, Path], nodes: list[FaultyNode], fresh_database: str
) -> Iterator[Callable[[int], Mirror]]:
    """A mirror with so many endpoints, the first of which may lie."""
    house, folder = season
    with ExitStack() as stack:

        def made(count: int) -> Mirror:
            urls = [node.address for node in nodes[:count]]
            options = {"final_depth": 6, "kind": Tagless}
            return stack.enter_context(
                mirror_of(fresh_database, house.book, folder, *urls, **options)
            )

        yield made


def figure(mirror: Mirror, name: str) -> float:
    for line in mirror.metrics.exposition().decode().splitlines():
        if line.startswith(f"fairline_indexer_{name} "):
            return float(line.split()[1])
    raise AssertionError(name)


def settle(mirror: Mirror) -> None:
    """Catch up, however often endpoints that lie have to be found out first."""
    for _ in range(20):
        try:
            mirror.catch_up()
            return
        except RetryableError:
            time.sleep(0.05)
    raise AssertionError("it did not settle")


@each_lie
def test_lie_in_a_backfill_is_not_written_when_it_is_one_word_against_another(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    clean: Callable[[], Tables],
    lie: Fault,
) -> None:
    mirror = connect(2)
    nodes[0].fault = lie
    mirror.sync._length.blocks = 100
    for _ in range(3):
        with pytest.raises(Disagreement, match=r"differently|different chains"):
            mirror.sync.advance()
        for health in mirror.endpoints._health.values():
            health.rests_until = 0
    assert mirror.rows("SELECT head_block FROM mirror.deployment") == [(None,)]
    nodes[0].fault = honest
    settle(mirror)
    assert mirror.tables() == clean()


@each_lie
@pytest.mark.parametrize("liar", [0, 1, 2])
def test_lie_in_a_backfill_is_outvoted_by_two(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    clean: Callable[[], Tables],
    lie: Fault,
    liar: int,
) -> None:
    mirror = connect(3)
    nodes[liar].fault = lie
    settle(mirror)
    assert mirror.tables() == clean()
    assert mirror.difference() is None


@each_lie
def test_lie_at_the_head_is_taken_back_and_nothing_of_it_becomes_final(
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
    house.book.transact(*_one_log(house))
    # Written at once, and taken back when the other one is asked.
    with pytest.raises(Disagreement, match="what is in block"):
        mirror.catch_up()
    assert mirror.tables() == before
    assert figure(mirror, "disagreements_total") == 1
    # From now on two must say the same before anything is written.
    for _ in range(2):
        with pytest.raises(RetryableError):
            mirror.catch_up()
    assert mirror.tables() == before
    nodes[0].fault = honest
    settle(mirror)
    assert mirror.tables() == clean()


@pytest.mark.parametrize("lie", [hide, make_up, other_times], ids=lambda lie: lie.__name__)
def test_lie_that_was_written_by_who_died_then_is_found_at_the_next_start(
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
    house.book.transact(*_one_log(house))
    with monkeypatch.context() as patch:
        patch.setattr(mirror.sync, "_look_after", lambda idle: None)
        assert mirror.sync.advance()
    nodes[0].fault = honest
    assert mirror.tables() != clean()
    mirror.restart()
    settle(mirror)
    assert mirror.tables() == clean()


@each_lie
def test_lie_at_the_head_is_outvoted_by_two(
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
        house.book.transact(*_one_log(house))
        settle(mirror)
    assert mirror.tables() == clean()


def _one_log(house: House) -> tuple[bytes, Any]:
    call = house.book.contracts["Sportsbook"].functions.depositFor(
        house.book.bettors[0].address, UNIT
    )
    return OWNER, call


def behind(house: House, top: int) -> Fault:
    """A node that has nothing above block `top`."""

    def fault(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        number = request["params"][0] if request["params"] else ""
        if number == "latest":
            return answer | {"result": house.book.node.rpc("eth_getBlockByNumber", hex(top), False)}
        late = isinstance(number, str) and number.startswith("0x") and len(number) < 60
        if request["method"] == "eth_getBlockByNumber" and late and int(number, 16) > top:
            return answer | {"result": None}
        return answer

    return fault


def test_block_that_a_second_endpoint_has_not_seen_does_not_become_final(
    connect: Callable[[int], Mirror], nodes: list[FaultyNode], house: House
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    [(final,)] = mirror.rows("SELECT final_block FROM mirror.deployment")
    top = house.book.node.web3.eth.block_number
    assert final == top - 6

    nodes[1].fault = behind(house, top)
    for _ in range(10):
        house.book.node.mine()
        mirror.catch_up()
    marks = "SELECT head_block, final_block FROM mirror.deployment"
    # The head goes on, what is final waits below the first block that only one has told of.
    assert mirror.rows(marks) == [(top + 10, top)]
    assert figure(mirror, "unseconded_ranges") == 10
    nodes[1].fault = honest
    mirror.catch_up()
    assert mirror.rows(marks) == [(top + 10, top + 4)]
    assert figure(mirror, "unseconded_ranges") == 0


def test_blocks_wait_for_a_second_endpoint_until_others_take_their_place(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    node = house.book.node
    snapshot = node.rpc("evm_snapshot")
    nodes[1].fault = behind(house, node.web3.eth.block_number)
    for _ in range(3):
        node.mine()
        mirror.catch_up()
    waiting = mirror.sync._witness.above(-1)
    assert len(waiting) == figure(mirror, "unseconded_ranges") == 3
    nodes[1].fault = honest
    node.rpc("evm_revert", snapshot)
    node.rpc("evm_increaseTime", 100)
    node.mine(4)
    # Both tell of the fork, and it cannot be written.
    with monkeypatch.context() as patch:
        patch.setattr(sync, "write_range", fail)
        with pytest.raises(NodeUnavailable):
            mirror.sync.advance()
    assert mirror.sync._witness.above(-1) == waiting
    mirror.catch_up()
    assert mirror.sync._witness.above(-1) == []


@pytest.mark.parametrize("blocks", [1, 4])
def test_fork_that_was_never_written_waits_for_nobody(
    connect: Callable[[int], Mirror],
    nodes: list[FaultyNode],
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    blocks: int,
) -> None:
    mirror = connect(2)
    mirror.catch_up()
    node = house.book.node
    top = node.web3.eth.block_number
    nodes[1].fault = behind(house, top)
    fork = node.rpc("evm_snapshot")
    node.rpc("evm_increaseTime", 100)
    node.mine(blocks)
    # Only one tells of these, and they cannot be written; then the chain goes another way.
    with monkeypatch.context() as patch:
        patch.setattr(sync, "write_range", fail)
        with pytest.raises(NodeUnavailable):
            mirror.sync.advance()
    assert mirror.sync._witness.above(-1) == []
    node.rpc("evm_revert", fork)
    mirror.sync._wary_until = 0
    for _ in range(8):
        node.mine()
        mirror.catch_up()
    assert len(mirror.sync._witness.above(-1)) == 8
    nodes[1].fault = honest
    mirror.catch_up()
    assert mirror.sync._witness.above(-1) == []
    [(final,)] = mirror.rows("SELECT final_block FROM mirror.deployment")
    assert final == top + 8 - 6


def fail(*_: Any) -> None:
    raise NodeUnavailable("gone")


def test_endpoint_that_hangs_does_not_hold_up_the_head(
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
        house.book.node.mine()
        mirror.catch_up()
    assert time.monotonic() - started < 2
    assert mirror.sync.head is not None
    assert mirror.sync.head.number == house.book.node.web3.eth.block_number


def test_newest_block_that_nobody_else_has_holds_nobody_up(
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
    settle(mirror)
    house.book.node.mine(2)
    settle(mirror)
    assert mirror.tables() == clean()


def test_endpoint_that_is_alone_is_believed(
    connect: Callable[[int], Mirror], nodes: list[FaultyNode], clean: Callable[[], Tables]
) -> None:
    def down(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        raise Broken(502, b"down")

    mirror = connect(2)
    nodes[1].fault = down
    settle(mirror)
    assert mirror.tables() == clean()
