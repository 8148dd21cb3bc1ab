"""Signs transactions with a key; a KMS or an HSM can implement the same interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from eth_account import Account
from eth_utils.address import to_checksum_address

from backend.transactions.fee_offer import Fees

_TYPE_1559 = 2
EMPTY_TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction, and its hash on the chain."""

    raw: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Payload:
    """A transaction without its fees."""

    chain_id: int
    nonce: int
    to_address: str
    data: bytes
    gas_limit: int


class TransactionSigner(Protocol):
    """Signs transactions of one address; the same input gives the same bytes."""

    @property
    def address(self) -> str:
        """Checksummed address of the sender."""

    def sign(self, payload: Payload, fees: Fees) -> Signed:
        """The signed transaction."""


class LocalSigner:
    """Signs with a key held in memory; never shows it."""

    def __init__(self, key: bytes) -> None:
        self._account: Any = Account.from_key(key)

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    @property
    def address(self) -> str:
        """Checksummed address of the sender."""
        return str(self._account.address)

    def sign(self, payload: Payload, fees: Fees) -> Signed:
        """An EIP-1559 transaction; signatures are deterministic (RFC 6979)."""
        signed = self._account.sign_transaction(
            {
                "type": _TYPE_1559,
                "chainId": payload.chain_id,
                "nonce": payload.nonce,
                "to": to_checksum_address(payload.to_address),
                "value": 0,
                "data": payload.data,
                "gas": payload.gas_limit,
                "maxFeePerGas": fees.max_fee_wei,
                "maxPriorityFeePerGas": fees.priority_fee_wei,
            }
        )
        return Signed(raw=bytes(signed.raw_transaction), hash=bytes(signed.hash))


def empty_transfer(payload: Payload, sender: str) -> Payload:
    """A payload that only uses up the nonce."""
    return Payload(payload.chain_id, payload.nonce, sender, b"", EMPTY_TRANSFER_GAS)
