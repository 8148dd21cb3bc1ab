"""Faults of nodes, for `FaultyNode`: some can be corrected, some make an answer useless."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from indexer.chain.rpc import Endpoint
from tests.indexer.faulty_node import Broken, Fault

# Short, so that tests of slow answers are fast, and long enough for an answer without delay on a
# busy machine.
TIMEOUT_S = 1.0


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


def omit_logs(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": []} if is_range(request) else answer


def omit_every_other_block(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
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


def throttle(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(429, b"later")


def truncated(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(200, b'{"jsonrpc": "2.0", "id": 0, "resu', cut=True)


def silent(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(silent=True)


def slow(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(hang_s=2 * TIMEOUT_S)


def drip(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(body=json.dumps(answer).encode(), drip_s=TIMEOUT_S / 10)


def not_json(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    raise Broken(200, b"<html>gateway</html>")


def no_answer(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"]}


def other_chain(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": "0x1"} if request["method"] == "eth_chainId" else answer


def missing_blocks(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    number = request["params"][0] if request["params"] else ""
    forgotten = request["method"] == "eth_getBlockByNumber" and number in ("0x7", "0x14")
    return answer | {"result": None} if forgotten else answer


def logs_of_another_fork(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    answer = copy.deepcopy(answer)
    if request["method"] == "eth_getLogs" and answer["result"]:
        answer["result"][-1]["blockHash"] = "0x" + "77" * 32
    return answer


def logs_of_other_contracts(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    answer = copy.deepcopy(answer)
    if request["method"] == "eth_getLogs" and answer["result"]:
        answer["result"][-1]["address"] = "0x" + "77" * 20
    return answer


def unlinked_header(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if request["method"] == "eth_getBlockByNumber" and request["params"][0] == "0x14":
        return answer | {"result": answer["result"] | {"hash": "0x" + "55" * 32}}
    return answer


def chain_id_not_a_number(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": "0xno"} if request["method"] == "eth_chainId" else answer


def throttle_by_message(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    error = {"code": -32005, "message": "You exceeded your compute units per second"}
    return {"jsonrpc": "2.0", "id": request["id"], "error": error}


def null_instead_of_logs(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"result": None} if is_logs(request) else answer


def ids_not_integers(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"id": [request["id"]]}


def header_without_parent(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if request["method"] != "eth_getBlockByNumber":
        return answer
    return answer | {"result": {k: v for k, v in answer["result"].items() if k != "parentHash"}}


def malformed(name: str, **values: Any) -> Fault:
    return each_log(lambda log: log | values, name)


MALFORMED = [
    malformed("data_truncated", data="0x00"),
    malformed("data_not_hex", data="0xzz"),
    malformed("data_null", data=None),
    malformed("topics_empty", topics=[]),
    malformed("topics_unknown", topics=["0x" + "11" * 32]),
    malformed("block_null", blockNumber=None),
    malformed("index_not_hex", logIndex="x"),
    malformed("transaction_null", transactionHash=None),
    malformed("hash_absent", blockHash=None),
    malformed("same_index", logIndex="0x1"),
    each_log(lambda log: log | {"transactionHash": "0x" + "11" * 9_000}, "transaction_long"),
]
UNUSABLE = [
    *(throttle, throttle_by_message, truncated, silent, slow, drip, not_json, no_answer),
    *(other_chain, chain_id_not_a_number, missing_blocks, ids_not_integers, null_instead_of_logs),
    *(logs_of_another_fork, logs_of_other_contracts, unlinked_header, header_without_parent),
    *MALFORMED,
]


class Impatient(Endpoint):
    """An endpoint with a short timeout."""

    def __init__(self, url: str, chain_id: int, timeout_s: float) -> None:
        super().__init__(url, chain_id, TIMEOUT_S, 2 * TIMEOUT_S)


def endpoint_kind(fault: Fault) -> type[Endpoint]:
    """An endpoint with a short timeout where the fault is that the answer is slow."""
    return Impatient if fault in (slow, drip) else Endpoint
