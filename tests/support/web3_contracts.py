"""Deploys and calls contracts on a test node.

Calls are encoded and sent without web3's contract objects, which take five times as long: they look
for a function in the whole ABI each time, and each request passes through a stack of middleware.
Tests may still build a call with the objects in `by_name`, and send it with `transact`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from eth_abi.abi import decode, encode
from eth_account import Account
from eth_utils.abi import (
    abi_to_signature,
    collapse_if_tuple,
    event_abi_to_log_topic,
    function_abi_to_4byte_selector,
    function_signature_to_4byte_selector,
)
from eth_utils.address import to_checksum_address
from web3.exceptions import ContractLogicError

from tests.support.compiled import compiled
from tests.support.nodes import CHAIN_ID, TestNode

_GAS = {"gas": 12_000_000, "maxFeePerGas": 20 * 10**9, "maxPriorityFeePerGas": 10**9}
_MINED_WITHIN_S = 60.0
_POLL_S = 0.005


class Function(NamedTuple):
    """What is needed to call a function."""

    selector: bytes
    inputs: list[str]
    outputs: list[str]


class Event(NamedTuple):
    """What is needed to read a log: names and types of its indexed and of its other arguments."""

    topic: str
    indexed: list[tuple[str, str]]
    others: list[tuple[str, str]]


class Web3Contracts:
    """Contracts by name. `create` and `send` are transactions of the owner."""

    def __init__(self, node: TestNode, owner: bytes) -> None:
        self.node = node
        self.owner = owner
        self.by_name: dict[str, Any] = {}

    def create(self, contract: str, *arguments: Any) -> str:
        """Deploy a contract; returns its address."""
        made = compiled()[contract]
        factory: Any = self.node.web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        receipt = self.transact(self.owner, factory.constructor(*arguments))
        address = str(receipt["contractAddress"])
        self.adopt(contract, address)
        return address

    def adopt(self, contract: str, address: str) -> None:
        """Name a contract that another one has deployed."""
        self.by_name[contract] = self.node.web3.eth.contract(
            to_checksum_address(address), abi=compiled()[contract]["abi"]
        )

    def read(self, contract: str, function: str) -> Any:
        """The answer of a view without arguments."""
        return self.call(contract, function)

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        """Call a function as the owner; returns the receipt."""
        return self.send_as(self.owner, contract, function, *arguments)

    def send_as(self, sender: bytes, contract: str, function: str, *arguments: Any) -> Any:
        """Call a function as the owner of a key; returns the receipt."""
        data = _data(contract, function, arguments)
        return self.send_data(sender, self.by_name[contract].address, data)

    def call(self, contract: str, function: str, *arguments: Any) -> Any:
        """The answer of a view: a value, or a list of values."""
        found = _function(contract, function, len(arguments))
        call = {"to": self.by_name[contract].address, "data": _data(contract, function, arguments)}
        answer = bytes.fromhex(self.node.rpc("eth_call", call, "latest")[2:])
        values = _decoded(found.outputs, answer)
        return values[0] if len(values) == 1 else values

    def events(self, contract: str, name: str, receipt: Any) -> list[dict[str, Any]]:
        """The arguments, by name, of the contract's events of a kind in a receipt."""
        event = _event(contract, name)
        address = self.by_name[contract].address.lower()
        found = []
        for log in receipt["logs"]:
            if log["address"].lower() == address and log["topics"][0] == event.topic:
                indexed = b"".join(bytes.fromhex(topic[2:]) for topic in log["topics"][1:])
                data = bytes.fromhex(log["data"][2:])
                values = _decoded([type_ for _, type_ in event.indexed], indexed)
                values += _decoded([type_ for _, type_ in event.others], data)
                names = [argument for argument, _ in (*event.indexed, *event.others)]
                found.append(dict(zip(names, values, strict=True)))
        return found

    def transact(self, sender: bytes, call: Any) -> Any:
        """Send a call of web3's contract objects; returns the receipt."""
        if hasattr(call, "data_in_transaction"):
            return self.send_data(sender, "", str(call.data_in_transaction))
        return self.send_data(sender, call.address, call._encode_transaction_data())

    def send_data(self, sender: bytes, to: str, data: str) -> Any:
        """Send a transaction and wait until it is mined; `to` is empty for a new contract. Returns
        the receipt as the node sends it, but for the spelling of a new contract's address."""
        account = _account(sender)
        nonce = int(self.node.rpc("eth_getTransactionCount", account.address, "latest"), 16)
        wanted = {**_GAS, "nonce": nonce, "chainId": CHAIN_ID, "to": to, "data": data, "value": 0}
        raw = account.sign_transaction(wanted).raw_transaction.hex()
        sent = self.node.rpc("eth_sendRawTransaction", f"0x{raw.removeprefix('0x')}")
        deadline = time.monotonic() + _MINED_WITHIN_S
        while (receipt := self.node.rpc("eth_getTransactionReceipt", sent)) is None:
            assert time.monotonic() < deadline, "a transaction is not mined"
            time.sleep(_POLL_S)
        assert receipt["status"] == "0x1", self._reason(account.address, to, data)
        created = receipt["contractAddress"]
        return receipt | {"contractAddress": created and to_checksum_address(created)}

    def _reason(self, sender: str, to: str, data: str) -> str:
        """Why a transaction failed, found by calling it again."""
        called = self._called(data[:10]) or "a constructor"
        try:
            self.node.web3.eth.call({"from": sender, "to": to, "data": data})  # type: ignore[typeddict-item]
        except ContractLogicError as error:
            reason = bytes.fromhex(str(error.data).removeprefix("0x"))
            return f"{called} reverts with {self._named('error', reason[:4]) or error}"
        return f"{called} failed, and would not fail now"

    def _called(self, selector: str) -> str:
        return self._named("function", bytes.fromhex(selector[2:]))

    def _named(self, kind: str, selector: bytes) -> str:
        for contract in self.by_name.values():
            for entry in contract.abi:
                if entry["type"] != kind:
                    continue
                signature = abi_to_signature(entry)
                if function_signature_to_4byte_selector(signature) == selector:
                    return str(entry["name"])
        return ""


@cache
def _account(key: bytes) -> Any:
    return Account.from_key(key)


@cache
def _function(contract: str, name: str, arguments: int) -> Function:
    (entry,) = (
        entry
        for entry in compiled()[contract]["abi"]
        if entry["type"] == "function"
        and entry["name"] == name
        and len(entry["inputs"]) == arguments
    )
    types = [[collapse_if_tuple(a) for a in entry[side]] for side in ("inputs", "outputs")]
    return Function(function_abi_to_4byte_selector(entry), *types)


@cache
def _event(contract: str, name: str) -> Event:
    (entry,) = (
        entry
        for entry in compiled()[contract]["abi"]
        if entry["type"] == "event" and entry["name"] == name
    )
    topic = f"0x{event_abi_to_log_topic(entry).hex()}"
    indexed, others = (
        [(a["name"], collapse_if_tuple(a)) for a in entry["inputs"] if a["indexed"] is wanted]
        for wanted in (True, False)
    )
    return Event(topic, indexed, others)


def _data(contract: str, function: str, arguments: Sequence[Any]) -> str:
    found = _function(contract, function, len(arguments))
    return f"0x{(found.selector + encode(found.inputs, arguments)).hex()}"


def _decoded(types: list[str], data: bytes) -> list[Any]:
    values = decode(types, data)
    return [
        to_checksum_address(value) if type_ == "address" else value
        for type_, value in zip(types, values, strict=True)
    ]
