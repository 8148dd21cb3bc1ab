"""The Python client bets on a real house, and refuses what an API could lie about.

Branches: accepted, found, left out · a lost answer, and none before the deadline · enforced by
its receipt · an API of another contract or chain · an account that is not the key's · a nonce that
is used · receipts that do not commit the house · the stream, over a lost connection.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fairline_client import (
    AcceptedBet,
    Bettor,
    HouseDiffers,
    NotPlaced,
    OddsStream,
    ReceiptInvalid,
    Refused,
    Sportsbook,
)
from fairline_client.receipts import check_receipt

from protocol.signatures import sign
from protocol.typed_data import Domain, Receipt
from tests.backend.api.bettors import ALPHA
from tests.backend.api.client import until
from tests.backend.api.served_house import api_url
from tests.backend.api.test_enforceable import engine, match
from tests.backend.api.world import World
from tests.backend.surface.process import running_api
from tests.support.house import OPERATOR, RECEIPT_SIGNER, House
from tests.support.people import Bettor as Person
from tests.support.people import stranger_key
from tests.support.terms import UNIT

__all__ = ["api_url", "engine", "match"]

STAKE_MICRO = 2 * UNIT


@dataclass(frozen=True, slots=True)
class Setting:
    """A house that listens, its contract, and a bettor whom both know."""

    api_url: str
    rpc_url: str
    address: str
    bettor: Person

    def sportsbook(self, kind: type[Sportsbook] = Sportsbook) -> Sportsbook:
        return kind(self.api_url, self.rpc_url, self.address)


@pytest.fixture
async def setting(api_url: str, house: House) -> Setting:
    person = house.open_account(100 * UNIT)
    house.node.set_balance(person.address, 10**20)
    async with httpx.AsyncClient(base_url=api_url) as api:

        async def known() -> bool:
            return (await api.get(f"/v1/accounts/{person.account}")).status_code == 200

        await until(known, 30)
    # From the deployment, not from the API.
    address = json.loads(house.deployment_file.read_text())["contracts"]["Sportsbook"]
    return Setting(api_url, house.node.url, address, person)


def bet(bettor: Bettor, **terms: Any) -> AcceptedBet:
    fixture = bettor.sportsbook.fixtures()[0]
    return bettor.bet([(fixture, fixture["markets"][0], 0)], STAKE_MICRO, 10_001, **terms)


async def test_bet_is_accepted_checked_and_enforced(setting: Setting, house: House) -> None:
    def steps() -> None:
        bettor = Bettor(setting.sportsbook(), setting.bettor.key)
        made = [bet(bettor) for _ in range(2)]
        assert [one.slip["nonce"] for one in made] == [1, 2]
        for one in made:
            found = bettor.find(one.slip_hash)
            assert found is not None
            assert found["id"] == one.id
        assert bettor.find(bytes(32)) is None
        # No operator runs here.
        with pytest.raises(NotPlaced, match="the bet is accepted"):
            bettor.wait_placed(made[1], 0.1)
        bettor.enforce(made[0])
        assert bettor.wait_placed(made[0], 60)["bet"] == 0
        with pytest.raises(Refused) as placed:
            bettor.enforce(made[0])
        assert placed.value.status == 409

    await asyncio.to_thread(steps)
    assert house.call("Sportsbook", "accountAt", setting.bettor.account)[2] == 1


class LosesAnswers(Sportsbook):
    """The first answer is lost on its way."""

    lost = 0

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = super().post(path, body)
        if not self.lost:
            self.lost += 1
            raise httpx.ReadError("the connection was reset")
        return answer


class Away(Sportsbook):
    """The API does not answer."""

    def post(self, path: str, body: dict[str, Any]) -> Any:
        raise httpx.ConnectError("refused")


async def test_lost_answer_bets_once(setting: Setting) -> None:
    def steps() -> None:
        bettor = Bettor(setting.sportsbook(LosesAnswers), setting.bettor.key)
        made = bet(bettor)
        slips = bettor.sportsbook.get(f"/v1/accounts/{bettor.account}/slips")["slips"]
        assert [slip["id"] for slip in slips] == [made.id]

    await asyncio.to_thread(steps)


async def test_slip_without_an_answer_ends_with_its_deadline(setting: Setting) -> None:
    def steps() -> None:
        bettor = Bettor(setting.sportsbook(Away), setting.bettor.key)
        with pytest.raises(TimeoutError, match="no answer before the deadline"):
            bet(bettor, deadline_s=bettor.sportsbook.now_s())

    await asyncio.to_thread(steps)


async def test_refusal_is_raised_with_its_code(setting: Setting) -> None:
    def steps() -> None:
        bettor = Bettor(setting.sportsbook(), setting.bettor.key)
        fixture = bettor.sportsbook.fixtures()[0]
        with pytest.raises(Refused) as refused:
            bettor.bet([(fixture, fixture["markets"][0], 0)], STAKE_MICRO, 5_000_000)
        assert (refused.value.code, refused.value.status) == ("odds-moved", 409)

    await asyncio.to_thread(steps)


class OfAnotherChain(Sportsbook):
    """The API names another chain."""

    def get(self, path: str) -> Any:
        answer = super().get(path)
        return {**answer, "chain_id": 1} if path == "/v1/contracts" else answer


class NamesUsedNonces(Sportsbook):
    """The API names a nonce that was used."""

    def get(self, path: str) -> Any:
        answer = super().get(path)
        return {**answer, "next_nonce": 0} if path.startswith("/v1/accounts/") else answer


async def test_what_differs_from_the_contract_is_not_signed(setting: Setting) -> None:
    def steps() -> None:
        with pytest.raises(HouseDiffers, match="not of 0x"):
            Sportsbook(setting.api_url, setting.rpc_url, f"0x{'11' * 20}")
        with pytest.raises(HouseDiffers, match="of chain 1, the node of 1337"):
            setting.sportsbook(OfAnotherChain)
        with pytest.raises(HouseDiffers, match="has no account yet"):
            Bettor(setting.sportsbook(), stranger_key(2_100))
        bettor = Bettor(setting.sportsbook(NamesUsedNonces), setting.bettor.key)
        with pytest.raises(HouseDiffers, match="nonce 0 of account"):
            bet(bettor)

    await asyncio.to_thread(steps)


def signed(setting: Setting, key: bytes, receipt: Receipt) -> dict[str, Any]:
    domain = Domain(1337, setting.address)
    return {
        "slip": f"0x{receipt.slip_hash.hex()}",
        "accepted_at_s": receipt.accepted_at_s,
        "odds_e4": list(receipt.odds_e4),
        "signature": f"0x{sign(domain.digest(receipt.struct_hash()), key).hex()}",
    }


HASH, OTHER = b"\x11" * 32, b"\x22" * 32
INVALID: dict[str, tuple[bytes, bytes, int, tuple[int, ...], str]] = {
    "of_another_slip": (RECEIPT_SIGNER, OTHER, 0, (20_000,), "of another slip"),
    "lower_odds": (RECEIPT_SIGNER, HASH, 0, (19_999,), "below those"),
    "one_leg_more": (RECEIPT_SIGNER, HASH, 0, (20_000, 20_000), "odds for 2 legs"),
    "long_ago": (RECEIPT_SIGNER, HASH, -100_000, (20_000,), "accepted at"),
    "after_the_deadline": (RECEIPT_SIGNER, HASH, 61, (20_000,), "accepted at"),
    "by_the_operator": (OPERATOR, HASH, 0, (20_000,), "no key"),
    "by_a_stranger": (stranger_key(2_101), HASH, 0, (20_000,), "no key"),
}


@pytest.mark.parametrize("name", [*INVALID, "valid"])
async def test_receipt_that_does_not_commit_the_house_is_reported(
    name: str, setting: Setting
) -> None:
    key, slip_hash, later_s, odds_e4, words = INVALID.get(
        name, (RECEIPT_SIGNER, HASH, 0, (20_000,), "")
    )

    def steps() -> None:
        sportsbook = setting.sportsbook()
        now_s = sportsbook.now_s()
        receipt = signed(setting, key, Receipt(slip_hash, now_s + later_s, odds_e4))
        slip = {"minOddsE4": 20_000, "deadline": now_s + 60, "legs": [{}]}
        if name == "valid":
            check_receipt(sportsbook, receipt, slip, HASH, now_s)
            return
        with pytest.raises(ReceiptInvalid, match=words):
            check_receipt(sportsbook, receipt, slip, HASH, now_s)

    await asyncio.to_thread(steps)


async def test_stream_goes_on_over_a_restart(world: World, tmp_path: Path) -> None:
    market = f"0x{ALPHA.result.pack().hex()}"

    def steps() -> None:
        with running_api(tmp_path, world.environment()) as first:
            stream = OddsStream(first.url, [f"0x{ALPHA.id.hex()}"])
            messages = stream.messages()
            assert next(messages)["type"] == "snapshot"
            world.offer(ALPHA.result, 21_000, 31_000, 40_000, version=2)
            while stream.odds[market] != [21_000, 31_000, 40_000]:
                next(messages)
        world.offer(ALPHA.result, 22_000, 31_000, 40_000, version=3)
        with running_api(tmp_path, world.environment(), port=first.port):
            while stream.odds[market] != [22_000, 31_000, 40_000]:
                next(messages)

    await asyncio.to_thread(steps)
