"""Reads from a chain node the little that the mirror cannot answer; never inside a SQL
transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import structlog
from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError

from backend.contracts.token import QUESTIONS, Token, call_data, question_data, read_token
from backend.deployment import Deployment
from backend.fault_log import FaultLog
from backend.house_keys import KeyState
from backend.one_chain import NO_HASHES, ChainHashes
from backend.problems import Problem
from protocol.calls import decode_error, decode_result, encode_call, revert_data
from protocol.limits import CONTRACT_SIGNATURE_GAS
from protocol.roles import Role

log = structlog.get_logger("api")

TIMEOUT_S = 2.0
NODE_CONNECTIONS = 100
VALID_SIGNATURE = bytes.fromhex("1626ba7e")

# Gas that the contract forwards to a wallet for its check, and what any call costs by itself.
_CALL_GAS = 21_000
_GAS_PER_BYTE = 16
_LATEST = "latest"


class ChainUnreachable(Problem):
    """The chain node does not answer, or does not have the contracts."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "chain-unreachable"
    title: ClassVar[str] = "Chain unreachable"


@dataclass(frozen=True, slots=True)
class HouseLimits:
    """The contract's struct Limits, in micro-units."""

    market_cap_micro: int
    fixture_cap_micro: int
    accumulator_cap_micro: int
    receipt_reserve_micro: int


@dataclass(frozen=True, slots=True)
class HouseState:
    """What the house may commit, as of one block: its keys and its limits. `hashes` tell which
    chain it is; the key of cash-outs is None where the server has none."""

    block: int
    receipt_key: KeyState
    withdrawal_key: KeyState
    limits: HouseLimits
    hashes: ChainHashes = NO_HASHES
    cash_out_key: KeyState | None = None


