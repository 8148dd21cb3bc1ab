"""Talks to a chain node through web3.py, and turns its refusals into typed errors.

Nodes agree on few error codes, so the meaning of a refusal is read from its message. A message that
no rule covers is retryable: an unknown answer must never make us give up a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.exceptions import (
    BlockNotFound,
    ContractLogicError,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.types import TxParams

from backend.one_chain import ChainHashes
from backend.transactions.errors import (
    CallReverted,
    FeeCapExceeded,
    FundsInsufficient,
    GasLimitRefused,
    NodeUnreachable,
    ReplacementUnderpriced,
    SenderRefused,
    TransactionRefused,
    Underpriced,
    WrongChain,
)
from backend.transactions.gas import is_gas_limit_refusal
from backend.transactions.node_errors import Remedy, remedy
from protocol.calls import decode_error, decode_result, encode_call, revert_data

T = TypeVar("T")

REQUEST_TIMEOUT_S = 10.0

# The next block's timestamp may be this far behind an accurate clock.
CHAIN_LAG_S = 4

_REVERTED = (
    "revert",
    "out of gas",
    "intrinsic gas",
    "gas required exceeds",
)
_REFUSALS: Mapping[Remedy, type[Exception]] = {
    Remedy.OUTBID: ReplacementUnderpriced,
    Remedy.REPRICE: Underpriced,
    Remedy.FUND: FundsInsufficient,
    Remedy.LOWER_FEE: FeeCapExceeded,
    Remedy.SHRINK: GasLimitRefused,
    Remedy.CANCEL: TransactionRefused,
    Remedy.STOP: SenderRefused,
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a contract: address, data and gas limit. It has no effect in blocks earlier than
    `valid_from_s` or later than `valid_until_s`, where these are set (unix seconds)."""

    to_address: str
    data: bytes
    gas_limit: int
    valid_from_s: int | None = None
    valid_until_s: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block: fees in wei, time in unix seconds."""

    number: int
    timestamp_s: int
    base_fee_wei: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a transaction ended up, and the fee that it paid, with what a rollup takes for its
    data."""

    block: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    fee_wei: int = 0


def chain_clock_s(head_timestamp_s: int, now_s: int) -> int:
    """A lower bound on the next block's time, from the head's time and our clock."""
    return max(head_timestamp_s, now_s - CHAIN_LAG_S)


