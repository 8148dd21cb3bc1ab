"""Answers that are false and consistent, for `FaultyNode`: only another endpoint reveals them."""

from __future__ import annotations

from typing import Any

from tests.indexer.faulty_node import Fault
from tests.support.house import House

NO_BLOOM = {"logsBloom": "0x" + "00" * 256}


def honest(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return answer


def omit_logs(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """No logs, and blooms that match."""
    if request["method"] == "eth_getLogs":
        return answer | {"result": []}
    if request["method"].startswith("eth_getBlockBy") and answer["result"]:
        return answer | {"result": answer["result"] | NO_BLOOM}
    return answer


def invent_log(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The last log twice, the second time with another index."""
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


LIES = [omit_logs, invent_log, other_transaction, other_times]


def behind(house: House, top: int) -> Fault:
    """A node that has no block above `top`."""

    def fault(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        number = request["params"][0] if request["params"] else ""
        if number == "latest":
            return answer | {"result": house.node.rpc("eth_getBlockByNumber", hex(top), False)}
        late = isinstance(number, str) and number.startswith("0x") and len(number) < 60
        if request["method"] == "eth_getBlockByNumber" and late and int(number, 16) > top:
            return answer | {"result": None}
        return answer

    return fault
