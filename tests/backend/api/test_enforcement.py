"""The call data that the API answers for a receipt is what the real contracts take.

GET /v1/slips/{slip}/enforcement
├── answers `enforce` while no bet has the slip's nonce
│   ├── for anybody before the first match starts
│   └── for the owner from then on
├── answers `enforceInstead`, for the owner, when the slip was placed at other terms
│   └── unless that bet has ended, or is another slip's
└── refuses when the slip is placed as its receipt says, or its receipt has expired
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from protocol.signatures import compact, sign
from protocol.typed_data import Slip
from tests.backend.api.bettors import body_of
from tests.backend.api.client import is_problem
from tests.backend.api.test_enforceable import ODDS_E4, api, engine, match, offer, signed
from tests.support.accepted_slips import Game
from tests.support.batches import pack
from tests.support.house import OPERATOR, House
from tests.support.mirror import follow
from tests.support.people import Bettor, key_address, stranger_key
from tests.support.slips import Pick, Signed
from tests.support.terms import RECEIPT_WINDOW_S

__all__ = ["api", "engine", "match"]


@pytest.fixture
def bettor(engine: Engine, house: House) -> Bettor:
    opened = house.open_account()
    follow(engine, house)
    return opened


@pytest.fixture
def soon(engine: Engine, house: House, redis_url: str) -> Game:
    """A match that starts in three minutes."""
    game = Game("Soon v Now, 2030-01-01", house.now_s() + 180).open(engine)
    offer(redis_url, game, ODDS_E4)
    return game


async def accepted(
    api: httpx.AsyncClient, house: House, bettor: Bettor, match: Game
) -> tuple[Slip, str, dict[str, Any]]:
    slip, signature = signed(house, bettor, match)
    answer = await api.post("/v1/slips", json=body_of(slip, signature))
    assert answer.status_code == 201, answer.text
    return slip, signature, answer.json()


async def enforcement(api: httpx.AsyncClient, receipt: dict[str, Any]) -> dict[str, Any]:
    answer = await api.get(f"/v1/slips/{receipt['id']}/enforcement")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def send(house: House, key: bytes, address: str, call: dict[str, Any]) -> int:
    """Send a call as it is; returns the status of its receipt."""
    house.node.set_balance(address, 10**20)
    web3 = house.node.web3
    transaction: Any = {
        "to": call["to"],
        "data": call["data"],
        "chainId": call["chain_id"],
        "nonce": web3.eth.get_transaction_count(web3.to_checksum_address(address)),
        "gas": 2_000_000,
        "gasPrice": 20 * 10**9,
        "value": 0,
    }
    raw = web3.eth.account.sign_transaction(transaction, key).raw_transaction
    return int(web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(raw))["status"])


def place_at(
    house: House, match: Game, slip: Slip, signature: str, accepted_at_s: int, odds_e4: int
) -> None:
    """Place the slip as an operator who states other terms than the receipt."""
    pick = Pick(match.market, 0, odds_e4, match.name)
    compacted = compact(bytes.fromhex(signature[2:]))
    batch = pack(Signed(slip, (pick,), accepted_at_s, compacted))
    house.contracts.send_as(OPERATOR, "Sportsbook", "placeBatch", batch)


async def shown(api: httpx.AsyncClient, receipt: dict[str, Any]) -> dict[str, Any]:
    slip: dict[str, Any] = (await api.get(f"/v1/slips/{receipt['id']}")).json()
    return slip


async def test_anybody_can_send_what_is_answered(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    _, _, receipt = await accepted(api, house, bettor, match)
    call = await enforcement(api, receipt)
    assert (call["function"], call["sender"]) == ("enforce", None)
    assert call["enforce_until_s"] == receipt["enforce_until_s"]
    stranger = stranger_key(1_000)
    assert send(house, stranger, key_address(stranger), call) == 1
    follow(engine, house)
    assert (await shown(api, receipt))["status"] == "placed"
    again = await api.get(f"/v1/slips/{receipt['id']}/enforcement")
    is_problem(again, 409, "slip-placed")


async def test_owner_replaces_a_bet_at_other_terms(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    slip, signature, receipt = await accepted(api, house, bettor, match)
    place_at(house, match, slip, signature, receipt["accepted_at_s"], ODDS_E4 // 2)
    follow(engine, house)
    call = await enforcement(api, receipt)
    assert (call["function"], call["sender"]) == ("enforceInstead", bettor.address)
    assert send(house, bettor.key, bettor.address, call) == 1
    follow(engine, house)
    found = await shown(api, receipt)
    assert (found["status"], found["legs"][0]["odds_e4"]) == ("placed", ODDS_E4)
    bets = (await api.get(f"/v1/accounts/{bettor.account}/bets")).json()["bets"]
    assert [bet["state"] for bet in bets] == ["open", "replaced"]


async def test_only_the_owner_enforces_after_the_start(
    api: httpx.AsyncClient, engine: Engine, house: House, soon: Game, bettor: Bettor
) -> None:
    _, _, receipt = await accepted(api, house, bettor, soon)
    house.travel(200)
    follow(engine, house)
    call = await enforcement(api, receipt)
    assert (call["function"], call["sender"]) == ("enforce", bettor.address)
    assert send(house, bettor.key, bettor.address, call) == 1


async def test_expired_receipt_is_refused(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    _, _, receipt = await accepted(api, house, bettor, match)
    house.travel(RECEIPT_WINDOW_S + 2)
    follow(engine, house)
    answer = await api.get(f"/v1/slips/{receipt['id']}/enforcement")
    is_problem(answer, 409, "receipt-expired")


async def test_bet_of_another_slip_is_not_replaced(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    slip, _, receipt = await accepted(api, house, bettor, match)
    other = replace(slip, stake_micro=slip.stake_micro // 2)
    digest = house.slip_domain.digest(other.struct_hash())
    signature = "0x" + sign(digest, bettor.key).hex()
    place_at(house, match, other, signature, receipt["accepted_at_s"], ODDS_E4)
    follow(engine, house)
    answer = await api.get(f"/v1/slips/{receipt['id']}/enforcement")
    is_problem(answer, 409, "nothing-to-replace")


async def test_unknown_slip_is_not_found(
    api: httpx.AsyncClient, match: Game, bettor: Bettor
) -> None:
    answer = await api.get("/v1/slips/6f1c2b1e-6f0e-4f5e-9f0a-2f6d3c1b7a90/enforcement")
    is_problem(answer, 404, "not-found")
