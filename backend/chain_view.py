"""Owns the few questions that the API asks a chain node; never inside a SQL transaction, and never
what the mirror can answer."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx
import structlog
from eth_abi.abi import encode

from backend.problems import Problem
from protocol.calls import decode_result, encode_call

log = structlog.get_logger("api")

TIMEOUT_S = 5.0
VALID_SIGNATURE = bytes.fromhex("1626ba7e")

# What the contract gives a wallet for its check, and what any call costs before it begins.
_SIGNATURE_GAS = 100_000
_CALL_GAS = 21_000
_GAS_A_BYTE = 16


class ChainUnreachable(Problem):
    """The chain node that this needs does not answer, or none is set up."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "chain-unreachable"
    title: ClassVar[str] = "The chain cannot be asked"


class ChainView:
    """Asks one node over JSON-RPC."""

    def __init__(self, rpc_url: str, sportsbook: str) -> None:
        self._url = rpc_url
        self._sportsbook = sportsbook
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S)

    async def close(self) -> None:
        """Let go of the node."""
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
            raise ChainUnreachable("The chain node knows no sportsbook; try again later.")
        return int(decode_result("Sportsbook", "accountAt", answer)[4])

    async def signature_valid(self, wallet: str, digest: bytes, signature: bytes) -> bool:
        """Whether a contract wallet stands by a signature (ERC-1271), with the gas that the
        sportsbook gives it. Raises ChainUnreachable."""
        data = VALID_SIGNATURE + encode(("bytes32", "bytes"), (digest, signature))
        gas = _SIGNATURE_GAS + _CALL_GAS + _GAS_A_BYTE * len(data)
        answer = await self._call({"to": wallet, "data": _hex(data), "gas": hex(gas)})
        return answer is not None and answer[:32] == VALID_SIGNATURE.ljust(32, b"\0")

    async def _call(self, call: dict[str, str]) -> bytes | None:
        """The answer of `eth_call`, or None when the contract refuses or is not there."""
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
        try:
            reply: Any = (await self._client.post(self._url, json=request)).json()
            if "error" in reply:
                return None
            return bytes.fromhex(reply["result"].removeprefix("0x")) or None
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            # The error's own words may quote the URL, and with it a key.
            log.warning("api.chain_unreachable", reason=type(error).__name__)
            raise ChainUnreachable(
                "The chain node does not answer; try again.", retry_after_s=2
            ) from None


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
