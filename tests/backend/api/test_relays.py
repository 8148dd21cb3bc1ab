"""Deposits and requests that the house sends for owners who have no coin of the chain: the real
contracts, the real indexer, the worker's relayer.

Branches: a first deposit by permit, which opens the account, and by authorization, of a token with
18 decimals; further deposits · an exit announced, cancelled, paid · an exclusion · cancelled
slips · the list of an owner, page by page · what is shown on the way · what GET /v1/typed-data says
of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from backend.api_settings import ApiSettings
from backend.relays.relaying import Relayer
from backend.services import Services
from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from protocol.typed_data import Action
from tests.backend.api.client import client, is_problem
from tests.backend.api.relaying import (
    account_of,
    authorization_body,
    balance_of,
    delivery,
    engine,
    holder,
    land,
    permit_body,
    post,
    relayer,
    relayer_of,
    request_body,
    services,
    settings_of,
    shown,
    taken,
    token_name,
)
from tests.backend.batching.conftest import OPERATOR_SIGNER
from tests.support.house import House
from tests.support.mirror import FINALITY, follow
from tests.support.nodes import CHAIN_ID, running_node
from tests.support.terms import DEPOSIT_MICRO, EXIT_DELAY_S, RECEIPT_WINDOW_S, UNIT

__all__ = ["delivery", "engine", "land", "relayer", "services"]


async def test_first_deposit_by_permit_opens_the_account_without_any_coin(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    owner = holder(house)
    unknown = await api.get(f"/v1/accounts/by-owner/{owner.address}")
    is_problem(unknown, 404, "account-unknown")
    body = permit_body(house, owner)
    relay = await taken(api, "permits", body)
    assert (relay["status"], relay["kind"], relay["value"]) == ("waiting", "permit", "100000000")
    assert (relay["account"], relay["number"], relay["fee_micro"]) == (None, "0", "0")

    assert relayer.relay(house.now_s()) == 1
    assert (await shown(api, relay))["status"] == "sent"
    # Asked and run again, nothing is sent twice.
    again = await post(api, "permits", body)
    assert (again.status_code, again.json()["status"]) == (200, "sent")
    assert relayer.relay(house.now_s()) == 0
    land()
    account = account_of(house, owner)
    assert balance_of(house, account) == 100 * UNIT
    landed = await shown(api, relay)
    assert (landed["status"], landed["account"]) == ("confirmed", account)
    assert landed["tx_hash"] is not None
    found = (await api.get(f"/v1/accounts/by-owner/{owner.address}")).json()
    assert (found["account"], found["available_micro"]) == (account, "100000000")
    for _ in range(FINALITY.depth + 2):
        house.node.mine()
    follow(engine, house)
    assert (await shown(api, relay))["status"] == "final"
    # Nothing is left that the sportsbook could take.
    spender = house.contracts.by_name["Sportsbook"].address
    assert house.call("TestToken", "allowance", owner.address, spender) == 0


async def test_next_deposit_is_of_the_same_account(
    api: httpx.AsyncClient, house: House, relayer: Relayer, land: Callable[[], None]
) -> None:
    owner = holder(house)
    for number in range(2):
        relay = await taken(api, "permits", permit_body(house, owner, 10 * UNIT))
        assert relay["number"] == str(number)
        assert relayer.relay(house.now_s()) == 1
        land()
    assert balance_of(house, account_of(house, owner)) == 20 * UNIT


async def test_list_of_an_owner_is_paged(
    api: httpx.AsyncClient, house: House, relayer: Relayer, land: Callable[[], None]
) -> None:
    owner, other = holder(house), holder(house, 1)
    hashes = []
    for _ in range(3):
        hashes.append((await taken(api, "permits", permit_body(house, owner)))["relay_hash"])
        relayer.relay(house.now_s())
        land()
    await taken(api, "permits", permit_body(house, other))
    path = f"/v1/accounts/by-owner/{owner.address.lower()}/relays"
    first = (await api.get(path, params={"limit": 2})).json()
    assert [one["relay_hash"] for one in first["relays"]] == hashes[:0:-1]
    rest = {"limit": 2, "cursor": first["next_cursor"]}
    second = (await api.get(path, params=rest)).json()
    assert [one["relay_hash"] for one in second["relays"]] == hashes[:1]
    assert second["next_cursor"] is None
    is_problem(await api.get(path, params={"cursor": "1-2"}), 422, "body-malformed")


async def test_exit_is_announced_and_paid_without_any_coin(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    bettor = house.open_account()
    follow(engine, house)

    async def relayed(action: Action, value: int = 0) -> dict[str, Any]:
        relay = await taken(api, "requests", request_body(house, bettor, action, value))
        assert relayer.relay(house.now_s()) == 1
        land()
        return await shown(api, relay)

    asked = await relayed(Action.REQUEST_EXIT, DEPOSIT_MICRO)
    assert (asked["status"], asked["kind"]) == ("confirmed", "request-exit")
    found = (await api.get(f"/v1/accounts/{bettor.account}")).json()
    assert (found["exit_micro"], found["request_number"]) == (str(DEPOSIT_MICRO), 1)
    # A new one replaces it, and 0 cancels it.
    await relayed(Action.REQUEST_EXIT, 0)
    assert (await api.get(f"/v1/accounts/{bettor.account}")).json()["exit_micro"] == "0"
    await relayed(Action.REQUEST_EXIT, DEPOSIT_MICRO)

    early = await post(api, "requests", request_body(house, bettor, Action.EXIT))
    is_problem(early, 409, "relay-reverts")
    assert early.json()["error"] == "ExitLocked"
    house.travel(EXIT_DELAY_S)
    follow(engine, house)
    await relayed(Action.EXIT)
    assert house.call("TestToken", "balanceOf", bettor.address) == DEPOSIT_MICRO
    assert balance_of(house, bettor.account) == 0
    # Without the owner having had a coin.
    assert int(house.node.rpc("eth_getTransactionCount", bettor.address, "latest"), 16) == 0


async def test_exclusion_and_cancellation_without_any_coin(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    relayer: Relayer,
    land: Callable[[], None],
) -> None:
    bettor = house.open_account()
    follow(engine, house)
    cancel = request_body(house, bettor, Action.CANCEL_NONCES, 1)
    assert (await taken(api, "requests", cancel))["kind"] == "cancel-nonces"
    relayer.relay(house.now_s())
    land()
    assert house.call("Sportsbook", "restrictionOf", bettor.account)[4] == 1
    until_s = house.now_s() + 10 * RECEIPT_WINDOW_S
    exclude = request_body(house, bettor, Action.EXCLUDE, until_s)
    relay = await taken(api, "requests", exclude)
    relayer.relay(house.now_s())
    land()
    assert (await shown(api, relay))["status"] == "confirmed"
    found = (await api.get(f"/v1/accounts/{bettor.account}")).json()
    assert found["excluded_until_s"] == until_s


@pytest.fixture(scope="module")
def dollar_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose token has 18 decimals, permits and authorizations."""
    folder = tmp_path_factory.mktemp("dollars")
    with running_node("anvil", folder / "chain") as node:
        yield House(node, folder, decimals=18)


