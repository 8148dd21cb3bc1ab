"""Attacks with quotes, on the real contracts.

Branches: quotes that are used one after the other leave budget for slips of others · quotes on
every outcome, of which only the winner is sent, win no more than their budget together · fifty
asks at once are one quote · numbers and bodies at their limits · a reorg that removes a quoted bet,
and another fork that has it · a quote and a slip for one nonce at once · a balance that is gone,
an exclusion and a retired key stop a quote that is out · slips are counted one by one only before a
quote is refused · two servers keep one budget, which comes back at the deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from backend.api_settings import ApiSettings
from backend.services import Services
from backend.settlement.reconciliation import reconcile
from backend.slips.repository import capacity
from protocol.limits import MAX_ACCOUNT, MAX_NONCE
from tests.backend.api.cashing_out import bettor, engine
from tests.backend.api.client import client, is_problem, until
from tests.backend.api.test_enforceable import offer
from tests.backend.api.test_quotes import (
    BUDGET_MICRO,
    LIFE_S,
    STAKE_MICRO,
    asked,
    match,
    quoted,
    send,
    services,
    settings_of,
    signed,
    slip,
)
from tests.support.accepted_slips import Game, deployment_of
from tests.support.house import RECEIPT_SIGNER, House
from tests.support.house_report import report_all_well
from tests.support.mirror import FINALITY, follow
from tests.support.people import Bettor, key_address
from tests.support.terms import RECEIPT_BUDGET_MICRO, RECEIPT_WINDOW_S, UNIT

__all__ = ["bettor", "engine", "match", "services"]

# A stake of 50 wins 5,000.
LONG_ODDS_E4, LONG_STAKE_MICRO, WIN_MICRO = 1_010_000, 50 * UNIT, 5_000 * UNIT


@pytest.fixture(scope="module", params=["anvil"])
def deployed(request: pytest.FixtureRequest, deployments: Callable[[str], House]) -> House:
    """Ganache cannot reorganise its chain."""
    return deployments(request.param)


async def read_anew(services: Services, engine: Engine, house: House) -> None:
    """Make the newest block known to the mirror, confirmed, and to the API."""
    for _ in range(FINALITY.confirmations + 1):
        house.node.mine()
    follow(engine, house)
    head = int(house.node.rpc("eth_blockNumber"), 16)

    async def is_read() -> bool:
        return (await services.house.state()).block >= head

    await until(is_read)


async def account(api: httpx.AsyncClient, bettor: Bettor) -> tuple[str, int]:
    """What is reserved of an account, and its next nonce."""
    found = (await api.get(f"/v1/accounts/{bettor.account}")).json()
    return found["reserved_micro"], found["next_nonce"]


@pytest.fixture
async def large(
    engine: Engine, house: House, redis_url: str, match: Game
) -> AsyncIterator[tuple[Services, httpx.AsyncClient]]:
    """A house with a budget for quotes of 20,000, of the receipt key's 100,000."""
    settings = settings_of(engine, house, redis_url, quote_budget_micro=20_000 * UNIT)
    made = Services.from_settings(ApiSettings(**settings))
    report_all_well(engine, deployment_of(house).sportsbook)
    async with made.running(), client(made) as open_client:
        yield made, open_client


