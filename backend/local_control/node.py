"""Asks a developer's node for what only such a node does: to move its clock, and to send from an
account whose key it has."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from backend.local_control.refusals import NodeRefused

TIMEOUT_S = 30.0
_TRIES = 3
_MINED_EVERY_S = 0.1
_MINED_TRIES = 300


class LocalNode:
    """One node, over JSON-RPC."""

    def __init__(self, rpc_url: str) -> None:
        self._url = rpc_url
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def check_chain(self, chain_id: int) -> None:
        """Raises NodeRefused for a node of another chain than the deployment's."""
        served = int(await self.call("eth_chainId"), 16)
        if served != chain_id:
            raise NodeRefused(
                f"The node at RPC_URL serves chain {served}, not {chain_id}; correct RPC_URL."
            )

    async def time_s(self) -> int:
        """The time of the newest block."""
        block = await self.call("eth_getBlockByNumber", "latest", False)
        return int(block["timestamp"], 16)

    async def travel(self, target_s: int) -> int:
        """Mine a block at that time or later; the clock goes on from there. Returns the time of the
        newest block. Raises NodeRefused."""
        for _ in range(_TRIES):
            now_s = await self.time_s()
            if now_s >= target_s:
                return now_s
            # In milliseconds, for both nodes.
            await self.call("evm_setTime", hex(target_s * 1_000))
            await self.call("evm_mine")
        now_s = await self.time_s()
        if now_s < target_s:
            raise NodeRefused(
                f"The node did not move its clock to {target_s}; use Ganache or Anvil."
            )
        return now_s

    async def send(self, **transaction: str) -> str:
        """Send from the last of the node's own accounts, which no process of the house uses, and
        wait until it is mined. Raises NodeRefused."""
        accounts = await self.call("eth_accounts")
        if not accounts:
            raise NodeRefused("The node has no accounts of its own; use Ganache or Anvil.")
        sent = str(await self.call("eth_sendTransaction", {"from": accounts[-1], **transaction}))
        for _ in range(_MINED_TRIES):
            receipt = await self.call("eth_getTransactionReceipt", sent)
            if receipt is not None:
                if int(receipt["status"], 16) != 1:
                    raise NodeRefused(f"Transaction {sent} reverted.")
                return sent
            await asyncio.sleep(_MINED_EVERY_S)
        raise NodeRefused(f"Transaction {sent} was not mined.")

    async def call(self, method: str, *parameters: Any) -> Any:
        """The result of a method. Raises NodeRefused."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        try:
            answer: Any = (await self._client.post(self._url, json=body)).json()
            failed = answer.get("error")
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            raise NodeRefused(
                f"The node does not answer {method} ({type(error).__name__}).", retry_after_s=2
            ) from None
        if failed is not None:
            raise NodeRefused(f"The node refuses {method}; use Ganache or Anvil.")
        return answer.get("result")
