"""Answers of endpoints are compared with each other, and nothing false becomes final.

Branches: logs omitted, invented, changed, headers changed, with blooms that match · in a backfill
(two endpoints: nothing is written; three: outvoted) · at the head (rolled back, then not written or
outvoted), also when the process that wrote it died · a fork that leaves written blocks in their
middle · a second endpoint that is behind, has some of the blocks, is unavailable, recovered or
hangs · a newest block that no other endpoint has · a single endpoint. More of forks is in
test_endpoint_forks.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from indexer.chain.endpoints import _COMPARE_S
from indexer.errors import Disagreement, RetryableError
from indexer.sync import finalizer
from tests.indexer.faulty_node import Broken, Fault, FaultyNode
from tests.indexer.lies import LIES, behind, honest, invent_log, omit_logs, other_times
from tests.indexer.mirror import Mirror, Tables, catch_up_at_last
from tests.support.house import House
from tests.support.terms import UNIT

pytestmark = pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)

each_lie = pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)


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


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons are waited for until they are done, however busy the machine is."""
    monkeypatch.setattr(finalizer, "_PATIENCE_S", 60.0)


@pytest.mark.usefixtures("patient")
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


@pytest.mark.usefixtures("patient")
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