async def test_used_quotes_leave_budget_for_slips_of_others(
    large: tuple[Services, httpx.AsyncClient],
    engine: Engine,
    house: House,
    redis_url: str,
    match: Game,
    bettor: Bettor,
) -> None:
    """Every quoted bet takes of the receipt key's budget for good, and at long odds that costs an
    abuser next to nothing."""
    services, api = large
    offer(redis_url, match, LONG_ODDS_E4)
    abusers = [house.open_account() for _ in range(4)]
    follow(engine, house)
    headers = [await signed(api, one) for one in abusers]
    won_micro, refused = 0, False
    for nonce in range(1, 1 + RECEIPT_BUDGET_MICRO // WIN_MICRO):
        for one, session in zip(abusers, headers, strict=True):
            body = asked(one, match, nonce=nonce, stake_micro=LONG_STAKE_MICRO)
            answer = await api.post("/v1/quotes", json=body, headers=session)
            if refused := answer.status_code != 201:
                is_problem(answer, 503, "quote-budget")
                break
            assert send(house, one, answer.json())
            won_micro += WIN_MICRO
        await read_anew(services, engine, house)
        if refused:
            break
    assert refused
    victim = slip(house, bettor, match, 1, 2 * LONG_STAKE_MICRO)
    taken = await api.post("/v1/slips", json=victim)
    assert taken.status_code == 201, (won_micro // UNIT, taken.text)
    # Half of what slips may have: (100,000 - 20,000) / 2.
    assert won_micro == 40_000 * UNIT


async def test_only_the_winner_of_quotes_on_all_outcomes_is_sent(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    redis_url: str,
    match: Game,
    bettor: Bettor,
) -> None:
    """A free option: it is worth what the better odds are, on bets that win at most the account's
    quarter together, whatever the number of outcomes."""
    headers = await signed(api, bettor)
    whole = [
        {"market": f"0x{match.market.pack().hex()}", "outcome": outcome} for outcome in range(3)
    ]
    options = [
        await quoted(api, headers, asked(bettor, match, nonce=1 + number, legs=[leg]))
        for number, leg in enumerate(whole)
    ]
    wins_micro = sum(int(one["payout_max_micro"]) - int(one["max_stake_micro"]) for one in options)
    assert wins_micro == BUDGET_MICRO // 4
    more = asked(bettor, match, nonce=4, stake_micro=UNIT)
    is_problem(await api.post("/v1/quotes", json=more, headers=headers), 503, "quote-budget")
    # The odds move; the quote is worth its old odds until its deadline, and not a second longer.
    offer(redis_url, match, 15_000)
    assert send(house, bettor, options[1])
    house.travel(LIFE_S + 1)
    assert not send(house, bettor, options[2])
    follow(engine, house)
    assert await account(api, bettor) == ("0", 1)


async def test_fifty_asks_at_once_are_one_quote(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    headers = await signed(api, bettor)
    body = asked(bettor, match)
    answers = await asyncio.gather(
        *(api.post("/v1/quotes", json=body, headers=headers) for _ in range(50))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert len({answer.json()["data"] for answer in answers}) == 1
    assert await account(api, bettor) == (str(STAKE_MICRO), 2)
    # Together they reserve the bet once.
    await quoted(api, headers, asked(bettor, match, nonce=2, stake_micro=20 * UNIT))


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": MAX_NONCE},
        {"nonce": MAX_NONCE + 1},
        {"nonce": 0},
        {"nonce": True},
        {"nonce": 1.5},
        {"account": MAX_ACCOUNT},
        {"account": 2**63},
        {"stake_micro": str(2**256)},
        {"stake_micro": str(2**56 - 1)},
        {"stake_micro": "9" * 5_000},
        {"stake_micro": "\u0661"},
        {"stake_micro": 10},
        {"stake_micro": None},
        {"min_odds_e4": 2**63},
        {"min_odds_e4": -1},
        {"legs": []},
        {"legs": [{"market": "0x", "outcome": 0}]},
        {"legs": [{"market": "0x" + "ff" * 32, "outcome": 255}]},
        {"legs": [{"market": "\x00", "outcome": 0}]},
        {"legs": [{"market": "0x" + "00" * 32, "outcome": 0}] * 100},
    ],
    ids=lambda changes: str(changes)[:40],
)
async def test_numbers_at_their_limits_are_refused(
    api: httpx.AsyncClient, match: Game, bettor: Bettor, changes: dict[str, Any]
) -> None:
    headers = await signed(api, bettor)
    body = asked(bettor, match, **changes)
    answer = await api.post("/v1/quotes", json=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    is_problem(answer, answer.status_code, answer.json()["code"])
    # Nothing of it is held.
    assert await account(api, bettor) == ("0", 1)


async def test_bet_that_a_reorg_removes_is_a_quote_again(
    services: Services,
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
) -> None:
    headers = await signed(api, bettor)
    first = await quoted(api, headers, asked(bettor, match))
    second = await quoted(api, headers, asked(bettor, match, nonce=2))
    blocks = int(house.node.rpc("eth_blockNumber"), 16)
    assert send(house, bettor, first)
    house.node.mine()
    follow(engine, house)
    assert await account(api, bettor) == (str(STAKE_MICRO), 3)
    depth = int(house.node.rpc("eth_blockNumber"), 16) - blocks
    house.node.rpc("anvil_reorg", depth, [])
    house.node.mine()
    follow(engine, house)
    # Both are reserved again, and asking is answered with what was signed.
    assert await account(api, bettor) == (str(2 * STAKE_MICRO), 3)
    assert await quoted(api, headers, asked(bettor, match), 200) == first
    third = asked(bettor, match, nonce=3, stake_micro=11 * UNIT)
    is_problem(await api.post("/v1/quotes", json=third, headers=headers), 503, "quote-budget")
    is_problem(
        await api.post("/v1/slips", json=slip(house, bettor, match, 1, UNIT)), 409, "nonce-used"
    )
    # The other fork has them in the other order.
    assert send(house, bettor, second)
    assert send(house, bettor, first)
    assert not send(house, bettor, first)
    await read_anew(services, engine, house)
    assert await account(api, bettor) == ("0", 3)
    bets = (await api.get(f"/v1/accounts/{bettor.account}/bets")).json()["bets"]
    assert sorted(bet["nonce"] for bet in bets) == [1, 2]
    assert reconcile(engine, deployment_of(house), house.now_s(), RECEIPT_WINDOW_S) == []


async def test_quote_counts_every_slip_only_before_it_is_refused(
    api: httpx.AsyncClient,
    house: House,
    engine: Engine,
    match: Game,
    bettor: Bettor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The count holds the house's lock, and takes long with many outstanding slips: quotes that are
    asked for again and again would delay the slips of all."""
    counts: list[int] = []

    async def counted(*arguments: Any) -> Any:
        counts.append(1)
        return await capacity(*arguments)

    monkeypatch.setattr("backend.quotes.quoting.capacity", counted)
    headers = await signed(api, bettor)
    assert (await api.post("/v1/slips", json=slip(house, bettor, match, 1, UNIT))).is_success
    await quoted(api, headers, asked(bettor, match, nonce=2))
    assert counts == []
    # Totals that are too high, an upper bound, refuse nobody.
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE backend.house_reserve SET risk_micro = 2 ^ 50")
    await quoted(api, headers, asked(bettor, match, nonce=3))
    assert counts == [1]


async def test_two_servers_keep_one_budget(
    services: Services,
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    redis_url: str,
    match: Game,
    bettor: Bettor,
) -> None:
    others = [house.open_account() for _ in range(6)]
    follow(engine, house)
    headers = [await signed(api, one) for one in others]
    second = Services.from_settings(ApiSettings(**settings_of(engine, house, redis_url)))
    async with second.running(), client(second) as beside:
        answers = await asyncio.gather(
            *(
                server.post(
                    "/v1/quotes",
                    json=asked(one, match, nonce=nonce, stake_micro=15 * UNIT),
                    headers=session,
                )
                for one, session in zip(others, headers, strict=True)
                for nonce, server in enumerate((api, beside), start=1)
            )
        )
    given = [answer for answer in answers if answer.status_code == 201]
    assert len(given) == BUDGET_MICRO // (15 * UNIT)
    for answer in answers:
        if answer not in given:
            is_problem(answer, 503, "quote-budget")
    # None was used: the budget and every stake come back when the chain is past the deadline.
    house.travel(LIFE_S // 2)
    await read_anew(services, engine, house)
    assert sum([int((await account(api, one))[0]) for one in others]) == BUDGET_MICRO
    house.travel(LIFE_S // 2 + 1)
    await read_anew(services, engine, house)
    assert {await account(api, one) for one in others} == {("0", 1)}
    again = asked(bettor, match, stake_micro=30 * UNIT)
    await quoted(api, await signed(api, bettor), again)


async def test_quote_and_slip_for_one_nonce_at_once(
    api: httpx.AsyncClient, house: House, match: Game, bettor: Bettor
) -> None:
    headers = await signed(api, bettor)
    for nonce in (1, 2, 3):
        both = await asyncio.gather(
            api.post(
                "/v1/quotes",
                json=asked(bettor, match, nonce=nonce, stake_micro=5 * UNIT),
                headers=headers,
            ),
            api.post("/v1/slips", json=slip(house, bettor, match, nonce, 5 * UNIT)),
        )
        assert sorted(answer.status_code for answer in both) == [201, 409]
        assert [a.json()["code"] for a in both if a.status_code == 409] == ["nonce-used"]
    assert await account(api, bettor) == (str(15 * UNIT), 4)


async def test_quote_that_is_out_ends_with_exclusion_key_and_nonces(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    headers = await signed(api, bettor)
    quote = await quoted(api, headers, asked(bettor, match))
    saved = house.save()
    house.exclude(bettor, 86_400)
    assert not send(house, bettor, quote)
    house.revert_to(saved)
    saved = house.save()
    house.cancel_nonces(bettor, 1)
    assert not send(house, bettor, quote)
    house.revert_to(saved)
    saved = house.save()
    house.contracts.send("Sportsbook", "retireKey", key_address(RECEIPT_SIGNER))
    assert not send(house, bettor, quote)
    house.revert_to(saved)
    assert send(house, bettor, quote)
