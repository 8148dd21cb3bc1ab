"""The match-day control: what it does on a local chain, and that it exists nowhere else.

Branches: kick-off, full time, results, and what is listed of each match meanwhile · a match without
a full score · nothing ahead · slips that wait · tokens and coins, coins
alone where there are some, a token that nobody can mint, no token · a page of another site · a node
that is not a developer's · a page that was led to this machine · a faucet that many ask · a node of
another chain · a chain that is not local, with and without the setting; a local one
without it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text

from backend.api_settings import ApiSettings
from backend.feed.facts import MATCH_LENGTH_S
from backend.services import Services
from protocol.outcomes import ResultStatus
from protocol.typed_data import Result
from tests.backend.api.bettors import Bettor, signed
from tests.backend.api.client import client, is_problem
from tests.backend.api.live_house import live_settings
from tests.backend.api.test_enforceable import engine
from tests.backend.api.world import World
from tests.support.accepted_slips import Game
from tests.support.house import House
from tests.support.mirror import follow
from tests.support.terms import DISPUTE_WINDOW_S

__all__ = ["engine"]

PATHS = (("GET", "/v1/local/match-day"), ("POST", "/v1/local/travel"), ("POST", "/v1/local/faucet"))
STRANGER = "0x" + "5c" * 20


@pytest.fixture
async def local(engine: Engine, house: House, redis_url: str) -> AsyncIterator[Services]:
    settings = {**live_settings(engine, house, redis_url), "local_control": True}
    made = Services.from_settings(ApiSettings(**settings))
    async with made.running():
        yield made


@pytest.fixture
async def control(local: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with client(local) as made:
        yield made


async def travel(control: httpx.AsyncClient, to: str) -> httpx.Response:
    return await control.post("/v1/local/travel", json={"to": to})


async def matches(control: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await control.get("/v1/local/match-day")).json()["matches"]
    return found


async def test_a_match_day_is_played_by_three_jumps(
    control: httpx.AsyncClient, engine: Engine, house: House
) -> None:
    start_s = house.now_s() + 86_400
    match = Game("Home v Away, 2030-01-01", start_s).open(engine)
    follow(engine, house)
    ahead = (await control.get("/v1/local/match-day")).json()
    assert ahead == {
        "now_s": house.now_s(),
        "kick_off_s": start_s,
        "full_time_s": None,
        "results_final_s": None,
        "matches": [],
    }
    is_problem(await travel(control, "full-time"), 409, "nothing-to-travel-to")
    before_s = house.now_s()
    assert (await travel(control, "in-15-minutes")).status_code == 200
    assert before_s + 900 <= house.now_s() <= before_s + 905
    follow(engine, house)
    kicked_off = await travel(control, "kick-off")
    assert kicked_off.status_code == 200, kicked_off.text
    assert start_s <= house.now_s() <= start_s + 5
    follow(engine, house)
    is_problem(await travel(control, "kick-off"), 409, "nothing-to-travel-to")

    played = await travel(control, "full-time")
    assert played.status_code == 200, played.text
    assert house.now_s() > start_s + MATCH_LENGTH_S
    follow(engine, house)
    is_problem(await travel(control, "results-final"), 409, "nothing-to-travel-to")
    over = {
        "id": f"0x{match.market.fixture.hex()}",
        "home": "H",
        "away": "A",
        "starts_at_s": start_s,
        "state": "over",
        "result": None,
        "home_goals": None,
        "away_goals": None,
    }
    assert await matches(control) == [over]
    house.publish(Result(match.market.fixture, ResultStatus.PLAYED, 1, 0, 2, 0, house.now_s()))
    published_s = house.now_s()
    follow(engine, house)
    shown = {**over, "result": "played", "home_goals": 2, "away_goals": 0}
    assert await matches(control) == [{**shown, "state": "published"}]
    final = await travel(control, "results-final")
    assert final.status_code == 200, final.text
    assert house.now_s() > published_s + DISPUTE_WINDOW_S
    follow(engine, house)
    assert await matches(control) == [{**shown, "state": "final"}]


@pytest.mark.parametrize(
    ("status", "shown"),
    [(ResultStatus.VOID, "void"), (ResultStatus.ABANDONED_BEFORE_HALF_TIME, "abandoned")],
)
async def test_match_without_a_full_score_says_so(
    control: httpx.AsyncClient, engine: Engine, house: House, status: ResultStatus, shown: str
) -> None:
    match = Game("Home v Away, 2030-01-01", house.now_s() + 60).open(engine)
    house.travel(60)
    follow(engine, house)
    assert [one["state"] for one in await matches(control)] == ["playing"]
    house.travel(MATCH_LENGTH_S + 1)
    house.publish(Result(match.market.fixture, status, 0, 0, 0, 0, house.now_s()))
    follow(engine, house)
    assert [one["result"] for one in await matches(control)] == [shown]


async def test_slips_that_are_about_to_be_placed_are_waited_for(
    world: World, services: Services, bettor: Bettor
) -> None:
    services.settings = services.settings.model_copy(update={"local_control": True})
    async with client(services) as api:
        slip = await api.post("/v1/slips", json=signed(bettor))
        assert slip.status_code == 201, slip.text
        waiting = await travel(api, "kick-off")
        is_problem(waiting, 409, "slips-waiting")
        assert waiting.headers["Retry-After"] == "2"
        world.clock(world.execute("SELECT accepted_at_s + 31 FROM backend.slip").fetchone()[0])
        # Then it is the node that is asked, and there is none.
        is_problem(await travel(api, "kick-off"), 503, "node-refused")


async def test_faucet_gives_tokens_and_coins(control: httpx.AsyncClient, house: House) -> None:
    body = {"address": STRANGER, "tokens": 1_000}
    answer = await control.post("/v1/local/faucet", json=body)
    assert answer.status_code == 201, answer.text
    assert house.call("TestToken", "balanceOf", answer.json()["address"]) == 1_000 * 10**6
    coins = int(house.node.rpc("eth_getBalance", STRANGER, "latest"), 16)
    assert coins == 10**18
    await control.post("/v1/local/faucet", json={**body, "tokens": 1})
    assert house.call("TestToken", "balanceOf", answer.json()["address"]) == 1_001 * 10**6
    assert int(house.node.rpc("eth_getBalance", STRANGER, "latest"), 16) == coins
    for wrong in ({**body, "tokens": 10_001}, {**body, "tokens": 0}, {**body, "address": "0x12"}):
        is_problem(await control.post("/v1/local/faucet", json=wrong), 422, "body-malformed")


async def test_token_that_nobody_can_mint_is_named(
    local: Services, control: httpx.AsyncClient
) -> None:
    body = {"address": STRANGER, "tokens": 1}
    for token in (local.deployment.sportsbook, None):
        local.deployment = replace(local.deployment, token=token)
        is_problem(await control.post("/v1/local/faucet", json=body), 409, "faucet-unavailable")


async def test_other_sites_cannot_move_the_clock(control: httpx.AsyncClient, house: House) -> None:
    before_s = house.now_s()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for path, body in (
            ("/v1/local/travel", {"to": "kick-off"}),
            ("/v1/local/faucet", {"address": STRANGER, "tokens": 1}),
        ):
            answer = await control.post(path, json=body, headers=headers)
            is_problem(answer, 403, "cross-site-request")
    assert house.now_s() == before_s


async def test_page_whose_name_was_led_to_this_machine_cannot_move_the_clock(
    control: httpx.AsyncClient, engine: Engine, house: House
) -> None:
    """DNS rebinding: the page's own name leads here, so its browser sends that as Host and Origin,
    and calls the request one of the same origin."""
    follow(engine, house)
    before_s = house.now_s()
    for host in ("evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example:8000"):
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        for path, body in (
            ("/v1/local/travel", {"to": "in-15-minutes"}),
            ("/v1/local/faucet", {"address": STRANGER, "tokens": 1}),
        ):
            answer = await control.post(path, json=body, headers=headers)
            is_problem(answer, 403, "cross-site-request")
    assert house.now_s() == before_s
    # A page at an address is the one that was asked, and no name can lead there.
    for host in ("192.168.1.5:8000", "[fd00::5]:8000", "localhost:5173"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        body = {"address": STRANGER, "tokens": 1}
        answer = await control.post("/v1/local/faucet", json=body, headers=headers)
        assert answer.status_code == 201, answer.text


async def test_faucet_is_not_drained_in_an_hour(control: httpx.AsyncClient, house: House) -> None:
    """Nobody fills the account from which it pays: at the coins it gave before, a hundred addresses
    would have left it without gas for a single token."""
    payer = house.node.rpc("eth_accounts")[-1]
    before = int(house.node.rpc("eth_getBalance", payer, "latest"), 16)
    for number in range(1, 4):
        body = {"address": f"0x5c{number:038x}", "tokens": 10_000}
        assert (await control.post("/v1/local/faucet", json=body)).status_code == 201
    spent = before - int(house.node.rpc("eth_getBalance", payer, "latest"), 16)
    assert before // (spent // 3) > 500


async def test_node_of_another_chain_is_left_alone(
    local: Services, control: httpx.AsyncClient, engine: Engine, house: House
) -> None:
    follow(engine, house)
    before_s = house.now_s()
    with engine.begin() as connection:
        connection.execute(text("UPDATE mirror.deployment SET chain_id = 31337"))
    local.deployment = replace(local.deployment, chain_id=31337)
    answers = [
        await travel(control, "in-15-minutes"),
        await control.post("/v1/local/faucet", json={"address": STRANGER, "tokens": 1}),
    ]
    for answer in answers:
        is_problem(answer, 503, "node-refused")
        assert "serves chain" in answer.json()["detail"]
    assert house.now_s() == before_s


def settings_of(world: World, **changes: Any) -> ApiSettings:
    return world.settings(**changes)


def test_api_does_not_start_with_the_control_on_another_chain(world: World) -> None:
    for chain_id in (1, 8453, 11155111):
        with pytest.raises(ValidationError, match="is not a local one"):
            settings_of(world, local_control=True, chain_id=chain_id)
        assert not settings_of(world, chain_id=chain_id).local_control
    for chain_id in (1337, 31337):
        assert settings_of(world, local_control="1", chain_id=chain_id).local_control


@pytest.mark.parametrize(
    ("chain_id", "asked"), [(1337, False), (31337, False), (8453, True), (8453, False), (1, True)]
)
async def test_control_exists_nowhere_else(services: Services, chain_id: int, asked: bool) -> None:
    """Even if a setting got past its check: the routes are not there, nor in the document."""
    services.deployment = replace(services.deployment, chain_id=chain_id)
    services.settings = services.settings.model_copy(update={"local_control": asked})
    async with client(services) as api:
        for method, path in PATHS:
            answer = await api.request(method, path, json={"to": "kick-off"})
            is_problem(answer, 404, "not-found")
        document = (await api.get("/openapi.json")).json()
        assert not [path for path in document["paths"] if "/local" in path]


async def test_control_is_in_the_document_where_it_exists(local: Services) -> None:
    async with client(local) as api:
        document = (await api.get("/openapi.json")).json()
        for method, path in PATHS:
            assert method.lower() in document["paths"][path]