@pytest.fixture
async def dollar_services(
    engine: Engine, dollar_house: House, redis_url: str
) -> AsyncIterator[Services]:
    dollar_house.resume_clock()
    follow(engine, dollar_house)
    settings = ApiSettings(**settings_of(engine, dollar_house, redis_url))
    made = Services.from_settings(settings)
    async with made.running():
        yield made


async def test_first_deposit_by_authorization_of_a_token_with_18_decimals(
    dollar_services: Services, engine: Engine, dollar_house: House
) -> None:
    owner = holder(dollar_house)
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    node = Node(dollar_house.node.url, CHAIN_ID)
    delivery = Delivery(engine, node, OPERATOR_SIGNER, policy)
    async with client(dollar_services) as api:
        # A fee that the house would not take is another message.
        paid = authorization_body(dollar_house, owner, fee_micro=1)
        is_problem(await post(api, "authorizations", paid), 403, "signature-invalid")
        relay = await taken(api, "authorizations", authorization_body(dollar_house, owner))
        assert (relay["kind"], relay["number"]) == ("authorization", None)
        assert relayer_of(engine, dollar_house).relay(dollar_house.now_s()) == 1
        for _ in range(3):
            delivery.pump()
            dollar_house.node.mine()
        follow(engine, dollar_house)
        assert (await shown(api, relay))["status"] == "confirmed"
        assert balance_of(dollar_house, account_of(dollar_house, owner)) == 100 * UNIT
        left = dollar_house.call(token_name(dollar_house), "balanceOf", owner.address)
        assert left == dollar_house.scale.to_units(900 * UNIT)
        again = authorization_body(dollar_house, owner, valid_before_s=dollar_house.now_s() + 900)
        is_problem(await post(api, "authorizations", again), 409, "authorization-used")
        early = authorization_body(
            dollar_house, owner, salt=b"\x08" * 32, valid_after_s=dollar_house.now_s() + 60
        )
        is_problem(await post(api, "authorizations", early), 409, "relay-too-early")
        permitted = await taken(api, "permits", permit_body(dollar_house, owner))
        assert permitted["kind"] == "permit"


async def test_pages_see_whether_the_house_sends(
    api: httpx.AsyncClient, services: Services, engine: Engine, house: House
) -> None:
    terms = (await api.get("/v1/typed-data")).json()["relaying"]
    least_micro = services.settings.min_stake_micro
    assert terms == {"min_deposit_micro": str(least_micro), "max_deadline_s": 3_600}
    services.settings.relay_gas_per_hour = None
    assert (await api.get("/v1/typed-data")).json()["relaying"] is None
    body = permit_body(house, holder(house))
    is_problem(await post(api, "permits", body), 409, "relay-unavailable")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM backend.relay")).scalar_one() == 0
