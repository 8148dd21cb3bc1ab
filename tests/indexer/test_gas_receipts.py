"""Receipts are read from several endpoints, and only valid ones count.

Branches: invalid receipts, each kind · a request that is refused whole, or for one receipt ·
endpoints that disagree, two and three · endpoints asked until two agree, without a price, failing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from indexer.chain.endpoints import Endpoints
from indexer.chain.receipts import WantedReceipt, read_gas
from indexer.chain.rpc import Endpoint
from indexer.sync.gas import GasReader
from tests.indexer.faulty_node import Broken, FaultyNode
from tests.indexer.mirror import Mirror, Tables, mirror_of
from tests.indexer.receipts import RECEIPT, ReceiptEndpoint, forget_gas, unread
from tests.support.house import House
from tests.support.nodes import CHAIN_ID

pytestmark = pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)


def no_receipt(answer: dict[str, Any]) -> Any:
    return None


def of_another_block(answer: dict[str, Any]) -> Any:
    return answer | {"blockHash": "0x" + "11" * 32}


def of_another_transaction(answer: dict[str, Any]) -> Any:
    return answer | {"transactionHash": "0x" + "22" * 32}


def without_gas(answer: dict[str, Any]) -> Any:
    return {key: value for key, value in answer.items() if key != "gasUsed"}


def zero_gas(answer: dict[str, Any]) -> Any:
    return answer | {"gasUsed": "0x0"}


def gas_above_any_block(answer: dict[str, Any]) -> Any:
    return answer | {"gasUsed": hex(2**40 + 1)}


def price_above_64_bits(answer: dict[str, Any]) -> Any:
    return answer | {"effectiveGasPrice": hex(2**63)}


def gas_not_a_number(answer: dict[str, Any]) -> Any:
    return answer | {"gasUsed": "much"}


def hash_not_a_string(answer: dict[str, Any]) -> Any:
    return answer | {"blockHash": 7}


def not_an_object(answer: dict[str, Any]) -> Any:
    return "receipt"


INVALID = (
    *(no_receipt, of_another_block, of_another_transaction, without_gas, zero_gas),
    *(gas_above_any_block, price_above_64_bits, gas_not_a_number, hash_not_a_string, not_an_object),
)


@pytest.mark.parametrize("change", INVALID, ids=lambda change: change.__name__)
def test_invalid_receipt_is_ignored(
    faulty_mirror: Mirror,
    faulty: FaultyNode,
    clean: Callable[[], Tables],
    change: Callable[[dict[str, Any]], Any],
) -> None:
    def fault(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != RECEIPT:
            return answer
        return answer | {"result": change(answer["result"])}

    faulty.fault = fault
    faulty_mirror.catch_up()
    assert faulty_mirror.rows("SELECT count(*) FROM mirror.transaction") == [
        (unread(faulty_mirror),)
    ]
    faulty.fault = lambda request, answer: answer
    faulty_mirror.catch_up()
    assert faulty_mirror.tables() == clean()


def test_refused_request_is_halved(
    faulty_mirror: Mirror, faulty: FaultyNode, clean: Callable[[], Tables], monkeypatch: Any
) -> None:
    genuine = faulty.answer

    def small(body: bytes) -> bytes:
        if body.count(RECEIPT.encode()) > 3:
            raise Broken(413, b"too large")
        return genuine(body)

    monkeypatch.setattr(faulty, "answer", small)
    faulty_mirror.catch_up()
    assert faulty_mirror.tables() == clean()


def test_refused_receipt_does_not_delay_others(faulty_mirror: Mirror, faulty: FaultyNode) -> None:
    faulty_mirror.catch_up()
    (failing,) = faulty_mirror.rows(
        "SELECT tx_hash FROM mirror.transaction ORDER BY block LIMIT 1"
    )[0]

    def refuse_one(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT and request["params"] == ["0x" + failing.hex()]:
            return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000}}
        return answer

    forget_gas(faulty_mirror)
    faulty.fault = refuse_one
    faulty_mirror.catch_up()
    assert faulty_mirror.rows("SELECT tx_hash FROM mirror.transaction WHERE gas_used IS NULL") == [
        (failing,)
    ]


@pytest.mark.parametrize("endpoints", [2, 3])
def test_endpoints_that_disagree_need_a_majority_of_two(
    house: House,
    fresh_database: str,
    faulty: FaultyNode,
    clean: Callable[[], Tables],
    endpoints: int,
) -> None:
    def more(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT:
            answer["result"]["gasUsed"] = "0x7777"
        return answer

    faulty.fault = more
    node = house.node.url
    urls = [faulty.address, node, node.replace("127.0.0.1", "localhost")][:endpoints]
    with mirror_of(fresh_database, house, *urls) as mirror:
        mirror.catch_up()
        if endpoints == 2:
            assert mirror.rows("SELECT count(*) FROM mirror.transaction") == [(unread(mirror),)]
            faulty.fault = lambda request, answer: answer
            mirror.catch_up()
        assert mirror.tables() == clean()


def test_endpoints_are_asked_until_two_agree(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    wanted = [
        WantedReceipt(block, tx, hash_)
        for block, tx, hash_ in mirror.rows(
            "SELECT t.block, t.tx_hash, b.hash FROM mirror.transaction t JOIN mirror.block b"
            " ON b.number = t.block"
        )
    ]
    genuine = read_gas(Endpoint(house.node.url, CHAIN_ID), wanted)
    nodes = [ReceiptEndpoint(house.node.url) for _ in range(3)]
    reader = GasReader(psycopg.connect(mirror.url), 1, Endpoints(nodes))
    assert reader._read(wanted) == genuine
    assert [node.requests for node in nodes] == [1, 1, 0]
    nodes[0].knows = nodes[1].knows = False
    assert reader._read(wanted) == genuine
    assert [node.requests for node in nodes] == [2, 2, 1]
    # One without a price, one that fails and is left alone.
    nodes[0].knows, nodes[0].priced = True, False
    nodes[1].fails = True
    for _ in range(2):
        assert reader._read(wanted) == genuine
    assert [node.requests for node in nodes] == [4, 3, 3]
