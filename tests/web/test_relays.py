"""A visitor without any coin of the chain deposits, asks for an exit and excludes themself, in a
real browser against a whole house. What the app says is compared with what the wallet signed and
with what the house and the chain have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from eth_utils.crypto import keccak
from web3 import Web3
from web3.types import RPCEndpoint

from tests.support.compiled import compiled
from tests.web.conftest import House
from tests.web.test_reference import opened
from tests.web.test_slips import api_of, check_looks

AUTHORIZER = 73

# Its key belongs to nobody, so that its address has never had a coin.
POOR = keccak(text="a visitor without coins")


async def test_visitor_without_coins_deposits_exits_and_excludes_themself(
    house: House, tmp_path: Path
) -> None:
    keys = f"{house.visitors(66)},0x{POOR.hex()}"
    found = await opened(house.url, tmp_path, house.node, keys, script="relays_page.mjs")
    assert found["complaints"] == []
    assert found["axe"] == []
    assert [name for name, pixels in found["overflow"] if pixels > 0] == []
    assert sorted(found["hosts"]) == sorted([house.url, house.node])

    # Without a coin, and without a transaction of the wallet's own.
    assert (found["coins"], found["transactions"], found["sent"]) == ("0", 0, 0)
    # Two clicks and a lost answer sign once, and deposit once.
    assert found["deposit"] == {"signed": 1, "value": "80000000", "posted": 2, "same": 1}
    assert found["available"] == "80.00 tUSD"
    assert found["requests"] == [
        ["Request an exit of micro", "80000000", "0"],
        ["Request an exit of micro", "0", "1"],
    ]
    assert found["choicesWithout"] == 0

    async with httpx.AsyncClient(base_url=house.url) as api:
        account = (await api.get(f"/v1/accounts/by-owner/{found['owner']}")).json()
        relays = (await api.get(f"/v1/accounts/by-owner/{found['owner']}/relays")).json()["relays"]
    assert (account["balance_micro"], account["request_number"]) == ("80000000", 3)
    assert account["excluded_until_s"] == found["excludedUntilS"]
    kinds = [relay["kind"] for relay in relays]
    assert kinds == ["exclude", "request-exit", "request-exit", "permit"]
    assert {relay["status"] for relay in relays} <= {"tentative", "confirmed", "final"}


@contextmanager
def token_without_permits(house: House) -> Iterator[None]:
    """The house's token has what USDC has, but no permits."""
    node = Web3(Web3.HTTPProvider(house.node))
    token = httpx.get(f"{house.url}/v1/contracts").json()["token"]["address"]
    before = node.eth.get_code(token).to_0x_hex()
    deployer = node.eth.account.from_key(house.visitors(AUTHORIZER))
    bytecode = compiled()["DollarToken"]["bytecode"].removeprefix("0x")
    transaction = {
        **{"from": deployer.address, "data": f"0x{bytecode}", "gas": 5_000_000},
        **{"gasPrice": node.eth.gas_price, "chainId": node.eth.chain_id},
        "nonce": node.eth.get_transaction_count(deployer.address),
    }
    sent = node.eth.send_raw_transaction(deployer.sign_transaction(transaction).raw_transaction)
    receipt = node.eth.wait_for_transaction_receipt(sent)
    deployed = receipt["contractAddress"]
    assert deployed is not None
    code = node.eth.get_code(deployed).to_0x_hex()
    # The contract finds neither function: other selectors lead to them.
    for signature in (
        "nonces(address)",
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    ):
        selector = keccak(text=signature)[:4].hex()
        assert code.count(f"63{selector}") == 1
        code = code.replace(f"63{selector}", f"63{int(selector, 16) ^ 1:08x}")
    set_code(node, token, code)
    try:
        yield
    finally:
        set_code(node, token, before)


def set_code(node: Web3, address: str, code: str) -> None:
    """In the words of either chain."""
    is_anvil = "anvil" in node.client_version.lower()
    method = "anvil_setCode" if is_anvil else "evm_setAccountCode"
    answer = node.provider.make_request(RPCEndpoint(method), [address, code])
    assert "error" not in answer, answer


async def test_token_without_permits_takes_deposits_by_authorization(
    house: House, tmp_path: Path
) -> None:
    key = house.visitors(AUTHORIZER)
    # An API reads what the token can do when it starts.
    with token_without_permits(house), api_of(house) as url:
        found = await opened(url, tmp_path, house.node, key, script="authorized_page.mjs")
    check_looks(found)
    assert found["messages"] == ["ReceiveWithAuthorization"]

    # The house sends what the window showed field by field, and what it showed was signed.
    [posted] = found["posted"]
    by_house = found["house"]
    assert by_house["signer"] == by_house["owner"]
    owner, sportsbook = by_house["owner"].lower(), found["sportsbook"].lower()
    assert found["shown"] == [
        *(["from", owner], ["to", sportsbook], ["value", "70000000"]),
        *(["validAfter", "0"], ["validBefore", str(posted["valid_before_s"])]),
        ["nonce", by_house["nonce"]],
    ]
    assert found["readings"][:3] == ["your address", "the sportsbook contract", "70.00 tUSD"]
    assert (posted["amount_micro"], posted["valid_after_s"]) == ("70000000", 0)

    # One transaction of the wallet, which carries what it signed.
    by_wallet = found["wallet"]
    assert by_wallet["transactions"] == 1
    called = {name: value.lower() for name, value in by_wallet["called"].items()}
    assert {name: value.lower() for name, value in by_wallet["signed"].items()} == called
    async with httpx.AsyncClient(base_url=house.url) as api:
        owners = (by_house["owner"], by_wallet["owner"])
        accounts = [(await api.get(f"/v1/accounts/by-owner/{owner}")).json() for owner in owners]
        relays = (await api.get(f"/v1/accounts/by-owner/{owners[0]}/relays")).json()["relays"]
    assert [one["balance_micro"] for one in accounts] == ["70000000", "25000000"]
    assert [relay["kind"] for relay in relays] == ["authorization"]
