"""Tests what the API reads from a chain node, with the contracts on real nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from backend.accounts.check_signature import check_signature
from backend.accounts.refusals import SignatureInvalid
from backend.chain_view import ChainUnreachable, ChainView
from protocol.signatures import compact, pair, sign
from protocol.typed_data import Withdrawal
from tests.support.accepted_slips import deployment_of
from tests.support.compiled import compiled
from tests.support.house import HOUSE_SIGNER, OWNER, House
from tests.support.nodes import free_port, running_node
from tests.support.terms import UNIT

STRUCT_HASH = keccak(text="a slip")
HOSTILE_MOODS = range(1, 6)


@pytest.fixture(params=["anvil", "ganache"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with running_node(request.param, tmp_path / "chain") as node:
        yield House(node, tmp_path)


@pytest.fixture
async def view(house: House) -> AsyncIterator[ChainView]:
    made = ChainView(house.node.url, deployment_of(house).sportsbook)
    yield made
    await made.close()


def wallet_of(house: House, key: bytes) -> Any:
    """A contract wallet whose owner is the key's address."""
    made = compiled()["MockWallet"]
    web3 = house.node.web3
    factory: Any = web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
    receipt = house.contracts.transact(OWNER, factory.constructor(Account.from_key(key).address))
    return web3.eth.contract(receipt["contractAddress"], abi=made["abi"])


async def test_contract_wallet_is_asked(house: House, view: ChainView) -> None:
    domain = house.slip_domain
    key = keccak(text="wallet's owner")
    wallet = wallet_of(house, key)
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
        house.contracts.transact(OWNER, wallet.functions.setMood(mood))
        with pytest.raises(SignatureInvalid):
            await check(good)


async def test_withdrawals_are_counted(house: House, view: ChainView) -> None:
    bettor = house.open_account()
    house.node.rpc(
        "anvil_setBalance" if house.node.kind == "anvil" else "evm_setAccountBalance",
        bettor.address,
        hex(10**18),
    )
    assert await view.withdrawals_used(bettor.account) == 0
    deadline_s = house.now_s() + 600
    withdrawal = Withdrawal(bettor.account, UNIT, deadline_s, 0)
    signature = sign(
        deployment_of(house).slip_domain.digest(withdrawal.struct_hash()), HOUSE_SIGNER
    )
    withdraw = house.contracts.by_name["Sportsbook"].functions.withdrawGranted
    house.contracts.transact(bettor.key, withdraw(pair(signature), withdrawal.word()))
    assert await view.withdrawals_used(bettor.account) == 1


async def test_unreachable_node_is_reported() -> None:
    view = ChainView(f"http://127.0.0.1:{free_port()}", "0x" + "12" * 20)
    with pytest.raises(ChainUnreachable):
        await view.withdrawals_used(1)
    with pytest.raises(ChainUnreachable):
        await view.signature_valid("0x" + "12" * 20, b"\0" * 32, b"\1" * 65)
    await view.close()
