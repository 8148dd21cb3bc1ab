"""Whatever a node answers and wherever the writer breaks off, the tables are true or unchanged.

Branches: too many results · too large · throttled, for good and for a while · slow, dripping, cut,
silent · malformed, unanswered · another chain · blocks missing · logs left out · logs twice,
removed, shuffled, with times that are 0, absent or wrong · logs of another fork, of strangers ·
fail-over from each · an endpoint that lags, and one that stands still · a failure at each step of
the write.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indexer.chain import endpoints
from indexer.chain.rpc import Endpoint
from indexer.errors import Contradiction, NodeUnavailable, RetryableError
from indexer.mirror import head_state as state
from indexer.mirror import write
from tests.indexer.faulty import Broken, Fault, FaultyNode
from tests.indexer.house import House
from tests.indexer.mirror import Mirror, Tables, mirror_of

pytestmark = pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)


def is_logs(request: dict[str, Any]) -> bool:
    return bool(request["method"] == "eth_getLogs")


def is_range(request: dict[str, Any]) -> bool:
    return request["method"] == "eth_getLogs" and "fromBlock" in request["params"][0]


def span(request: dict[str, Any]) -> int:
    where = request["params"][0]
    return int(where["toBlock"], 16) - int(where["fromBlock"], 16) + 1


def refuse_long_ranges(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if is_range(request) and span(request) > 5:
        error = {"code": -32005, "message": "query returned more than 10000 results"}
        return {"jsonrpc": "2.0", "id": request["id"], "error": error}
    return answer


def too_large(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if is_range(request) and span(request) > 5:
        raise Broken(413, b"too large")
    return answer


def leave_out_logs(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": []} if is_range(request) else answer


def leave_out_every_other_block(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if not is_range(request):
        return answer
    kept = [log for log in answer["result"] if int(log["blockNumber"], 16) % 2]
    return answer | {"result": kept}


def each_log(change: Callable[[dict[str, Any]], dict[str, Any]], name: str) -> Fault:
    def fault(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != "eth_getLogs":
            return answer
        return answer | {"result": [change(log) for log in answer["result"]]}

    fault.__name__ = name
    return fault


def repeat_logs(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": answer["result"] * 2} if is_logs(request) else answer


def shuffle_logs(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": answer["result"][::-1]} if is_logs(request) else answer


def without_time(log: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in log.items() if key != "blockTimestamp"}


@pytest.mark.parametrize(
    "fault",
    [
        *(refuse_long_ranges, too_large, leave_out_logs, leave_out_every_other_block),
        *(repeat_logs, shuffle_logs),
        each_log(lambda log: log | {"removed": True}, "removed"),
        each_log(lambda log: log | {"removed": None}, "removed_null"),
        each_log(lambda log: log | {"blockTimestamp": "0x0"}, "time_0"),
        each_log(lambda log: log | {"blockTimestamp": "0x7fffffff"}, "time_wrong"),
        each_log(without_time, "time_absent"),
    ],
    ids=lambda fault: fault.__name__,
)
def test_fault_that_can_be_seen_through_changes_nothing(
    through: Mirror, faulty: FaultyNode, clean: Callable[[], Tables], fault: Fault
) -> None:
    faulty.fault = fault
    through.catch_up()
    assert through.tables() == clean()


def throttle(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(429, b"later")


def cut(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(200, b'{"jsonrpc": "2.0", "id": 0, "resu', cut=True)


def silent(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(silent=True)


def slow(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(hang_s=2 * TIMEOUT_S)


def drip(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(body=json.dumps(answer).encode(), drip_s=TIMEOUT_S / 10)


def no_json(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(200, b"<html>gateway</html>")


def no_answer(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"]}


def other_chain(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": "0x1"} if request["method"] == "eth_chainId" else answer


def forget_blocks(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    number = request["params"][0] if request["params"] else ""
    forgotten = request["method"] == "eth_getBlockByNumber" and number in ("0x7", "0x14")
    return answer | {"result": None} if forgotten else answer


def logs_of_another_fork(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    answer = copy.deepcopy(answer)
    if request["method"] == "eth_getLogs" and answer["result"]:
        answer["result"][-1]["blockHash"] = "0x" + "77" * 32
    return answer


def logs_of_strangers(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    answer = copy.deepcopy(answer)
    if request["method"] == "eth_getLogs" and answer["result"]:
        answer["result"][-1]["address"] = "0x" + "77" * 20
    return answer


def unlinked_header(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if request["method"] == "eth_getBlockByNumber" and request["params"][0] == "0x14":
        return answer | {"result": answer["result"] | {"hash": "0x" + "55" * 32}}
    return answer


def chain_of_no_number(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": "0xno"} if request["method"] == "eth_chainId" else answer


def throttle_in_words(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    error = {"code": -32005, "message": "You exceeded your compute units per second"}
    return {"jsonrpc": "2.0", "id": request["id"], "error": error}


def no_logs_but_null(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": None} if is_logs(request) else answer


def ids_that_are_none(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"id": [request["id"]]}


def header_without_a_parent(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if request["method"] != "eth_getBlockByNumber":
        return answer
    return answer | {"result": {k: v for k, v in answer["result"].items() if k != "parentHash"}}


def malformed(name: str, **values: Any) -> Fault:
    return each_log(lambda log: log | values, name)


MALFORMED = [
    malformed("data_cut", data="0x00"),
    malformed("data_no_hex", data="0xzz"),
    malformed("data_null", data=None),
    malformed("topics_none", topics=[]),
    malformed("topics_of_nobody", topics=["0x" + "11" * 32]),
    malformed("block_null", blockNumber=None),
    malformed("index_no_hex", logIndex="x"),
    malformed("transaction_null", transactionHash=None),
    malformed("hash_absent", blockHash=None),
    malformed("all_in_one_place", logIndex="0x1"),
    each_log(lambda log: log | {"transactionHash": "0x" + "11" * 9_000}, "transaction_long"),
]
FATAL = [
    *(throttle, throttle_in_words, cut, silent, slow, drip, no_json, no_answer),
    *(other_chain, chain_of_no_number, forget_blocks, ids_that_are_none, no_logs_but_null),
    *(logs_of_another_fork, logs_of_strangers, unlinked_header, header_without_a_parent),
    *MALFORMED,
]
# Short, that the tests of slow answers need not wait for long; and long enough for an answer that
# nothing delays, on a machine that is busy.
TIMEOUT_S = 1.0


class Impatient(Endpoint):
    """An endpoint that is given little time."""

    def __init__(self, url: str, chain_id: int, timeout_s: float) -> None:
        super().__init__(url, chain_id, TIMEOUT_S, 2 * TIMEOUT_S)


def patience_with(fault: Fault) -> type[Endpoint]:
    """Little only where the fault is that the answer takes long."""
    return Impatient if fault in (slow, drip) else Endpoint


@pytest.mark.parametrize("fault", FATAL, ids=lambda fault: fault.__name__)
def test_fault_that_cannot_be_seen_through_writes_nothing_false(
    season: tuple[House, Path],
    fresh_database: str,
    faulty: FaultyNode,
    clean: Callable[[], Tables],
    fault: Fault,
) -> None:
    house, folder = season
    kind = patience_with(fault)
    with mirror_of(fresh_database, house.book, folder, faulty.address, kind=kind) as mirror:
        mirror.sync._length.blocks = 4
        faulty.fault = fault
        for _ in range(3):
            with pytest.raises(RetryableError):
                mirror.sync.advance()
        faulty.fault = lambda request, answer: answer
        for health in mirror.endpoints._health.values():
            health.rests_until = 0
        mirror.catch_up()
        assert mirror.tables() == clean()


@pytest.mark.parametrize("fault", FATAL, ids=lambda fault: fault.__name__)
def test_second_endpoint_takes_the_place_of_a_broken_one(
    season: tuple[House, Path],
    fresh_database: str,
    faulty: FaultyNode,
    clean: Callable[[], Tables],
    fault: Fault,
) -> None:
    house, folder = season
    faulty.fault = fault
    urls = (faulty.address, house.book.node.url)
    kind = patience_with(fault)
    with mirror_of(fresh_database, house.book, folder, *urls, kind=kind) as mirror:
        mirror.sync._length.blocks = 30
        mirror.catch_up()
        assert mirror.tables() == clean()
        failed = mirror.metrics.exposition().decode()
        assert f'endpoint_errors_total{{endpoint="{faulty.address[7:]}"}}' in failed


def test_endpoint_that_lags_gives_up_its_place(
    season: tuple[House, Path], fresh_database: str, faulty: FaultyNode
) -> None:
    house, folder = season
    urls = (faulty.address, house.book.node.url)
    stale = house.book.node.rpc("eth_getBlockByNumber", "latest", False)
    with mirror_of(fresh_database, house.book, folder, *urls) as mirror:
        mirror.catch_up()
        house.book.node.mine(5)
        mirror.catch_up()

        def lag(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            return answer | {"result": stale} if "latest" in request["params"] else answer

        faulty.fault = lag
        house.book.node.mine(2)
        mirror.catch_up()
        assert mirror.sync.head is not None
        assert mirror.sync.head.number == house.book.node.web3.eth.block_number
        assert faulty.address.endswith(mirror.endpoints.rested()[-1].name)


def test_endpoint_that_stands_still_gives_up_its_place(
    season: tuple[House, Path], fresh_database: str, faulty: FaultyNode
) -> None:
    house, folder = season
    urls = (faulty.address, house.book.node.url)
    with mirror_of(fresh_database, house.book, folder, *urls) as mirror:
        mirror.catch_up()
        head = house.book.node.rpc("eth_getBlockByNumber", "latest", False)
        faulty.fault = lambda request, answer: (
            answer | {"result": head} if "latest" in request["params"] else answer
        )
        house.book.node.mine(2)
        now = [time.monotonic()]
        mirror.endpoints._clock = lambda: now[0]
        mirror.catch_up()
        now[0] += endpoints._COMPARE_S
        mirror.catch_up()
        assert mirror.sync.head is not None
        assert mirror.sync.head.number == house.book.node.web3.eth.block_number


def test_time_that_no_column_holds_is_not_written(
    through: Mirror, faulty: FaultyNode, clean: Callable[[], Tables]
) -> None:
    def late(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != "eth_getBlockByNumber":
            return answer
        return answer | {"result": answer["result"] | {"timestamp": hex(2**70)}}

    faulty.fault = late
    with pytest.raises(Contradiction):
        through.sync.advance()
    faulty.fault = lambda request, answer: answer
    through.catch_up()
    assert through.tables() == clean()


def test_range_gets_shorter_until_the_node_answers_in_time(
    season: tuple[House, Path], fresh_database: str, faulty: FaultyNode, clean: Callable[[], Tables]
) -> None:
    house, folder = season

    def slow_when_long(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if is_range(request) and span(request) > 12:
            raise Broken(hang_s=2 * TIMEOUT_S)
        return answer

    faulty.fault = slow_when_long
    with mirror_of(fresh_database, house.book, folder, faulty.address, kind=Impatient) as mirror:
        for _ in range(8):
            try:
                mirror.catch_up()
                break
            except RetryableError:
                continue
        assert mirror.tables() == clean()
        # It was slow for a while: once it is not, ranges grow again as they did before.
        assert mirror.sync._length._most == 2_000


@pytest.mark.parametrize("how", ["status", "words"])
def test_throttle_that_passes_is_waited_out(
    through: Mirror, faulty: FaultyNode, clean: Callable[[], Tables], how: str
) -> None:
    through.endpoints._patience_s = 5.0
    open_from = time.monotonic() + 1.0

    def for_a_while(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if time.monotonic() > open_from:
            return answer
        if how == "words":
            return throttle_in_words(request, answer)
        raise Broken(429, b"later", headers={"Retry-After": "1"})

    faulty.fault = for_a_while
    through.catch_up()
    assert time.monotonic() > open_from
    # It asked now and then, as it was told to, and did not knock all the time.
    assert faulty.asked.count("eth_chainId") < 12
    assert through.tables() == clean()


def test_every_endpoint_gone_is_named(through: Mirror, faulty: FaultyNode) -> None:
    faulty.fault = no_json
    with pytest.raises(NodeUnavailable, match=r"127\.0\.0\.1:\d+ answers something that is no"):
        through.sync.advance()


@pytest.mark.parametrize(
    "step",
    [
        *((write, name) for name in ("_copy", "undo_above", "_notify")),
        *((state, name) for name in ("move_balances", "count_settled", "move_book")),
        *((state, name) for name in ("renew_results", "renew_exits", "renew_paused")),
    ],
    ids=lambda step: step[1],
)
def test_write_that_breaks_off_at_any_step_changes_nothing(
    house: House,
    mirror: Mirror,
    step: tuple[Any, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = house.book.node
    snapshot = node.rpc("evm_snapshot")
    house.request_exit(house.book.bettors[0], 5)
    house.settle((2, 0, 2))
    mirror.catch_up()
    before = mirror.tables()
    node.rpc("evm_revert", snapshot)
    house.own("Sportsbook", "pausePlacing", True)
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
