"""Reads from a chain node the little that the mirror cannot answer; never inside a SQL
transaction."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx
import structlog
from eth_abi.abi import encode

from backend.problems import Problem
from protocol.calls import decode_result, encode_call
from protocol.limits import CONTRACT_SIGNATURE_GAS

log = structlog.get_logger("api")

TIMEOUT_S = 5.0
VALID_SIGNATURE = bytes.fromhex("1626ba7e")

# Gas that the contract forwards to a wallet for its check, and what any call costs by itself.
_CALL_GAS = 21_000
_GAS_PER_BYTE = 16


class ChainUnreachable(Problem):
    """No chain node is configured, or it does not answer."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "chain-unreachable"
    title: ClassVar[str] = "Chain unreachable"


class ChainView:
    """Calls the contracts through one node, over JSON-RPC."""

    def __init__(self, rpc_url: str, sportsbook: str) -> None:
        self._url = rpc_url
        self._sportsbook = sportsbook
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def withdrawals_used(self, account: int) -> int:
        """How many countersigned withdrawals of an account the contract has seen. Raises
        ChainUnreachable."""
        call = {
            "to": self._sportsbook,
            "data": _hex(encode_call("Sportsbook", "accountAt", account)),
        }
        answer = await self._call(call)
        if answer is None:
            raise ChainUnreachable("The chain node does not have the sportsbook; try again later.")
        _owner, _balance, _nonce, _window, sequence = decode_result(
            "Sportsbook", "accountAt", answer
        )
        return int(sequence)

    async def signature_valid(self, wallet: str, digest: bytes, signature: bytes) -> bool:
        """Whether a contract wallet confirms a signature (ERC-1271), with the gas that the
        sportsbook forwards. Raises ChainUnreachable."""
        data = VALID_SIGNATURE + encode(("bytes32", "bytes"), (digest, signature))
        gas = CONTRACT_SIGNATURE_GAS + _CALL_GAS + _GAS_PER_BYTE * len(data)
        answer = await self._call({"to": wallet, "data": _hex(data), "gas": hex(gas)})
        return answer is not None and answer[:32] == VALID_SIGNATURE.ljust(32, b"\0")

    async def _call(self, call: dict[str, str]) -> bytes | None:
        """The result of `eth_call`; None when the call reverts or no contract is there."""
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
        try:
            reply: Any = (await self._client.post(self._url, json=request)).json()
            if "error" in reply:
                return None
            return bytes.fromhex(reply["result"].removeprefix("0x")) or None
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            # The error's message may quote the URL, and with it an API key.
            log.warning("api.chain_unreachable", reason=type(error).__name__)
            raise ChainUnreachable(
                "The chain node does not answer; try again.", retry_after_s=2
            ) from None


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
