"""A house that sends what owners sign: fixtures and steps that its tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import pytest
from eth_account import Account
from sqlalchemy import Engine, text

from backend.api_settings import ApiSettings
from backend.relays.relaying import Relayer
from backend.services import Services
from backend.transactions.errors import LockBusy
from backend.transactions.node import Node
from protocol.signatures import sign
from protocol.typed_data import Action, Request
from protocol.wallet_messages import authorization_nonce, types_of
from tests.backend.api.live_house import live_settings, serving
from tests.backend.batching.conftest import OPERATOR_SIGNER, delivery, engine, land
from tests.support.accepted_slips import deployment_of
from tests.support.house import House
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import Bettor, key_address, stranger_key
from tests.support.terms import UNIT

__all__ = ["delivery", "engine", "land"]

GAS_PER_HOUR = 100_000_000
LIFE_S = 1_200
SALT = b"\x07" * 32
# Nobody else in the tests has these keys.
FIRST_STRANGER = 9_000

ACTIONS = {
    Action.REQUEST_EXIT: "request-exit",
    Action.EXIT: "exit",
    Action.EXCLUDE: "exclude",
    Action.CANCEL_NONCES: "cancel-nonces",
}


def count(engine: Engine, table: str) -> int:
    """How many rows a table has."""
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def settings_of(engine: Engine, house: House, redis_url: str) -> dict[str, Any]:
    """The settings of an API that takes relays."""
    return {**live_settings(engine, house, redis_url), "relay_gas_per_hour": GAS_PER_HOUR}


@pytest.fixture
async def services(engine: Engine, house: House, redis_url: str) -> AsyncIterator[Services]:
    made = Services.from_settings(ApiSettings(**settings_of(engine, house, redis_url)))
    follow(engine, house)
    async with made.running():
        yield made


@pytest.fixture
async def second_api(
    engine: Engine, house: House, redis_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the API."""
    async with serving(settings_of(engine, house, redis_url)) as other:
        yield other


@pytest.fixture
def relayer(engine: Engine, house: House) -> Relayer:
    return relayer_of(engine, house)


def relayer_of(engine: Engine, house: House, **settings: Any) -> Relayer:
    node = Node(house.node.url, CHAIN_ID)
    return Relayer(engine, node, deployment_of(house), OPERATOR_SIGNER.address, **settings)


class AnyRelayer(Protocol):
    def relay(self, now_s: int) -> int: ...


def relay_at_once(now_s: int, *relayers: AnyRelayer) -> int:
    """How many transactions relayers of different workers send together."""

    def relay(one: AnyRelayer) -> int:
        try:
            return one.relay(now_s)
        except LockBusy:
            return 0

    with ThreadPoolExecutor(len(relayers)) as pool:
        return sum(pool.map(relay, relayers))


@dataclass(frozen=True)
class Holder:
    """Somebody with tokens, and with no coin of the chain."""

    key: bytes

    @property
    def address(self) -> str:
        return key_address(self.key)


def token_name(house: House) -> str:
    return "TestToken" if "TestToken" in house.contracts.by_name else "ScaledToken"


def holder(house: House, number: int = 0, tokens_micro: int = 1_000 * UNIT) -> Holder:
    """A holder of tokens, without any coin."""
    made = Holder(stranger_key(FIRST_STRANGER + number))
    house.send(token_name(house), "mint", made.address, house.scale.to_units(tokens_micro))
    assert int(house.node.rpc("eth_getBalance", made.address, "latest"), 16) == 0
    return made


def move_tokens(house: House, owner: Holder, amount_micro: int) -> None:
    """The owner sends tokens away, having got the coins for that."""
    method = "anvil_setBalance" if house.node.kind == "anvil" else "evm_setAccountBalance"
    house.node.rpc(method, owner.address, hex(10**20))
    away = "0x" + "ad" * 20
    house.contracts.send_as(owner.key, "TestToken", "transfer", away, amount_micro)


