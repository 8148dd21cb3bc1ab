"""Hashes the messages with which a token's holder lets the sportsbook take tokens: permits
(EIP-2612) and authorizations (EIP-3009). Amounts are in units of the token, times in unix
seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocol.keccak import keccak
from protocol.wallet_messages import AUTHORIZATION_TYPE, PERMIT_TYPE

Json = dict[str, Any]

_PERMIT_HASH = keccak(PERMIT_TYPE.encode())
_AUTHORIZATION_HASH = keccak(AUTHORIZATION_TYPE.encode())


@dataclass(frozen=True, slots=True)
class Permit:
    """That `spender` may take `units` of the owner's tokens; `nonce` counts the owner's permits."""

    owner: str
    spender: str
    units: int
    nonce: int
    deadline_s: int

    def struct_hash(self) -> bytes:
        """The permit's EIP-712 struct hash."""
        return keccak(
            _PERMIT_HASH
            + _address(self.owner)
            + _address(self.spender)
            + _word(self.units)
            + _word(self.nonce)
            + _word(self.deadline_s)
        )

    def message(self) -> Json:
        """The message as a wallet takes it."""
        return {
            "owner": self.owner,
            "spender": self.spender,
            "value": str(self.units),
            "nonce": str(self.nonce),
            "deadline": str(self.deadline_s),
        }


@dataclass(frozen=True, slots=True)
class Authorization:
    """A transfer of `units` to `to`, in blocks later than `valid_after_s` and earlier than
    `valid_before_s`; `nonce` is 32 bytes that the holder uses once."""

    owner: str
    to: str
    units: int
    valid_after_s: int
    valid_before_s: int
    nonce: bytes

    def struct_hash(self) -> bytes:
        """The authorization's EIP-712 struct hash."""
        return keccak(
            _AUTHORIZATION_HASH
            + _address(self.owner)
            + _address(self.to)
            + _word(self.units)
            + _word(self.valid_after_s)
            + _word(self.valid_before_s)
            + self.nonce
        )

    def message(self) -> Json:
        """The message as a wallet takes it."""
        return {
            "from": self.owner,
            "to": self.to,
            "value": str(self.units),
            "validAfter": str(self.valid_after_s),
            "validBefore": str(self.valid_before_s),
            "nonce": f"0x{self.nonce.hex()}",
        }


def token_digest(separator: bytes, struct: Permit | Authorization) -> bytes:
    """What is signed, in the domain with this separator."""
    return keccak(b"\x19\x01" + separator + struct.struct_hash())


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address(address: str) -> bytes:
    return _word(int(address, 16))
