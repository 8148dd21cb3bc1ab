"""Deploys and calls contracts on a test node through web3."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_utils.abi import abi_to_signature, function_signature_to_4byte_selector
from web3.exceptions import ContractLogicError

from tests.support.compiled import compiled
from tests.support.nodes import CHAIN_ID, TestNode

_GAS = {"gas": 12_000_000, "maxFeePerGas": 20 * 10**9, "maxPriorityFeePerGas": 10**9}


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
            self.node.web3.to_checksum_address(address), abi=compiled()[contract]["abi"]
        )

    def read(self, contract: str, function: str) -> Any:
        """The answer of a view without arguments."""
        return self.call(contract, function)

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        """Call a function as the owner; returns the receipt."""
        return self.send_as(self.owner, contract, function, *arguments)

    def send_as(self, sender: bytes, contract: str, function: str, *arguments: Any) -> Any:
        """Call a function as the owner of a key; returns the receipt."""
        call = getattr(self.by_name[contract].functions, function)(*arguments)
        return self.transact(sender, call)

    def call(self, contract: str, function: str, *arguments: Any) -> Any:
        """The answer of a view."""
        return getattr(self.by_name[contract].functions, function)(*arguments).call()

    def events(self, contract: str, name: str, receipt: Any) -> list[Any]:
        """The events of a kind in a receipt."""
        found = self.by_name[contract].events[name]().process_receipt(receipt)
        return list(found)

    def transact(self, sender: bytes, call: Any) -> Any:
        """Send a transaction and wait until it is mined; returns the receipt."""
        account: Any = Account.from_key(sender)
        web3 = self.node.web3
        built = call.build_transaction(
            {
                **_GAS,
                "from": account.address,
                "nonce": web3.eth.get_transaction_count(account.address),
                "chainId": CHAIN_ID,
            }
        )
        sent = web3.eth.send_raw_transaction(account.sign_transaction(built).raw_transaction)
        receipt = web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        assert receipt["status"] == 1, self._reason(call, account.address)
        return receipt

    def _reason(self, call: Any, sender: str) -> str:
        """Why a call failed, found by calling it again."""
        try:
            call.call({"from": sender})
        except ContractLogicError as error:
            data = bytes.fromhex(str(error.data).removeprefix("0x"))
            return f"{call.fn_name} reverts with {self._error_name(data) or error}"
        return f"{call.fn_name} failed, and would not fail now"

    def _error_name(self, data: bytes) -> str:
        for contract in self.by_name.values():
            for entry in contract.abi:
                if entry["type"] != "error":
                    continue
                signature = abi_to_signature(entry)
                if function_signature_to_4byte_selector(signature) == data[:4]:
                    return str(entry["name"])
        return ""
