"""Derives the keys of people, and what the contracts call them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak

from scripts.devnet.chain import private_key


@dataclass(frozen=True)
class Bettor:
    """Somebody with an account; `key` signs, `address` owns."""

    account: int
    address: str
    key: bytes


# Keys of the house that sign, and never send a transaction.
CASH_OUT_SIGNER, WITHDRAWAL_SIGNER = (
    bytes(keccak(text=f"the house's signer of {what}")) for what in ("cash-outs", "withdrawals")
)


@cache
def key(index: int) -> bytes:
    """Private key of a funded account."""
    return private_key(index)


def stranger_key(number: int) -> bytes:
    """Private key of somebody who has no funds for a transaction."""
    return bytes(keccak(text=f"stranger {number}"))


@cache
def key_address(key_: bytes) -> str:
    """The address of a private key."""
    return str(Account.from_key(key_).address)


def in_order(keys: Iterable[bytes]) -> list[bytes]:
    """Keys as their signatures must stand on a sheet: by ascending address."""
    return sorted(keys, key=lambda key_: int(key_address(key_), 16))


def council(keys: Sequence[bytes], threshold: int, arbiter: str) -> tuple[Any, ...]:
    """A council as `propose` takes it."""
    return ([key_address(key_) for key_ in keys], threshold, arbiter)
