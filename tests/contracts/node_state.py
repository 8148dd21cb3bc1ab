"""Writes the state of the node directly, and takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brownie import chain, web3

from tests.support.people import Bettor


@contextmanager
def undone() -> Iterator[None]:
    """Takes the chain back at the end to where it stood, for a test that goes several ways from one
    state."""
    snapshot = chain._take_snapshot()
    try:
        yield
    finally:
        chain._revert(snapshot)


def account_slot(sportsbook: Any, bettor: Bettor) -> int:
    """The slot of the account word: the accounts are an array among the first slots."""
    for slot in range(16):
        word = web3.eth.get_storage_at(sportsbook.address, slot + bettor.account)
        if int.from_bytes(word, "big") >> 96 == int(bettor.address, 16):
            return slot + bettor.account
    raise AssertionError("the account is not among the first slots")


def set_storage(address: str, slot: int, word: int) -> None:
    """Writes a contract's storage, for what would take an account years to reach."""
    value = "0x" + word.to_bytes(32, "big").hex()
    for method in ("anvil_setStorageAt", "evm_setAccountStorageAt"):
        at = "0x" + slot.to_bytes(32, "big").hex()
        answer = web3.provider.make_request(method, [address, at, value])
        if "error" not in answer:
            return
    raise AssertionError("this node cannot set storage")


def set_code(address: str, code: bytes) -> None:
    """Puts code at an address whose key somebody holds, as a delegation by EIP-7702 does."""
    for method in ("anvil_setCode", "evm_setAccountCode"):
        answer = web3.provider.make_request(method, [address, "0x" + code.hex()])
        if "error" not in answer:
            return
    raise AssertionError("this node cannot set code")