@dataclass(frozen=True, slots=True)
class CashOutTerms:
    """The key that signs cash-outs, and how old a bet must be to be cashed out, in seconds."""

    key: KeyState
    age_s: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A holder of the token: units held, the nonce of the next permit (None if the token has none),
    and whether the authorization that was asked about was used (None if it has none)."""

    units: int
    permit_nonce: int | None
    authorization_used: bool | None


class ChainView:
    """Calls the contracts of a deployment through one node, over JSON-RPC."""

    def __init__(self, rpc_url: str, deployment: Deployment) -> None:
        self._url = rpc_url
        self._chain_id = deployment.chain_id
        self._sportsbook = deployment.sportsbook
        self._first_block = deployment.first_block
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=NODE_CONNECTIONS)
        )
        self._fault = FaultLog(log, "api.chain_unreachable", "api.chain_reachable")

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def withdrawals_used(self, account: int) -> int:
        """How many countersigned withdrawals of an account the contract has seen. Raises
        ChainUnreachable."""
        [found] = await self._views(_LATEST, ("accountAt", account))
        return int(found[4])

    async def house(
        self, receipt_signer: str, withdrawal_signer: str, cash_out_signer: str | None = None
    ) -> HouseState:
        """The state of the house at the newest block. Raises ChainUnreachable."""
        block, hashes = await self._block()
        signers = [receipt_signer, withdrawal_signer]
        if cash_out_signer is not None:
            signers.append(cash_out_signer)
        [limits], receipt_key, withdrawal_key, *others = await self._views(
            hex(block), ("limits",), *(("keyOf", signer) for signer in signers)
        )
        return HouseState(
            block=block,
            receipt_key=_key_state(receipt_key),
            withdrawal_key=_key_state(withdrawal_key),
            limits=HouseLimits(*limits),
            hashes=hashes,
            cash_out_key=_key_state(others[0]) if others else None,
        )

    async def cash_out_terms(self, signer: str) -> CashOutTerms:
        """The terms of cash-outs at the newest block. Raises ChainUnreachable."""
        key, [age_s] = await self._views(_LATEST, ("keyOf", signer), ("CASH_OUT_AGE",))
        return CashOutTerms(_key_state(key), int(age_s))

    async def requests_relayed(self, account: int) -> int:
        """The number of the account's next relayed request. Raises ChainUnreachable."""
        [[found]] = await self._views(_LATEST, ("requestsOf", account))
        return int(found)

    async def holder(self, token: str, owner: str, authorization_nonce: bytes) -> Holder:
        """What a holder of the token has, and has signed before. Raises ChainUnreachable."""
        asked = (
            ("balanceOf(address)", ("address",), (owner,)),
            ("nonces(address)", ("address",), (owner,)),
            (
                "authorizationState(address,bytes32)",
                *(("address", "bytes32"), (owner, authorization_nonce)),
            ),
        )
        calls = [
            ("eth_call", [{"to": token, "data": _hex(call_data(*one))}, _LATEST]) for one in asked
        ]
        units, nonce, used = [
            int.from_bytes(answer, "big") if answer and len(answer) == 32 else None
            for answer in await self._ask(calls)
        ]
        if units is None:
            raise ChainUnreachable("The chain node does not have the token; try again later.")
        return Holder(units, nonce, None if used is None else bool(used))

    async def revert_of(self, data: bytes, gas: int) -> str | None:
        """The name of the error with which the sportsbook refuses a call, "reverted" for one that
        is not its own; None when the call passes. Raises ChainUnreachable."""
        call = {"to": self._sportsbook, "data": _hex(data), "gas": hex(gas)}
        [reply] = await self._replies([("eth_call", [call, _LATEST])])
        error = reply.get("error")
        if error is None:
            return None
        try:
            found, message = revert_data(error.get("data")), str(error.get("message", ""))
        except (ValueError, AttributeError) as fault:
            raise self._unreachable(fault) from None
        if not found and "revert" not in message.lower():
            raise ChainUnreachable("The chain node did not answer a call; try again.")
        name, _ = decode_error(found)
        return name or "reverted"

    async def signature_valid(self, wallet: str, digest: bytes, signature: bytes) -> bool:
        """Whether a contract wallet confirms a signature (ERC-1271), with the gas that the
        sportsbook forwards. Raises ChainUnreachable."""
        data = VALID_SIGNATURE + encode(("bytes32", "bytes"), (digest, signature))
        gas = CONTRACT_SIGNATURE_GAS + _CALL_GAS + _GAS_PER_BYTE * len(data)
        call = {"to": wallet, "data": _hex(data), "gas": hex(gas)}
        [answer] = await self._ask([("eth_call", [call, _LATEST])])
        return answer is not None and answer[:32] == VALID_SIGNATURE.ljust(32, b"\0")

    async def token(self, address: str, chain_id: int) -> Token:
        """The token as it describes itself. Raises ChainUnreachable."""
        asked = [
            ("eth_call", [{"to": address, "data": _hex(question_data(question))}, _LATEST])
            for question in QUESTIONS
        ]
        answers = dict(zip(QUESTIONS, await self._ask(asked), strict=True))
        return read_token(address, chain_id, answers)

    async def _views(self, block: str, *calls: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """What views of the sportsbook return at a block, in one request."""
        asked = [
            (
                "eth_call",
                [
                    {
                        "to": self._sportsbook,
                        "data": _hex(encode_call("Sportsbook", name, *arguments)),
                    },
                    block,
                ],
            )
            for name, *arguments in calls
        ]
        found = []
        for (name, *_), answer in zip(calls, await self._ask(asked), strict=True):
            if not answer:
                raise ChainUnreachable(
                    "The chain node does not have the sportsbook; try again later."
                )
            try:
                found.append(decode_result("Sportsbook", name, answer))
            except DecodingError:
                raise ChainUnreachable(
                    "The chain node has another contract at the sportsbook's address."
                ) from None
        return found

    async def _block(self) -> tuple[int, ChainHashes]:
        """The number of the newest block, and which chain it is of."""
        first = hex(self._first_block or 0)
        answer, chain, genesis_hash, first_hash = await self._ask(
            [
                ("eth_blockNumber", []),
                ("eth_chainId", []),
                ("eth_getBlockByNumber", ["0x0", False]),
                ("eth_getBlockByNumber", [first, False]),
            ]
        )
        if answer is None or chain is None:
            raise ChainUnreachable("The chain node does not answer; try again.", retry_after_s=2)
        if (served := int.from_bytes(chain, "big")) != self._chain_id:
            raise ChainUnreachable(
                f"The chain node serves chain {served}, not {self._chain_id}; correct RPC_URL or"
                " CHAIN_ID."
            )
        if self._first_block is None:
            first_hash = None
        return int.from_bytes(answer, "big"), ChainHashes(genesis_hash, first_hash)

    async def _ask(self, asked: Sequence[tuple[str, list[Any]]]) -> list[bytes | None]:
        """The answers to requests, in one batch, of a block its hash; None for one that the node
        refuses: a call that reverts, or a block that it does not have."""
        replies = await self._replies(asked)
        try:
            return [_result(reply) for reply in replies]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreachable(error) from None

    async def _replies(self, asked: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """What the node replies to requests, in one batch and in their order."""
        batch = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(asked, start=1)
        ]
        body = batch if len(batch) > 1 else batch[0]
        try:
            replies: Any = (await self._client.post(self._url, json=body)).json()
            if len(batch) == 1:
                replies = [replies]
            by_id = {reply["id"]: reply for reply in replies}
            found = [by_id[request["id"]] for request in batch]
            if not all("error" in reply or "result" in reply for reply in found):
                raise KeyError("result")
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreachable(error) from None
        self._fault.ended()
        return found

    def _unreachable(self, error: Exception) -> ChainUnreachable:
        # The error's message may quote the URL, and with it an API key.
        self._fault.began(type(error).__name__)
        return ChainUnreachable("The chain node does not answer; try again.", retry_after_s=2)


def _result(reply: Any) -> bytes | None:
    if reply.get("error") is not None or reply["result"] is None:
        return None
    result = reply["result"]
    digits = (result["hash"] if isinstance(result, dict) else result).removeprefix("0x")
    return bytes.fromhex("0" * (len(digits) % 2) + digits)


def _key_state(found: tuple[Any, ...]) -> KeyState:
    role, from_s, until_s, budget_micro, left_micro = found
    return KeyState(Role(role), from_s, until_s, budget_micro, left_micro)


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
