"""Asks a node many things in few requests, and sends signed transactions to it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import get_abi_output_types
from web3 import HTTPProvider, Web3

from scripts.devnet import Chain, rpc

CALLS_PER_REQUEST = 50
SEND_LIMIT_S = 60.0
_PAUSE_S = 0.05


class ChainClient:
    """A node's JSON-RPC endpoint."""

    def __init__(self, rpc_url: str) -> None:
        self.url = rpc_url
        self.web3 = Web3(HTTPProvider(rpc_url, request_kwargs={"timeout": 60}))

    def call_many(self, calls: Sequence[Any], blocks: Sequence[int] | None = None) -> list[Any]:
        """What contract functions return, at the head or each at its own block: a value, or a tuple
        where there are several. Asks in few requests."""
        heights = ["latest"] * len(calls) if blocks is None else [hex(block) for block in blocks]
        asked = [
            (
                "eth_call",
                [{"to": call.address, "data": call._encode_transaction_data()}, height],
            )
            for call, height in zip(calls, heights, strict=True)
        ]
        values = []
        for call, answer in zip(calls, self._ask(asked), strict=True):
            found = decode(get_abi_output_types(call.abi), bytes.fromhex(answer[2:]))
            values.append(found[0] if len(found) == 1 else found)
        return values

    def nonces(self, addresses: Sequence[str]) -> list[int]:
        """The number of transactions that each address has sent."""
        asked = [("eth_getTransactionCount", [address, "latest"]) for address in addresses]
        return [int(answer, 16) for answer in self._ask(asked)]

    def receipts(self, hashes: Sequence[str]) -> list[Any]:
        """The receipts of transactions, as the node's JSON; None for one that is not mined."""
        prefixed = ["0x" + text.removeprefix("0x") for text in hashes]
        return self._ask([("eth_getTransactionReceipt", [text]) for text in prefixed])

    def send(self, chain: Chain, signed: Sequence[bytes]) -> None:
        """Sends signed transactions, in one block where the node allows it, and waits for them.

        Raises RuntimeError when one reverts or is not mined.
        """
        with chain.one_block():
            hashes = self._ask([("eth_sendRawTransaction", ["0x" + tx.hex()]) for tx in signed])
        until = time.monotonic() + SEND_LIMIT_S
        while not all(receipts := self.receipts(hashes)):
            if time.monotonic() > until:
                raise RuntimeError(f"a transaction was not mined within {SEND_LIMIT_S:.0f} s")
            time.sleep(_PAUSE_S)
        for receipt in receipts:
            if int(receipt["status"], 16) != 1:
                raise RuntimeError(f"transaction {receipt['transactionHash']} reverted")

    def _ask(self, calls: Sequence[rpc.Call]) -> list[Any]:
        answers = []
        for first in range(0, len(calls), CALLS_PER_REQUEST):
            answers += rpc.batch(self.url, calls[first : first + CALLS_PER_REQUEST])
        return answers
