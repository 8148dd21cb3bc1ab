"""Tests what the API reads from a chain node, with the contracts on real nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from backend.accounts.refusals import SignatureInvalid
from backend.accounts.signatures import check_signature
from backend.chain_view import ChainUnreachable, ChainView
from protocol.signatures import compact, pair, sign
from protocol.typed_data import Withdrawal
from tests.support.compiled import compiled
from tests.support.nodes import free_port, running_node
from tests.support.sportsbook import HOUSE, OWNER, Book, deploy
from tests.support.terms import UNIT

STRUCT_HASH = keccak(text="a slip")
HOSTILE_MOODS = range(1, 6)


@pytest.fixture(params=["anvil", "ganache"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with running_node(request.param, tmp_path / "chain") as node:
        yield deploy(node, tmp_path)


@pytest.fixture
async def view(book: Book) -> AsyncIterator[ChainView]:
    made = ChainView(book.node.url, book.deployment.sportsbook)
    yield made
    await made.close()


def wallet_of(book: Book, key: bytes) -> Any:
    """A contract wallet whose owner is the key's address."""
    made = compiled()["MockWallet"]
    web3 = book.node.web3
    factory: Any = web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
    receipt = book.transact(OWNER, factory.constructor(Account.from_key(key).address))
    return web3.eth.contract(receipt["contractAddress"], abi=made["abi"])


async def test_contract_wallet_is_asked(book: Book, view: ChainView) -> None:
    domain = book.deployment.slip_domain
    key = keccak(text="wallet's owner")
    wallet = wallet_of(book, key)
    good = sign(domain.digest(STRUCT_HASH), key)

    async def check(signature: bytes, owner: str = wallet.address) -> None:
        await check_signature(domain, STRUCT_HASH, signature, owner, view)

    await check(good)
    # The contract reads 64 bytes as the signature of a key, and a wallet has none.
    for wrong in (sign(domain.digest(STRUCT_HASH), OWNER), b"\x01" * 200, compact(good)):
        with pytest.raises(SignatureInvalid):
            await check(wrong)
    with pytest.raises(SignatureInvalid):
        await check(good, owner=Account.from_key(OWNER).address)
    for mood in HOSTILE_MOODS:
        book.transact(OWNER, wallet.functions.setMood(mood))
        with pytest.raises(SignatureInvalid):
            await check(good)


async def test_withdrawals_are_counted(book: Book, view: ChainView) -> None:
    bettor = book.open_account()
    book.node.rpc(
        "anvil_setBalance" if book.node.kind == "anvil" else "evm_setAccountBalance",
        bettor.address,
        hex(10**18),
    )
    assert await view.withdrawals_used(bettor.account) == 0
    deadline_s = book.now_s() + 600
    withdrawal = Withdrawal(bettor.account, UNIT, deadline_s, 0)
    signature = sign(book.deployment.slip_domain.digest(withdrawal.struct_hash()), HOUSE)
    withdraw = book.contracts["Sportsbook"].functions.withdrawGranted
    book.transact(bettor.key, withdraw(pair(signature), withdrawal.word()))
    assert await view.withdrawals_used(bettor.account) == 1


async def test_unreachable_node_is_reported() -> None:
    view = ChainView(f"http://127.0.0.1:{free_port()}", "0x" + "12" * 20)
    with pytest.raises(ChainUnreachable):
        await view.withdrawals_used(1)
    with pytest.raises(ChainUnreachable):
        await view.signature_valid("0x" + "12" * 20, b"\0" * 32, b"\1" * 65)
    await view.close()