def token_domain(house: House) -> dict[str, Any]:
    return {
        "name": "Fairline Test Dollar",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": house.contracts.by_name[token_name(house)].address,
    }


def sportsbook(house: House) -> str:
    return str(house.contracts.by_name["Sportsbook"].address)


def permit_body(
    house: House, owner: Holder, amount_micro: int = 100 * UNIT, **changes: Any
) -> dict[str, Any]:
    """The body of a deposit by permit. `key` signs, and `units` are signed, in place of the owner's
    key and the amount."""
    nonce = changes.get("nonce", house.call(token_name(house), "nonces", owner.address))
    deadline_s = changes.get("deadline_s", house.now_s() + LIFE_S)
    message = {
        "owner": owner.address,
        "spender": changes.get("spender", sportsbook(house)),
        "value": changes.get("units", house.scale.to_units(amount_micro)),
        "nonce": nonce,
        "deadline": deadline_s,
    }
    return {
        "owner": owner.address,
        "amount_micro": str(amount_micro),
        "nonce": str(nonce),
        "deadline_s": deadline_s,
        "signature": _signed(house, "Permit", message, changes.get("key", owner.key)),
    }


def authorization_body(
    house: House, owner: Holder, amount_micro: int = 100 * UNIT, **changes: Any
) -> dict[str, Any]:
    """The body of a deposit by authorization; `fee_micro` is signed in place of 0."""
    salt = changes.get("salt", SALT)
    valid_after_s = changes.get("valid_after_s", 0)
    valid_before_s = changes.get("valid_before_s", house.now_s() + LIFE_S)
    message = {
        "from": owner.address,
        "to": sportsbook(house),
        "value": house.scale.to_units(amount_micro),
        "validAfter": valid_after_s,
        "validBefore": valid_before_s,
        "nonce": authorization_nonce(changes.get("fee_micro", 0), salt),
    }
    return {
        "owner": owner.address,
        "amount_micro": str(amount_micro),
        "valid_after_s": valid_after_s,
        "valid_before_s": valid_before_s,
        "salt": f"0x{salt.hex()}",
        "signature": _signed(house, "ReceiveWithAuthorization", message, owner.key),
    }


def _signed(house: House, name: str, message: dict[str, Any], key: bytes) -> str:
    """As a wallet signs, which shares no code with what is tested."""
    signed = Account.sign_typed_data(key, token_domain(house), types_of(name), message)
    return f"0x{bytes(signed.signature).hex()}"


def request_body(
    house: House, bettor: Bettor, action: Action, value: int = 0, **changes: Any
) -> dict[str, Any]:
    """The body of a request; `fee_micro` and `key` sign in place of 0 and the owner's key."""
    number = changes.get("number", house.call("Sportsbook", "requestsOf", bettor.account))
    deadline_s = changes.get("deadline_s", house.now_s() + LIFE_S)
    fee_micro = changes.get("fee_micro", 0)
    request = Request(bettor.account, action, value, fee_micro, number, deadline_s)
    digest = house.slip_domain.digest(request.struct_hash())
    return {
        "account": bettor.account,
        "action": ACTIONS[action],
        "value": str(value),
        "number": number,
        "deadline_s": deadline_s,
        "signature": f"0x{sign(digest, changes.get('key', bettor.key)).hex()}",
    }


async def post(api: httpx.AsyncClient, what: str, body: dict[str, Any]) -> httpx.Response:
    return await api.post(f"/v1/relays/{what}", json=body)


async def taken(api: httpx.AsyncClient, what: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await post(api, what, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shown(api: httpx.AsyncClient, relay: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/relays/by-hash/{relay['relay_hash']}")).json()
    return found


def account_of(house: House, owner: Holder) -> int:
    return int(house.call("Sportsbook", "accountOf", owner.address))


def balance_of(house: House, account: int) -> int:
    return int(house.call("Sportsbook", "accountAt", account)[1])
