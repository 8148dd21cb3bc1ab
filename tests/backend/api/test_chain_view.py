"""Tests what the API reads from a chain node, with the contracts on real nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from backend.accounts.check_signature import check_signature
from backend.accounts.refusals import SignatureInvalid
from backend.chain_view import ChainUnreachable, ChainView, HouseState
from backend.deployment import Deployment
from backend.house_keys import key_refused
from backend.house_state import HouseView
from backend.one_chain import ChainHashes
from backend.slips.example_messages import authorization_to
from protocol.roles import Role
from protocol.signatures import compact, pair, sign
from protocol.typed_data import Withdrawal
from protocol.wallet_messages import types_of
from tests.support.accepted_slips import deployment_of
from tests.support.compiled import compiled
from tests.support.house import OWNER, RECEIPT_SIGNER, House
from tests.support.nodes import CHAIN_ID, free_port
from tests.support.people import CASH_OUT_SIGNER, WITHDRAWAL_SIGNER, Bettor, key_address
from tests.support.terms import RECEIPT_BUDGET_MICRO, UNIT

REVERTED = {"code": 3, "message": "execution reverted", "data": "0x"}
WITHDRAWAL = Withdrawal(1, UNIT, 2**40 - 1, 0)
NOWHERE = Deployment(CHAIN_ID, "0x" + "12" * 20, "0x" + "34" * 20)
HOSTILE_MOODS = range(1, 6)


@pytest.fixture
async def view(house: House) -> AsyncIterator[ChainView]:
    made = ChainView(house.node.url, deployment_of(house))
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
    good = sign(domain.digest(WITHDRAWAL.struct_hash()), key)

    async def check(signature: bytes, owner: str = wallet.address) -> None:
        await check_signature(domain, WITHDRAWAL, signature, owner, view)

    await check(good)
    # The contract reads 64 bytes as the signature of a key, and a wallet has none.
    for wrong in (
        sign(domain.digest(WITHDRAWAL.struct_hash()), OWNER),
        b"\x01" * 200,
        compact(good),
    ):
        with pytest.raises(SignatureInvalid):
            await check(wrong)
    with pytest.raises(SignatureInvalid):
        await check(good, owner=Account.from_key(OWNER).address)
    for mood in HOSTILE_MOODS:
        house.contracts.transact(OWNER, wallet.functions.setMood(mood))
        with pytest.raises(SignatureInvalid):
            await check(good)


async def test_token_describes_itself_and_its_permits(house: House, view: ChainView) -> None:
    deployment = deployment_of(house)
    assert deployment.token is not None
    token = await view.token(deployment.token, CHAIN_ID)
    assert (token.name, token.symbol) == ("Fairline Test Dollar", "tUSD")
    domain = token.permit_domain
    assert domain == {
        "name": "Fairline Test Dollar",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": deployment.token,
    }
    # One that takes no permits, and an address without code.
    for other in (deployment.sportsbook, "0x" + "12" * 20):
        assert (await view.token(other, CHAIN_ID)).name is None
    assert (await view.token(deployment.token, CHAIN_ID + 1)).permit_domain is None
    # It takes permits, and no authorizations.
    assert token.authorization_domain is None


async def test_authorization_in_the_tokens_domain_is_taken_by_the_token(
    house: House, view: ChainView
) -> None:
    web3 = house.node.web3
    made = compiled()["DollarToken"]
    factory: Any = web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
    address = house.contracts.transact(OWNER, factory.constructor())["contractAddress"]
    dollar: Any = web3.eth.contract(address, abi=made["abi"])
    token = await view.token(address, CHAIN_ID)
    assert token.authorization_domain == token.permit_domain
    assert token.authorization_domain is not None
    key = keccak(text="owner of dollars")
    owner, receiver = key_address(key), key_address(OWNER)
    house.contracts.transact(OWNER, dollar.functions.mint(owner, 5))
    message = {**authorization_to(receiver), "from": owner, "value": 5, "validBefore": 2**40}
    name = "ReceiveWithAuthorization"
    signed = Account.sign_typed_data(key, token.authorization_domain, types_of(name), message)
    values = (*message.values(), signed.v, signed.r.to_bytes(32), signed.s.to_bytes(32))
    arguments = [int(v) if str(v).isdigit() else v for v in values]
    house.contracts.transact(OWNER, dollar.functions.receiveWithAuthorization(*arguments))
    assert dollar.functions.balanceOf(receiver).call() == 5


def give_gas(house: House, bettor: Bettor) -> None:
    house.node.set_balance(bettor.address, 10**18)


async def test_state_of_the_house_is_read_at_one_block(house: House, view: ChainView) -> None:
    receipt_signer, withdrawal_signer = key_address(RECEIPT_SIGNER), key_address(WITHDRAWAL_SIGNER)
    cash_out_signer = key_address(CASH_OUT_SIGNER)
    state = await view.house(receipt_signer, withdrawal_signer)
    assert state.cash_out_key is None
    state = await view.house(receipt_signer, withdrawal_signer, cash_out_signer)
    assert state.cash_out_key is not None
    assert state.cash_out_key.role is Role.CASH_OUTS
    assert state.block == house.node.web3.eth.block_number
    genesis = bytes(house.node.web3.eth.get_block(0)["hash"])
    assert state.hashes == ChainHashes(genesis, genesis)
    assert (state.receipt_key.role, state.withdrawal_key.role) == (Role.RECEIPTS, Role.WITHDRAWALS)
    assert state.receipt_key.left_micro == state.receipt_key.budget_micro == RECEIPT_BUDGET_MICRO
    assert state.limits.receipt_reserve_micro == RECEIPT_BUDGET_MICRO
    now_s = house.now_s()
    for key, role, address in (
        (state.receipt_key, Role.RECEIPTS, receipt_signer),
        (state.withdrawal_key, Role.WITHDRAWALS, withdrawal_signer),
    ):
        assert key_refused(key, role, address, "SETTING", now_s) is None
    house.send("Sportsbook", "retireKey", receipt_signer)
    state = await view.house(receipt_signer, key_address(OWNER))
    assert state.receipt_key.until_s == house.now_s()
    assert state.withdrawal_key.role is Role.NONE
    retired = key_refused(state.receipt_key, Role.RECEIPTS, receipt_signer, "SETTING", now_s)
    assert retired is not None
    assert "retired" in retired


async def test_house_view_reads_once_for_requests_of_the_same_moment(
    house: House, view: ChainView
) -> None:
    readings, clock = 0, 0.0

    async def read() -> HouseState:
        nonlocal readings
        readings += 1
        return await view.house(key_address(RECEIPT_SIGNER), key_address(WITHDRAWAL_SIGNER))

    shared = HouseView(read, max_age_s=1.0, clock=lambda: clock)
    states = await asyncio.gather(*(shared.state() for _ in range(5)))
    assert readings == 1
    house.node.mine()
    clock = 1.0
    assert await shared.state() == states[0]
    clock = 1.1
    assert (await shared.state()).block == states[0].block + 1
    assert readings == 2


async def test_withdrawals_are_counted(house: House, view: ChainView) -> None:
    bettor = house.open_account()
    give_gas(house, bettor)
    assert await view.withdrawals_used(bettor.account) == 0
    deadline_s = house.now_s() + 600
    withdrawal = Withdrawal(bettor.account, UNIT, deadline_s, 0)
    signature = sign(
        deployment_of(house).slip_domain.digest(withdrawal.struct_hash()), WITHDRAWAL_SIGNER
    )
    withdraw = house.contracts.by_name["Sportsbook"].functions.withdrawGranted
    house.contracts.transact(bettor.key, withdraw(pair(signature), withdrawal.word()))
    assert await view.withdrawals_used(bettor.account) == 1


async def test_missing_sportsbook_is_reported(house: House) -> None:
    view = ChainView(house.node.url, replace(deployment_of(house), sportsbook=key_address(OWNER)))
    with pytest.raises(ChainUnreachable, match="does not have the sportsbook"):
        await view.withdrawals_used(1)
    await view.close()


async def test_unreachable_node_is_reported() -> None:
    view = ChainView(f"http://127.0.0.1:{free_port()}", NOWHERE)
    with pytest.raises(ChainUnreachable):
        await view.withdrawals_used(1)
    with pytest.raises(ChainUnreachable):
        await view.house("0x" + "12" * 20, "0x" + "12" * 20)
    with pytest.raises(ChainUnreachable):
        await view.signature_valid("0x" + "12" * 20, b"\0" * 32, b"\1" * 65)
    await view.close()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"result": "0x"}, None),
        ({"result": "0x", "error": None}, None),
        ({"error": REVERTED}, "reverted"),
        ({"error": "execution reverted"}, ChainUnreachable),
        ({"error": REVERTED | {"data": "0xzz"}}, ChainUnreachable),
        ({"error": {"code": -32000, "message": "header not found"}}, ChainUnreachable),
    ],
)
async def test_simulation_reads_any_reply(reply: dict[str, Any], expected: object) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"jsonrpc": "2.0", "id": 1, **reply}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        view = ChainView(f"http://127.0.0.1:{port}", NOWHERE)
        try:
            if expected is ChainUnreachable:
                with pytest.raises(ChainUnreachable):
                    await view.revert_of(b"", 100_000)
            else:
                assert await view.revert_of(b"", 100_000) == expected
        finally:
            await view.close()
