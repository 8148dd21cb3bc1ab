"""The Python client bets on a real house, and refuses what an API could lie about.

Branches: accepted, found, left out · a lost answer, and none before the deadline · enforced by
its receipt · an API of another contract or chain · an account that is not the key's · a nonce that
is used · receipts that do not commit the house · the stream, over a lost connection.
"""

from __future__ import annotations

import asyncio
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
    Unanswered,
)
from fairline_client.receipts import check_receipt

from tests.backend.api.bettors import ALPHA
from tests.backend.api.client_house import (
    DEADLINE_S,
    HASH,
    INVALID,
    MIN_ODDS_E4,
    STAKE_MICRO,
    ClientHouse,
    client_house,
)
from tests.backend.api.served_house import api_url
from tests.backend.api.test_enforceable import engine, match
from tests.backend.api.world import World
from tests.backend.surface.process import running_api
from tests.support.house import House
from tests.support.people import stranger_key

__all__ = ["api_url", "client_house", "engine", "match"]


def sportsbook_of(house: ClientHouse, kind: type[Sportsbook] = Sportsbook) -> Sportsbook:
    return kind(house.api_url, house.rpc_url, house.address)


def bet(bettor: Bettor, **terms: Any) -> AcceptedBet:
    fixture = bettor.sportsbook.fixtures()[0]
    return bettor.bet([(fixture, fixture["markets"][0], 0)], STAKE_MICRO, 10_001, **terms)


async def test_bet_is_accepted_checked_and_enforced(
    client_house: ClientHouse, house: House
) -> None:
    def steps() -> None:
        bettor = Bettor(sportsbook_of(client_house), client_house.bettor.key)
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
    assert house.call("Sportsbook", "accountAt", client_house.bettor.account)[2] == 1


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


async def test_lost_answer_bets_once(client_house: ClientHouse) -> None:
    def steps() -> None:
        bettor = Bettor(sportsbook_of(client_house, LosesAnswers), client_house.bettor.key)
        made = bet(bettor)
        slips = bettor.sportsbook.get(f"/v1/accounts/{bettor.account}/slips")["slips"]
        assert [slip["id"] for slip in slips] == [made.id]

    await asyncio.to_thread(steps)


async def test_slip_without_an_answer_ends_with_its_deadline(client_house: ClientHouse) -> None:
    def steps() -> None:
        bettor = Bettor(sportsbook_of(client_house, Away), client_house.bettor.key)
        with pytest.raises(Unanswered, match="no answer before the deadline") as unanswered:
            bet(bettor, deadline_s=bettor.sportsbook.now_s())
        assert bettor.find(unanswered.value.signed.slip_hash) is None

    await asyncio.to_thread(steps)


async def test_refusal_is_raised_with_its_code(client_house: ClientHouse) -> None:
    def steps() -> None:
        bettor = Bettor(sportsbook_of(client_house), client_house.bettor.key)
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


class ExcludesWhoEnforces(Sportsbook):
    """The API gives a call of another function of the contract to send."""

    def get(self, path: str) -> Any:
        answer = super().get(path)
        return {**answer, "data": "0x1234abcd"} if path.endswith("/enforcement") else answer


async def test_what_differs_from_the_contract_is_not_signed(client_house: ClientHouse) -> None:
    def steps() -> None:
        with pytest.raises(HouseDiffers, match="not of 0x"):
            Sportsbook(client_house.api_url, client_house.rpc_url, f"0x{'11' * 20}")
        with pytest.raises(HouseDiffers, match="of chain 1, the node of 1337"):
            sportsbook_of(client_house, OfAnotherChain)
        with pytest.raises(HouseDiffers, match="has no account yet"):
            Bettor(sportsbook_of(client_house), stranger_key(2_100))
        bettor = Bettor(sportsbook_of(client_house, NamesUsedNonces), client_house.bettor.key)
        with pytest.raises(HouseDiffers, match="nonce 0 of account"):
            bet(bettor)
        bettor = Bettor(sportsbook_of(client_house, ExcludesWhoEnforces), client_house.bettor.key)
        with pytest.raises(HouseDiffers, match="wants 0x1234abcd called"):
            bettor.enforce(bet(bettor))

    await asyncio.to_thread(steps)


@pytest.mark.parametrize("name", [*INVALID, "valid"])
async def test_receipt_that_does_not_commit_the_house_is_reported(
    name: str, client_house: ClientHouse
) -> None:
    def steps() -> None:
        sportsbook = sportsbook_of(client_house)
        now_s = sportsbook.now_s()
        receipt, words = client_house.receipt(name, now_s)
        slip = {"minOddsE4": MIN_ODDS_E4, "deadline": now_s + DEADLINE_S, "legs": [{}]}
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
