"""Records forks of a real chain, and replays any of them at any height as an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from indexer.chain.rpc import Call, Endpoint
from indexer.errors import EndpointFailed, Refused
from tests.support.nodes import CHAIN_ID, TestNode

# A block's header and the contracts' logs in it, as a node answers them.
Block = tuple[dict[str, Any], list[dict[str, Any]]]
Chain = list[Block]
# Maps a method, its parameters and the result to the result that is sent, or raises.
Lie = Callable[[str, list[Any], Any], Any]


def truth(method: str, params: list[Any], result: Any) -> Any:
    return result


def record(node: TestNode, addresses: Sequence[str]) -> Chain:
    """Record the chain of a node."""
    chain: Chain = []
    for number in range(node.web3.eth.block_number + 1):
        header = node.rpc("eth_getBlockByNumber", hex(number), False)
        where = {"fromBlock": hex(number), "toBlock": hex(number), "address": list(addresses)}
        chain.append((header, node.rpc("eth_getLogs", where)))
    return chain


def hash_of(block: Block) -> bytes:
    return bytes.fromhex(block[0]["hash"][2:])


def receipt(log: dict[str, Any]) -> dict[str, Any]:
    """The receipt of a log's transaction; its gas depends on the block."""
    return {
        "transactionHash": log["transactionHash"],
        "blockHash": log["blockHash"],
        "gasUsed": hex(21_000 + int(log["blockHash"][-4:], 16)),
        "effectiveGasPrice": log["transactionHash"][:8],
    }


class Replay(Endpoint):
    """Answers from a recorded chain, up to its height."""

    def __init__(self, name: str, chain: Chain) -> None:
        super().__init__(f"http://{name}", CHAIN_ID)
        self.chain = chain
        self.lie: Lie = truth

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        return [self.lie(method, params, self._answer(method, params)) for method, params in calls]

    def _answer(self, method: str, params: list[Any]) -> Any:
        chain = self.chain
        if method == "eth_chainId":
            return hex(CHAIN_ID)
        if method == "eth_getBlockByNumber":
            if params[0] == "finalized":
                raise Refused("unknown block tag")
            number = len(chain) - 1 if params[0] == "latest" else int(params[0], 16)
            return chain[number][0] if number < len(chain) else None
        if method == "eth_getBlockByHash":
            return next((header for header, _ in chain if header["hash"] == params[0]), None)
        if method == "eth_getLogs":
            where = params[0]
            if "blockHash" in where:
                return next(
                    (logs for header, logs in chain if header["hash"] == where["blockHash"]), []
                )
            first, last = int(where["fromBlock"], 16), int(where["toBlock"], 16)
            return [log for _, logs in chain[first : last + 1] for log in logs]
        if method == "eth_getTransactionReceipt":
            return next(
                (
                    receipt(log)
                    for _, logs in chain
                    for log in logs
                    if log["transactionHash"] == params[0]
                ),
                None,
            )
        raise EndpointFailed(f"{method} is not recorded")
