"""Holds a bettor's key, and signs slips, permits and transactions with it.

Signatures come from eth_account's general encoder over the typed data that the API serves, as a
browser's wallet would make them, not from the backend's own hashing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from web3 import Web3

_PRIORITY_FEE_WEI = 10**9


@dataclass(frozen=True)
class Fees:
    """What a transaction of the next blocks states: the chain's id, and its maximum fee per gas."""

    chain_id: int
    max_fee_wei: int

    @classmethod
    def of(cls, web3: Web3) -> Fees:
        """Twice the latest base fee, so that a few full blocks do not outbid it."""
        base_fee = int(web3.eth.get_block("latest").get("baseFeePerGas", 0))
        return cls(web3.eth.chain_id, 2 * base_fee + _PRIORITY_FEE_WEI)


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
        full = {
            "domain": typed["domain"],
            "types": {name: typed["types"][name] for name in ("EIP712Domain", *types)},
            "primaryType": types[0],
            "message": message,
        }
        return "0x" + bytes(self.signer.sign_typed_data(full_message=full).signature).hex()

    def sign_permit(
        self,
        token: str,
        name: str,
        chain_id: int,
        spender: str,
        value: int,
        nonce: int,
        deadline: int,
    ) -> tuple[int, bytes, bytes]:
        """v, r, s of an EIP-2612 permit; `value` is in units of the token."""
        signed = self.signer.sign_typed_data(
            {
                "name": name,
                "version": "1",
                "chainId": chain_id,
                "verifyingContract": token,
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

    def signed_call(self, call: Any, gas: int, nonce: int, fees: Fees) -> bytes:
        """A signed transaction that calls a contract; `call` is web3's bound function."""
        data = call._encode_transaction_data()
        return self._signed({"to": call.address, "data": data, "value": 0}, gas, nonce, fees)

    def signed_payment(self, to: str, wei: int, gas: int, nonce: int, fees: Fees) -> bytes:
        """A signed transaction that sends the chain's own coin."""
        return self._signed({"to": to, "value": wei}, gas, nonce, fees)

    def _signed(self, what: dict[str, Any], gas: int, nonce: int, fees: Fees) -> bytes:
        transaction = {
            **what,
            "type": 2,
            "gas": gas,
            "nonce": nonce,
            "chainId": fees.chain_id,
            "maxFeePerGas": fees.max_fee_wei,
            "maxPriorityFeePerGas": _PRIORITY_FEE_WEI,
        }
        return bytes(self.signer.sign_transaction(transaction).raw_transaction)
