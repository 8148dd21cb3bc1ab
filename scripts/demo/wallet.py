"""Owns one bettor: a key of its own, and what its wallet signs and sends. Knows no other key.

Signatures come from eth_account's general encoder over the typed data that the API serves, as a
browser's wallet would make them; nothing of the backend's own hashing is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from web3 import Web3

_GAS_SPARE = 10_000
_PRIORITY_FEE_WEI = 10**9


@dataclass
class Wallet:
    """A key, the account number that its deposit opened, and the slips it has signed."""

    key: bytes
    account: int = 0
    nonce: int = 0
    signer: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.signer = Account.from_key(self.key)

    @property
    def address(self) -> str:
        return str(self.signer.address)

    def sign_typed(
        self, typed: dict[str, Any], types: tuple[str, ...], message: dict[str, Any]
    ) -> str:
        """Signature (65 bytes, 0x hex) over a message of the typed data of GET /v1/typed-data;
        `types` names the message's own type and those that it refers to."""
        primary, known = types[0], {name: typed["types"][name] for name in types}
        full = {
            "domain": typed["domain"],
            "types": {"EIP712Domain": EIP712_DOMAIN, **known},
            "primaryType": primary,
            "message": message,
        }
        return "0x" + bytes(self.signer.sign_typed_data(full_message=full).signature).hex()

    def sign_permit(
        self, token: Any, name: str, spender: str, value: int, deadline: int
    ) -> tuple[int, bytes, bytes]:
        """v, r, s of an EIP-2612 permit."""
        nonce = token.functions.nonces(self.address).call()
        signed = self.signer.sign_typed_data(
            {
                "name": name,
                "version": "1",
                "chainId": token.w3.eth.chain_id,
                "verifyingContract": token.address,
            },
            {
                "Permit": [
                    {"name": "owner", "type": "address"},
                    {"name": "spender", "type": "address"},
                    {"name": "value", "type": "uint256"},
                    {"name": "nonce", "type": "uint256"},
                    {"name": "deadline", "type": "uint256"},
                ]
            },
            {
                "owner": self.address,
                "spender": spender,
                "value": value,
                "nonce": nonce,
                "deadline": deadline,
            },
        )
        return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")

    def send(self, web3: Web3, call: Any) -> Any:
        """Sign a contract call, send it, and return the receipt. Raises RuntimeError when it
        reverts."""
        transaction = call.build_transaction(self._terms(web3))
        transaction["gas"] = transaction["gas"] * 6 // 5 + _GAS_SPARE
        return self._send(web3, transaction)

    def pay(self, web3: Web3, to: str, wei: int) -> Any:
        """Send the chain's own coin."""
        return self._send(web3, {**self._terms(web3), "to": to, "value": wei, "gas": 21_000})

    def _terms(self, web3: Web3) -> dict[str, Any]:
        base_fee = web3.eth.get_block("latest").get("baseFeePerGas", 0)
        return {
            "from": self.address,
            "nonce": web3.eth.get_transaction_count(self.signer.address),
            "chainId": web3.eth.chain_id,
            "maxFeePerGas": 2 * base_fee + _PRIORITY_FEE_WEI,
            "maxPriorityFeePerGas": _PRIORITY_FEE_WEI,
        }

    def _send(self, web3: Web3, transaction: dict[str, Any]) -> Any:
        sent = web3.eth.send_raw_transaction(
            self.signer.sign_transaction(transaction).raw_transaction
        )
        receipt = web3.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.02)
        if receipt["status"] != 1:
            raise RuntimeError(f"transaction {sent.hex()} of {self.address} reverted")
        return receipt


EIP712_DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
