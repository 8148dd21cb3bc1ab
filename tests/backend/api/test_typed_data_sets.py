"""The sets of GET /v1/typed-data are signed by every library as they are, over the right hash."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from backend.contracts.token import Token
from backend.contracts.token_view import TokenView
from backend.services import Services
from backend.slips.example_messages import STRUCTS
from protocol.typed_data import Action, Withdrawal
from protocol.wallet_messages import message_of, types_of
from tests.backend.api.bettors import (
    DOMAIN,
    NOW_S,
    SPORTSBOOK,
    TOKEN,
    UNIT,
    Bettor,
    body_of,
    slip_of,
)
from tests.backend.api.fake_chain import FakeChain

WALLETS = Path(__file__).with_name("wallets.mjs")
TUTORIALS = Path(__file__).resolve().parents[3] / "docs" / "tutorials"
LIBRARIES = {"viem", "viem, v4", "ethers 6", "ethers 5", "MetaMask V4"}

OF_TOKEN = {"Permit", "ReceiveWithAuthorization"}

Sets = dict[str, dict[str, Any]]


def signatures_of(bettor: Bettor, sets: Sets) -> dict[str, dict[str, str]]:
    """What each library of JavaScript signs, by library and primary type."""
    request = {"key": f"0x{bettor.key.hex()}", "sets": sets}
    done = subprocess.run(
        ["node", str(WALLETS)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    assert set(found) == LIBRARIES
    return found


async def sets_of(api: httpx.AsyncClient) -> Sets:
    sets: Sets = (await api.get("/v1/typed-data")).json()["messages"]
    return sets


async def test_every_library_signs_each_set_as_it_is(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    sets = await sets_of(api)
    by_protocol = {
        type(struct).__name__: f"0x{DOMAIN.digest(struct.struct_hash()).hex()}"
        for struct in STRUCTS
    }
    assert set(sets) == {*by_protocol, *OF_TOKEN}
    expected = {}
    for name, typed in sets.items():
        assert name in OF_TOKEN or typed["digest"] == by_protocol[name]
        owner = Account.from_key(bettor.key)
        whole = owner.sign_message(encode_typed_data(full_message=typed["v4"]))
        parts = owner.sign_typed_data(typed["domain"], typed["types"], typed["message"])
        assert f"0x{bytes(whole.message_hash).hex()}" == typed["digest"]
        assert parts.signature == whole.signature
        expected[name] = f"0x{bytes(whole.signature).hex()}"
    for library, signed in signatures_of(bettor, sets).items():
        assert signed == expected, library


async def test_slips_and_withdrawals_that_libraries_sign_are_accepted(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    sets = await sets_of(api)
    for number, library in enumerate(sorted(LIBRARIES), start=1):
        slip = slip_of(bettor, nonce=number, stake_micro=UNIT)
        typed = with_message(sets["Slip"], message_of(slip))
        signature = signatures_of(bettor, {"Slip": typed})[library]["Slip"]
        answer = await api.post("/v1/slips", json=body_of(slip, signature))
        assert answer.status_code == 201, (library, answer.text)
    withdrawal = Withdrawal(bettor.account, 9_007_199_254_740_993, NOW_S + 300, 0)
    for library, signed in signatures_of(
        bettor, {"Withdrawal": with_message(sets["Withdrawal"], message_of(withdrawal))}
    ).items():
        # More than a number of JavaScript holds, and more than the account has.
        body = {
            "account": bettor.account,
            "amount_micro": str(withdrawal.amount_micro),
            "deadline_s": withdrawal.deadline_s,
            "sequence": 0,
            "signature": signed["Withdrawal"],
        }
        refused = (await api.post("/v1/withdrawals", json=body)).json()
        assert refused["code"] == "balance-insufficient", (library, refused)


def with_message(typed: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """The set with another message."""
    return {**typed, "message": message, "v4": {**typed["v4"], "message": message}}


async def test_permits_and_authorizations_are_in_the_tokens_domain(api: httpx.AsyncClient) -> None:
    sets = await sets_of(api)
    permit, authorization = sets["Permit"], sets["ReceiveWithAuthorization"]
    assert permit["domain"]["verifyingContract"] == TOKEN
    assert permit["message"]["spender"] == authorization["message"]["to"] == SPORTSBOOK
    assert authorization["signed_by"] == "owner"
    shown = (await api.get("/v1/contracts")).json()["token"]
    assert shown["permit_domain"] == permit["domain"]
    assert shown["authorization_domain"] == authorization["domain"]


@pytest.mark.parametrize(
    ("left_out", "domain"),
    [("Permit", "permit_domain"), ("ReceiveWithAuthorization", "authorization_domain")],
)
async def test_what_the_token_does_not_take_is_left_out(
    services: Services, api: httpx.AsyncClient, left_out: str, domain: str
) -> None:
    token = await services.token.token()
    assert token is not None

    async def without() -> Token:
        return replace(token, **{domain: None})

    services.token = TokenView(without)
    assert OF_TOKEN - set(await sets_of(api)) == {left_out}
    assert (await api.get("/v1/contracts")).json()["token"][domain] is None


async def test_example_of_an_authorization_has_the_nonce_of_the_fee_that_is_documented(
    api: httpx.AsyncClient,
) -> None:
    message = (await sets_of(api))["ReceiveWithAuthorization"]["message"]
    document = (await api.get("/openapi.json")).json()
    words = document["components"]["schemas"]["TypedDataPublic"]["properties"]["messages"]
    found = re.search(r"fee is (\d+) and its salt 0x([0-9a-f]{64})", words["description"])
    assert found is not None
    encoded = encode(("uint64", "bytes32"), (int(found[1]), bytes.fromhex(found[2])))
    assert message["nonce"] == f"0x{keccak(encoded).hex()}"


async def test_words_of_every_action_are_documented(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    words = document["components"]["schemas"]["TypedDataPublic"]["properties"]["messages"]
    tutorial = (TUTORIALS / "python.md").read_text()
    for action in Action:
        assert f"{action:d} is `{action.words}`" in words["description"]
        assert f"| {action:d} | {action.words} |" in tutorial


async def test_without_a_node_there_are_no_sets_of_the_token(
    api: httpx.AsyncClient, chain: FakeChain
) -> None:
    chain.reachable = False
    assert set(await sets_of(api)) == {type(struct).__name__ for struct in STRUCTS}
    token = (await api.get("/v1/contracts")).json()["token"]
    assert token == {
        "address": TOKEN,
        "decimals": 6,
        **dict.fromkeys(("name", "symbol", "permit_domain", "authorization_domain")),
    }


async def test_abi_of_each_contract_is_served(api: httpx.AsyncClient) -> None:
    contracts = (await api.get("/v1/contracts")).json()
    assert contracts["sportsbook"] == SPORTSBOOK
    assert contracts["rpc_url"] == "http://127.0.0.1:1"
    functions = {"Sportsbook": "enforce", "Results": "dispute", "Bankroll": "maxRedeem"}
    for name, function in functions.items():
        abi = (await api.get(f"/v1/contracts/{name}/abi")).json()
        assert function in {item.get("name") for item in abi}
    assert (await api.get("/v1/contracts/Other/abi")).status_code == 422


def test_types_of_a_set_are_those_of_its_message_alone() -> None:
    assert set(types_of("Slip")) == {"Slip", "Leg"}
    assert set(types_of("Quote")) == {"Quote", "Leg"}
    assert set(types_of("Withdrawal")) == {"Withdrawal"}