class Node:
    """One chain node. Every method raises NodeUnreachable when there is no sensible answer."""

    def __init__(self, rpc_url: str, chain_id: int, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self.chain_id = chain_id
        provider = HTTPProvider(
            rpc_url,
            request_kwargs={"timeout": timeout_s},
            exception_retry_configuration=None,
        )
        self.web3 = Web3(provider)

    def check_chain(self) -> None:
        """Raises WrongChain unless the node serves our chain."""
        served = _answer(lambda: self.web3.eth.chain_id)
        if served != self.chain_id:
            raise WrongChain(
                f"the node at RPC_URL serves chain {served}, not CHAIN_ID {self.chain_id};"
                " correct one of the two"
            )

    def hashes(self, first_block: int | None) -> ChainHashes:
        """Which chain it is, by its genesis block and the block `first_block`."""
        first = None if first_block is None else self._block_hash(first_block)
        return ChainHashes(self._block_hash(0), first)

    def _block_hash(self, number: int) -> bytes | None:
        """None for a block that the node does not have, or does not keep."""
        try:
            return bytes(_ask(lambda: self.web3.eth.get_block(number))["hash"])
        except Web3RPCError:
            return None
        except NodeUnreachable as error:
            if isinstance(error.__cause__, BlockNotFound):
                return None
            raise

    def head(self) -> Head:
        """The newest block."""
        block = _answer(lambda: self.web3.eth.get_block("latest"))
        return Head(
            number=int(block["number"]),
            timestamp_s=int(block["timestamp"]),
            base_fee_wei=int(block.get("baseFeePerGas", 0)),
            gas_limit=int(block["gasLimit"]),
        )

    def nonce(self, sender: str, block: int | None = None) -> int:
        """How many transactions of the sender are on the chain, up to `block` or to the head."""
        at: Any = "latest" if block is None else block
        return _answer(lambda: self.web3.eth.get_transaction_count(_address(sender), at))

    def balance_wei(self, address: str) -> int:
        """What an account has of the chain's coin, at the head."""
        return int(_answer(lambda: self.web3.eth.get_balance(_address(address))))

    def has_code(self, address: str) -> bool:
        """Whether there is a contract at the address, at the head."""
        return bool(_answer(lambda: self.web3.eth.get_code(_address(address))))

    def tip_wei(self) -> int:
        """The priority fee that the node suggests."""
        return int(_answer(lambda: self.web3.eth.max_priority_fee))

    def knows(self, transaction_hash: bytes) -> bool:
        """Whether the transaction waits at the node or is on the chain."""
        try:
            _answer(lambda: self.web3.eth.get_transaction(HexBytes(transaction_hash)))
        except TransactionNotFound:
            return False
        return True

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt, or None when the transaction is not on the chain."""
        try:
            found = _answer(
                lambda: self.web3.eth.get_transaction_receipt(HexBytes(transaction_hash))
            )
        except TransactionNotFound:
            return None
        return Receipt(
            block=int(found["blockNumber"]),
            block_hash=bytes(found["blockHash"]),
            succeeded=found["status"] == 1,
            gas_used=int(found["gasUsed"]),
            fee_wei=_fee_wei(found),
        )

    def send(self, raw: bytes) -> None:
        """Hand over a signed transaction; one that the node or the chain already has is fine.

        Raises Underpriced, FeeCapExceeded, FundsInsufficient, SenderRefused, TransactionRefused
        (GasLimitRefused for its gas limit or its size) or NodeUnreachable; `refusals` has the words
        of each client.
        """
        try:
            _ask(lambda: self.web3.eth.send_raw_transaction(raw))
        except (Web3RPCError, ContractLogicError) as error:
            answer = remedy(str(error))
            if answer is Remedy.DONE:
                return
            if answer is Remedy.WAIT:
                raise NodeUnreachable(f"the node did not take a transaction: {error}") from error
            raise _REFUSALS[answer](str(error)) from error

    def simulate(self, sender: str, call: Call) -> None:
        """Try a call with its gas limit. Raises CallReverted with the contract's error.

        This runs the call once. Estimating gas runs it many times, minutes on a slow node.
        """
        params: TxParams = {
            "from": _address(sender),
            "to": _address(call.to_address),
            "data": HexBytes(call.data),
            "gas": call.gas_limit,
        }
        _call(lambda: self.web3.eth.call(params))

    def view(self, contract: str, address: str, function: str, *arguments: object) -> Any:
        """Ask a view of a contract; a single value is returned without its tuple."""
        data = HexBytes(encode_call(contract, function, *arguments))
        call: TxParams = {"to": _address(address), "data": data}
        answer = bytes(_call(lambda: self.web3.eth.call(call)))
        if not answer:
            raise CallReverted("", detail=f"no {contract} contract at {address} on this chain")
        values = decode_result(contract, function, answer)
        return values[0] if len(values) == 1 else values


def _fee_wei(receipt: Mapping[str, Any]) -> int:
    data_fee = receipt.get("l1Fee") or 0  # of the OP stack
    if isinstance(data_fee, str):
        data_fee = int(data_fee, 0)
    return int(receipt["gasUsed"]) * int(receipt.get("effectiveGasPrice") or 0) + int(data_fee)


def _address(text: str) -> ChecksumAddress:
    return Web3.to_checksum_address(text)


def _ask(question: Callable[[], T]) -> T:
    """Ask the node. Refusals and missing transactions propagate; anything else raises
    NodeUnreachable."""
    try:
        return question()
    except BlockNotFound as error:
        raise NodeUnreachable(f"the node misses a block: {error}") from error
    except (TransactionNotFound, ContractLogicError, Web3RPCError):
        raise
    except (Web3Exception, requests.RequestException, OSError, ValueError) as error:
        # The error's own words may quote the URL, and with it a key.
        raise NodeUnreachable(f"no answer from the chain node: {type(error).__name__}") from error


def _answer(question: Callable[[], T]) -> T:
    """Ask what a healthy node can always answer."""
    try:
        return _ask(question)
    except TransactionNotFound:
        raise
    except (Web3RPCError, ContractLogicError) as error:
        raise NodeUnreachable(f"the node is busy or broken: {error}") from error


def _call(question: Callable[[], T]) -> T:
    """Run a contract on the node; its refusal is CallReverted."""
    try:
        return _ask(question)
    except ContractLogicError as error:
        name, values = decode_error(revert_data(error.data))
        raise CallReverted(name, values, str(error)) from error
    except Web3RPCError as error:
        words = str(error).lower()
        if is_gas_limit_refusal(words) or any(phrase in words for phrase in _REVERTED):
            raise CallReverted("", detail=str(error)) from error
        raise NodeUnreachable(f"the node did not answer a call: {error}") from error
