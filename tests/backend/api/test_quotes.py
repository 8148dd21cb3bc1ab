"""Quotes, from the ask to the bet on the chain: the real contracts, the real indexer.

Branches: single and accumulator placed by the owner · nobody else can use it, not late, and not for
another nonce · asked twice it is one · live, it reserves stake and nonce; used or ended, it does
not · its part of the budget, and an account's share · slips keep off what quotes may take ·
refusals.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from backend.api_settings import ApiSettings
from backend.services import Services
from protocol.signatures import sign
from protocol.typed_data import Leg, Slip
from tests.backend.api.bettors import body_of
from tests.backend.api.cashing_out import bettor, engine
from tests.backend.api.client import is_problem, until
from tests.backend.api.live_house import live_settings, serving
from tests.backend.api.signing_in import ORIGIN, signed_in
from tests.backend.api.test_enforceable import offer
from tests.support.accepted_slips import Game, deployment_of
from tests.support.house import House
from tests.support.house_report import report_all_well
from tests.support.mirror import FINALITY, follow
from tests.support.people import Bettor
from tests.support.terms import UNIT

__all__ = ["bettor", "engine"]

ODDS_E4 = 20_000
STAKE_MICRO = 10 * UNIT
# At odds of 2 a bet wins its stake; an account has a quarter.
BUDGET_MICRO = 120 * UNIT
LIFE_S = 60


def settings_of(engine: Engine, house: House, redis_url: str, **changes: Any) -> dict[str, Any]:
    return {
        **live_settings(engine, house, redis_url),
        "public_url": ORIGIN,
        "quote_budget_micro": BUDGET_MICRO,
        "quote_s": LIFE_S,
        **changes,
    }


@pytest.fixture
async def services(engine: Engine, house: House, redis_url: str) -> AsyncIterator[Services]:
    made = Services.from_settings(ApiSettings(**settings_of(engine, house, redis_url)))
    report_all_well(engine, deployment_of(house).sportsbook)
    async with made.running():
        yield made


@pytest.fixture
def match(engine: Engine, house: House, redis_url: str, bettor: Bettor) -> Game:
    return opened(engine, house, redis_url, "Home v Away, 2030-01-01")


def opened(engine: Engine, house: House, redis_url: str, name: str, in_s: int = 86_400) -> Game:
    game = Game(name, house.now_s() + in_s).open(engine)
    offer(redis_url, game, ODDS_E4)
    follow(engine, house)
    return game


def asked(
    bettor: Bettor, *games: Game, nonce: int = 1, stake_micro: int = STAKE_MICRO, **changes: Any
) -> dict[str, Any]:
    return {
        "account": bettor.account,
        "nonce": nonce,
        "stake_micro": str(stake_micro),
        "min_odds_e4": 19_000,
        "legs": [{"market": f"0x{game.market.pack().hex()}", "outcome": 0} for game in games],
        **changes,
    }


async def quoted(
    api: httpx.AsyncClient, headers: dict[str, str], body: dict[str, Any], status: int = 201
) -> dict[str, Any]:
    answer = await api.post("/v1/quotes", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def signed(api: httpx.AsyncClient, bettor: Bettor) -> dict[str, str]:
    return await signed_in(api, bettor)  # type: ignore[arg-type]


def give_coin(house: House, bettor: Bettor) -> None:
    house.node.set_balance(bettor.address, 10**20)


def send(house: House, bettor: Bettor, quote: dict[str, Any]) -> bool:
    """Send the call of a quote as it is; whether it took effect."""
    give_coin(house, bettor)
    call = {"from": bettor.address, "to": quote["to"], "data": quote["data"]}
    try:
        house.node.rpc("eth_call", call, "latest")
    except Exception:
        return False
    house.contracts.send_data(bettor.key, quote["to"], quote["data"])
    return True


def slip(house: House, bettor: Bettor, game: Game, nonce: int, stake_micro: int) -> dict[str, Any]:
    made = Slip(
        account=bettor.account,
        stake_micro=stake_micro,
        min_odds_e4=19_000,
        nonce=nonce,
        deadline_s=house.now_s() + 100,
        legs=(Leg(game.name, game.market, 0),),
    )
    signature = sign(house.slip_domain.digest(made.struct_hash()), bettor.key)
    return body_of(made, "0x" + signature.hex())


async def test_owner_places_a_single_and_an_accumulator(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    redis_url: str,
    match: Game,
    bettor: Bettor,
) -> None:
    other = opened(engine, house, redis_url, "Another v Away, 2030-01-02")
    headers = await signed(api, bettor)
    single = await quoted(api, headers, asked(bettor, match))
    assert (single["odds_e4"], single["payout_max_micro"]) == ([ODDS_E4], str(20 * UNIT))
    assert single["deadline_s"] - single["quoted_at_s"] == LIFE_S
    assert single["sender"] == bettor.address
    assert send(house, bettor, single)
    follow(engine, house)
    double = asked(bettor, match, other, nonce=2, stake_micro=5 * UNIT, min_odds_e4=39_000)
    assert send(house, bettor, await quoted(api, headers, double))
    follow(engine, house)
    bets = (await api.get(f"/v1/accounts/{bettor.account}/bets")).json()["bets"]
    assert [(bet["nonce"], bet["stake_micro"], bet["payout_max_micro"]) for bet in bets] == [
        (2, str(5 * UNIT), str(20 * UNIT)),
        (1, str(10 * UNIT), str(20 * UNIT)),
    ]
    account = (await api.get(f"/v1/accounts/{bettor.account}")).json()
    assert (account["reserved_micro"], account["next_nonce"]) == ("0", 3)


async def test_nobody_else_can_use_it_and_nobody_late(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    thief = house.open_account()
    follow(engine, house)
    headers = await signed(api, bettor)
    first = await quoted(api, headers, asked(bettor, match))
    assert not send(house, thief, first)
    assert send(house, bettor, first)
    assert not send(house, bettor, first)
    follow(engine, house)
    late = await quoted(api, headers, asked(bettor, match, nonce=2))
    house.travel(LIFE_S + 1)
    assert not send(house, bettor, late)
    # Nobody asks for the account of another, or without a session.
    other = await api.post(
        "/v1/quotes", json=asked(bettor, match), headers=await signed(api, thief)
    )
    is_problem(other, 403, "account-of-another")
    is_problem(await api.post("/v1/quotes", json=asked(bettor, match)), 401, "session-required")


async def test_asked_twice_it_is_one(
    api: httpx.AsyncClient, match: Game, bettor: Bettor, house: House, redis_url: str
) -> None:
    headers = await signed(api, bettor)
    first = await quoted(api, headers, asked(bettor, match))
    # Odds that have moved change nothing of what was signed.
    offer(redis_url, match, 19_500)
    assert await quoted(api, headers, asked(bettor, match), 200) == first
    answers = await asyncio.gather(
        *(
            api.post("/v1/quotes", json=asked(bettor, match, nonce=2), headers=headers)
            for _ in "123"
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert len({answer.json()["digest"] for answer in answers}) == 1
    changed = asked(bettor, match, stake_micro=9 * UNIT)
    is_problem(await api.post("/v1/quotes", json=changed, headers=headers), 409, "nonce-used")


async def test_live_quote_reserves_stake_and_nonce(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    """Otherwise an owner could have a slip accepted, and take it back by a quote with its nonce or
    its stake."""
    headers = await signed(api, bettor)
    path = f"/v1/accounts/{bettor.account}"
    whole_micro = int((await api.get(path)).json()["available_micro"])
    await quoted(api, headers, asked(bettor, match))
    account = (await api.get(path)).json()
    assert (account["reserved_micro"], account["next_nonce"]) == (str(STAKE_MICRO), 2)

    async def post(nonce: int, stake_micro: int) -> httpx.Response:
        return await api.post("/v1/slips", json=slip(house, bettor, match, nonce, stake_micro))

    is_problem(await post(1, STAKE_MICRO), 409, "nonce-used")
    house.contracts.send("Sportsbook", "depositFor", bettor.address, UNIT)
    assert (await post(2, 500 * UNIT)).status_code == 201
    follow(engine, house)
    left_micro = whole_micro + UNIT - STAKE_MICRO - 500 * UNIT
    is_problem(await post(3, left_micro + 1), 409, "balance-insufficient")
    # The nonce of a slip that waits is not quoted, and what it stakes neither.
    again = await api.post("/v1/quotes", json=asked(bettor, match, nonce=2), headers=headers)
    is_problem(again, 409, "nonce-used")
    house.travel(LIFE_S + 1)
    follow(engine, house)
    account = (await api.get(path)).json()
    assert (account["reserved_micro"], account["next_nonce"]) == (str(500 * UNIT), 1)
    assert (await post(1, left_micro)).status_code == 201


async def test_quotes_stay_within_their_budget(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    headers = await signed(api, bettor)
    large = asked(bettor, match, stake_micro=30 * UNIT + 1)
    is_problem(await api.post("/v1/quotes", json=large, headers=headers), 409, "quote-too-large")
    used = await quoted(api, headers, asked(bettor, match, stake_micro=20 * UNIT))
    second = asked(bettor, match, nonce=2, stake_micro=11 * UNIT)
    full = await api.post("/v1/quotes", json=second, headers=headers)
    is_problem(full, 503, "quote-budget")
    assert full.json()["available_micro"] == str(10 * UNIT)
    others = [house.open_account() for _ in range(4)]
    follow(engine, house)
    for one in others[:3]:
        await quoted(api, await signed(api, one), asked(one, match, stake_micro=30 * UNIT))
    last = await signed(api, others[3])
    body = asked(others[3], match, stake_micro=11 * UNIT)
    is_problem(await api.post("/v1/quotes", json=body, headers=last), 503, "quote-budget")
    # One that was used takes nothing any more, once its block cannot be undone.
    assert send(house, bettor, used)
    for _ in range(FINALITY.depth + 2):
        house.node.mine()
    follow(engine, house)

    async def is_quoted() -> bool:
        return (await api.post("/v1/quotes", json=body, headers=last)).status_code == 201

    # What is known of the key's budget is read again after a while.
    await until(is_quoted)


async def test_slips_keep_off_what_quotes_may_take(
    engine: Engine, house: House, redis_url: str, match: Game, bettor: Bettor
) -> None:
    """The receipt key's budget of 100,000 pays for receipts and quotes. What is kept for quotes is
    not committed to slips, so every receipt can be enforced whatever quotes are used."""
    report_all_well(engine, deployment_of(house).sportsbook)
    offer(redis_url, match, 1_000_000)
    kept_micro = 100_000 * UNIT - 98_999 * UNIT
    settings = settings_of(
        engine,
        house,
        redis_url,
        quote_budget_micro=98_999 * UNIT,
        max_payout_micro=90_000 * UNIT,
    )
    async with serving(settings) as api:
        # It could pay 99 times its stake.
        fits = slip(house, bettor, match, 1, 10 * UNIT)
        much = slip(house, bettor, match, 2, kept_micro // 99 - 10 * UNIT + UNIT)
        assert (await api.post("/v1/slips", json=fits)).status_code == 201
        is_problem(await api.post("/v1/slips", json=much), 503, "receipt-budget")


async def test_refusals(
    api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    redis_url: str,
    match: Game,
    bettor: Bettor,
) -> None:
    headers = await signed(api, bettor)
    soon = opened(engine, house, redis_url, "Soon v Later, 2030-01-03", 5)

    async def refused(status: int, code: str, *games: Game, **changes: Any) -> None:
        body = asked(bettor, *(games or (match,)), **changes)
        is_problem(await api.post("/v1/quotes", json=body, headers=headers), status, code)

    await refused(409, "quote-unavailable", soon)
    await refused(409, "odds-moved", min_odds_e4=20_001)
    await refused(409, "stake-too-small", stake_micro=1)
    await refused(422, "stake-invalid", stake_micro=-1)
    await refused(409, "legs-correlated", match, match)
    await refused(409, "nonce-too-far", nonce=500)
    await refused(422, "body-malformed", deadline_s=1)
    given = (await api.get("/v1/typed-data")).json()["quoting"]
    assert given == {"lasts_s": LIFE_S, "max_win_micro": str(30 * UNIT)}
    limit = {"limits": [{"kind": "stake", "period": "day", "limit_micro": str(5 * UNIT)}]}
    path = f"/v1/accounts/{bettor.account}/limits"
    assert (await api.put(path, json=limit, headers=headers)).status_code == 200
    await refused(403, "stake-limit")
    house.exclude(bettor, 86_400)
    follow(engine, house)
    await refused(403, "account-excluded")
    services.settings.quote_budget_micro = None
    await refused(409, "quote-unavailable")
    assert (await api.get("/v1/typed-data")).json()["quoting"] is None


def test_budget_and_life_go_together(engine: Engine, house: House, redis_url: str) -> None:
    with pytest.raises(ValidationError, match="QUOTE_BUDGET_MICRO and QUOTE_S go together"):
        ApiSettings(**settings_of(engine, house, redis_url, quote_s=None))
