"""An account bets right after a reorg, with what the API says of it then.

Branches: the reorg removed its placed bet and its relayed request · it removed the account itself,
and another owner opened the number. What was signed after the reorg is placed on the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from protocol.signatures import compact, sign
from protocol.typed_data import Action, Request
from tests.backend.api.bettors import body_of
from tests.backend.api.client import is_problem
from tests.backend.api.test_enforceable import STAKE_MICRO, api, engine, match, signed
from tests.backend.batching.conftest import OPERATOR_SIGNER, make_batcher
from tests.support.accepted_slips import Game
from tests.support.house import OPERATOR, House
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import Bettor
from tests.support.terms import DEPOSIT_MICRO

__all__ = ["api", "engine", "match"]

# Below the blocks that a test removes.
OLDER_BLOCKS = 12
DEPTH = 8


@pytest.fixture(scope="module", params=["anvil"])
def deployed(request: pytest.FixtureRequest, deployments: Callable[[str], House]) -> House:
    """Ganache cannot reorganise its chain."""
    return deployments(request.param)


@pytest.fixture
def second(engine: Engine, house: House) -> Callable[[], None]:
    """The worker's tasks, a block, and the indexer."""
    policy = DeliveryPolicy(confirmations=2, bump_after_s=600, fee_cap_wei=500 * 10**9)
    delivery = Delivery(engine, Node(house.node.url, CHAIN_ID), OPERATOR_SIGNER, policy)
    batcher = make_batcher(engine, house)

    def work() -> None:
        batcher.flush(house.now_s())
        delivery.pump()
        house.node.mine()
        follow(engine, house)

    return work


async def shown(api: httpx.AsyncClient, bettor: Bettor) -> dict[str, Any]:
    answer = await api.get(f"/v1/accounts/by-owner/{bettor.address}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def bet(api: httpx.AsyncClient, house: House, bettor: Bettor, match: Game, nonce: int) -> str:
    """Submit a slip; its id."""
    answer = await api.post("/v1/slips", json=body_of(*signed(house, bettor, match, nonce=nonce)))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def status(api: httpx.AsyncClient, slip: str) -> str:
    return str((await api.get(f"/v1/slips/{slip}")).json()["status"])


def relay(house: House, bettor: Bettor, number: int) -> None:
    """Ask for no exit, by somebody else's transaction."""
    asked = Request(bettor.account, Action.REQUEST_EXIT, 0, 0, number, house.now_s() + 600)
    signature = compact(sign(house.slip_domain.digest(asked.struct_hash()), bettor.key))
    house.contracts.send_as(OPERATOR, "Sportsbook", "relay", asked.arguments(), signature)


def deposit(house: House, owner: Bettor) -> Bettor:
    """The owner with the account that a deposit opens."""
    house.send("Sportsbook", "depositFor", owner.address, DEPOSIT_MICRO)
    return replace(owner, account=house.call("Sportsbook", "accountOf", owner.address))


async def test_account_bets_right_after_a_reorg_has_removed_its_bet(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    second: Callable[[], None],
) -> None:
    bettor = house.open_account()
    house.node.mine(OLDER_BLOCKS)
    follow(engine, house)
    before = await shown(api, bettor)
    assert (before["next_nonce"], before["request_number"]) == (1, 0)
    first = await bet(api, house, bettor, match, before["next_nonce"])
    second()
    assert await status(api, first) == "placed"
    relay(house, bettor, 0)
    follow(engine, house)
    placed = await shown(api, bettor)
    assert (placed["next_nonce"], placed["request_number"]) == (2, 1)

    house.node.rpc("anvil_reorg", DEPTH, [])
    follow(engine, house)
    after = await shown(api, bettor)
    assert after["balance_micro"] == before["balance_micro"]
    assert after["reserved_micro"] == str(STAKE_MICRO)
    assert (after["next_nonce"], after["request_number"]) == (2, 0)
    again = await bet(api, house, bettor, match, after["next_nonce"])
    relay(house, bettor, after["request_number"])
    for _ in range(20):
        second()
        if {await status(api, slip) for slip in (first, again)} == {"placed"}:
            break
    else:
        pytest.fail(f"{await status(api, first)}, {await status(api, again)}")
    ended = await shown(api, bettor)
    assert (ended["pending_slips"], ended["next_nonce"], ended["request_number"]) == (0, 3, 1)
    assert int(ended["balance_micro"]) == int(before["balance_micro"]) - 2 * STAKE_MICRO


async def test_account_whose_number_a_reorg_gave_to_another_owner_bets_at_once(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    second: Callable[[], None],
) -> None:
    house.node.mine(OLDER_BLOCKS)
    ann, bob = house.open_account(), house.open_account()
    follow(engine, house)
    lost = await bet(api, house, ann, match, 1)
    house.node.rpc("anvil_reorg", DEPTH, [])
    follow(engine, house)
    is_problem(await api.get(f"/v1/accounts/by-owner/{ann.address}"), 404, "account-unknown")

    # Now Bob's deposit comes first.
    before = ann.account
    bob, ann = deposit(house, bob), deposit(house, ann)
    assert (bob.account, ann.account) == (before, before + 1)
    follow(engine, house)
    slips = [
        await bet(api, house, bettor, match, (await shown(api, bettor))["next_nonce"])
        for bettor in (ann, bob)
    ]
    for _ in range(20):
        second()
        if {await status(api, slip) for slip in slips} == {"placed"}:
            break
    else:
        pytest.fail(str([await status(api, slip) for slip in (lost, *slips)]))
    assert await status(api, lost) != "placed"
