"""Faults of a node, or of the writer in the middle of a write, leave the tables true or unchanged.

Branches: too many results · too large · throttled, for good and for a while · slow, dripping,
truncated, silent · malformed, unanswered · another chain · blocks missing · logs omitted ·
duplicated, removed, shuffled, with times that are 0, absent or wrong · logs of another fork, of
other contracts · fail-over from each · an endpoint that lags, and one that is stuck · a failure at
each step of the write.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from indexer.chain import endpoints
from indexer.errors import Contradiction, NodeUnavailable, RetryableError
from indexer.mirror import head_state as state
from indexer.mirror import write
from tests.indexer.faults import (
    TIMEOUT_S,
    UNUSABLE,
    Impatient,
    each_log,
    endpoint_kind,
    is_range,
    not_json,
    omit_every_other_block,
    omit_logs,
    refuse_long_ranges,
    repeat_logs,
    shuffle_logs,
    span,
    throttle_by_message,
    too_large,
    without_time,
)
from tests.indexer.faulty_node import Broken, Fault, FaultyNode
from tests.indexer.mirror import Mirror, Tables, mirror_of
from tests.support.house import House

pytestmark = pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)


@pytest.mark.parametrize(
    "fault",
    [
        *(refuse_long_ranges, too_large, omit_logs, omit_every_other_block),
        *(repeat_logs, shuffle_logs),
        each_log(lambda log: log | {"removed": True}, "removed"),
        each_log(lambda log: log | {"removed": None}, "removed_null"),
        each_log(lambda log: log | {"blockTimestamp": "0x0"}, "time_0"),
        each_log(lambda log: log | {"blockTimestamp": "0x7fffffff"}, "time_wrong"),
        each_log(without_time, "time_absent"),
    ],
    ids=lambda fault: fault.__name__,
)
def test_correctable_fault_changes_nothing(
    faulty_mirror: Mirror, faulty: FaultyNode, clean: Callable[[], Tables], fault: Fault
) -> None:
    faulty.fault = fault
    faulty_mirror.catch_up()
    assert faulty_mirror.tables() == clean()


@pytest.mark.parametrize("fault", UNUSABLE, ids=lambda fault: fault.__name__)
def test_unusable_answer_is_not_written(
    house: House,
    fresh_database: str,
    faulty: FaultyNode,
    clean: Callable[[], Tables],
    fault: Fault,
) -> None:
    kind = endpoint_kind(fault)
    with mirror_of(fresh_database, house, faulty.address, kind=kind) as mirror:
        mirror.sync._length.blocks = 4
        faulty.fault = fault
        for _ in range(3):
            with pytest.raises(RetryableError):
                mirror.sync.advance()
        faulty.fault = lambda request, answer: answer
        for health in mirror.endpoints._health.values():
            health.retry_at = 0
        mirror.catch_up()
        assert mirror.tables() == clean()


@pytest.mark.parametrize("fault", UNUSABLE, ids=lambda fault: fault.__name__)
def test_second_endpoint_replaces_a_broken_one(
    house: House,
    fresh_database: str,
    faulty: FaultyNode,
    clean: Callable[[], Tables],
    fault: Fault,
) -> None:
    faulty.fault = fault
    urls = (faulty.address, house.node.url)
    kind = endpoint_kind(fault)
    with mirror_of(fresh_database, house, *urls, kind=kind) as mirror:
        mirror.sync._length.blocks = 30
        mirror.catch_up()
        assert mirror.tables() == clean()
        failed = mirror.metrics.exposition().decode()
        assert f'endpoint_errors_total{{endpoint="{faulty.address[7:]}"}}' in failed


def test_lagging_endpoint_loses_its_preferred_place(
    house: House, fresh_database: str, faulty: FaultyNode
) -> None:
    urls = (faulty.address, house.node.url)
    stale = house.node.rpc("eth_getBlockByNumber", "latest", False)
    with mirror_of(fresh_database, house, *urls) as mirror:
        mirror.catch_up()
        house.node.mine(5)
        mirror.catch_up()

        def lag(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            return answer | {"result": stale} if "latest" in request["params"] else answer

        faulty.fault = lag
        house.node.mine(2)
        mirror.catch_up()
        assert mirror.sync.head is not None
        assert mirror.sync.head.number == house.node.web3.eth.block_number
        assert faulty.address.endswith(mirror.endpoints.available()[-1].name)


def test_stuck_endpoint_loses_its_preferred_place(
    house: House, fresh_database: str, faulty: FaultyNode
) -> None:
    urls = (faulty.address, house.node.url)
    with mirror_of(fresh_database, house, *urls) as mirror:
        mirror.catch_up()
        head = house.node.rpc("eth_getBlockByNumber", "latest", False)
        faulty.fault = lambda request, answer: (
            answer | {"result": head} if "latest" in request["params"] else answer
        )
        house.node.mine(2)
        now = [time.monotonic()]
        mirror.endpoints._clock = lambda: now[0]
        mirror.catch_up()
        now[0] += endpoints._COMPARE_S
        mirror.catch_up()
        assert mirror.sync.head is not None
        assert mirror.sync.head.number == house.node.web3.eth.block_number


def test_timestamp_above_64_bits_is_a_contradiction(
    faulty_mirror: Mirror, faulty: FaultyNode, clean: Callable[[], Tables]
) -> None:
    def late(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != "eth_getBlockByNumber":
            return answer
        return answer | {"result": answer["result"] | {"timestamp": hex(2**70)}}

    faulty.fault = late
    with pytest.raises(Contradiction):
        faulty_mirror.sync.advance()
    faulty.fault = lambda request, answer: answer
    faulty_mirror.catch_up()
    assert faulty_mirror.tables() == clean()


def test_range_shrinks_until_the_node_answers_in_time(
    house: House, fresh_database: str, faulty: FaultyNode, clean: Callable[[], Tables]
) -> None:

    def slow_when_long(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if is_range(request) and span(request) > 12:
            raise Broken(hang_s=2 * TIMEOUT_S)
        return answer

    faulty.fault = slow_when_long
    with mirror_of(fresh_database, house, faulty.address, kind=Impatient) as mirror:
        for _ in range(8):
            try:
                mirror.catch_up()
                break
            except RetryableError:
                continue
        assert mirror.tables() == clean()
        # The limit did not change, since the node was only slow: ranges can grow again.
        assert mirror.sync._length._limit == 2_000


@pytest.mark.parametrize("how", ["status", "message"])
def test_temporary_throttle_is_waited_for(
    faulty_mirror: Mirror, faulty: FaultyNode, clean: Callable[[], Tables], how: str
) -> None:
    faulty_mirror.endpoints._patience_s = 5.0
    open_from = time.monotonic() + 1.0

    def throttle_for_a_second(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if time.monotonic() > open_from:
            return answer
        if how == "message":
            return throttle_by_message(request, answer)
        raise Broken(429, b"later", headers={"Retry-After": "1"})

    faulty.fault = throttle_for_a_second
    faulty_mirror.catch_up()
    assert time.monotonic() > open_from
    # It waited as Retry-After says, instead of asking all the time.
    assert faulty.asked.count("eth_chainId") < 12
    assert faulty_mirror.tables() == clean()


def test_error_names_every_failed_endpoint(faulty_mirror: Mirror, faulty: FaultyNode) -> None:
    faulty.fault = not_json
    with pytest.raises(
        NodeUnavailable, match=r"127\.0\.0\.1:\d+ answered with something that is not JSON"
    ):
        faulty_mirror.sync.advance()


@pytest.mark.parametrize(
    "step",
    [
        *((write, name) for name in ("_copy", "roll_back_above", "_notify")),
        *((state, name) for name in ("move_balances", "subtract_settled", "move_book")),
        *((state, name) for name in ("recompute_results", "recompute_exits", "recompute_paused")),
    ],
    ids=lambda step: step[1],
)
def test_interrupted_write_changes_nothing(
    house: House,
    mirror: Mirror,
    step: tuple[Any, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = house.node
    snapshot = node.rpc("evm_snapshot")
    house.request_exit(house.bettors[0], 5)
    house.settle((2, 0, 2))
    mirror.catch_up()
    before = mirror.tables()
    node.fork(snapshot)
    house.send("Sportsbook", "pausePlacing", True)
    house.settle((2, 0, 2))
    module, name = step
    genuine: Callable[..., Any] = getattr(module, name)

    class Died(Exception):
        pass

    def die(*arguments: Any) -> None:
        genuine(*arguments)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(module, name, die)
        with pytest.raises(Died):
            mirror.sync.advance()
    assert mirror.tables() == before
    mirror.catch_up()
    assert mirror.difference() is None
    assert mirror.tables() != before
