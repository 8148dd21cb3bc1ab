"""A house that offers cash-outs: fixtures and steps that its tests share."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine

from backend.api_settings import ApiSettings
from backend.cash_outs.relaying import CashOutRelayer
from backend.services import Services
from backend.transactions.node import Node
from protocol.signatures import sign
from protocol.typed_data import CashOut
from tests.backend.api.live_house import live_settings, serving
from tests.backend.api.signing_in import ORIGIN
from tests.backend.batching.conftest import OPERATOR_SIGNER, delivery, engine, land
from tests.support.accepted_slips import Game, deployment_of
from tests.support.house import House, Wanted
from tests.support.mirror import FINALITY, follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import CASH_OUT_SIGNER, Bettor
from tests.support.slips import Pick
from tests.support.terms import CASH_OUT_AGE_S, UNIT

__all__ = ["delivery", "engine", "land"]

ODDS_E4 = 20_000
STAKE_MICRO = 10 * UNIT
# A chance of 45 % to win at odds of 2: worth 90 % of the stake.
BIDS = ((450_000, 0), (250_000, 0), (200_000, 0))


@pytest.fixture
async def services(engine: Engine, house: House, redis_url: str) -> AsyncIterator[Services]:
    made = Services.from_settings(ApiSettings(**settings_of(engine, house, redis_url)))
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
def relayer(engine: Engine, house: House) -> CashOutRelayer:
    node = Node(house.node.url, CHAIN_ID)
    return CashOutRelayer(engine, node, deployment_of(house), OPERATOR_SIGNER.address)


@pytest.fixture
def match(engine: Engine, house: House, redis_url: str) -> Game:
    return opened(engine, house, redis_url, "Home v Away, 2030-01-01", 2 * 86_400)


@pytest.fixture
def bettor(house: House) -> Bettor:
    return house.open_account()


def settings_of(engine: Engine, house: House, redis_url: str) -> dict[str, Any]:
    """The settings of an API that offers cash-outs."""
    return {
        **live_settings(engine, house, redis_url),
        "public_url": ORIGIN,
        "cash_out_signer_key": "0x" + CASH_OUT_SIGNER.hex(),
    }


def opened(engine: Engine, house: House, redis_url: str, name: str, in_s: int) -> Game:
    """A match at whose bids bets can be bought back."""
    game = Game(name, house.now_s() + in_s).open(engine)
    bid(redis_url, game)
    return game


def bid(redis_url: str, game: Game, bids: tuple[tuple[int, int], ...] = BIDS) -> None:
    with redis.Redis.from_url(redis_url) as live:
        key, market = f"bids:0x{game.market.fixture.hex()}", f"0x{game.market.pack().hex()}"
        live.delete(key)
        if bids:
            live.hset(key, market, json.dumps(bids))
        live.set("odds:heartbeat", time.time_ns() // 1_000_000 + 3_600_000)


def place(house: House, bettor: Bettor, *games: Game, stake_micro: int = STAKE_MICRO) -> int:
    """A bet on the first outcome of each match; returns its batch."""
    picks = tuple(Pick(game.market, 0, ODDS_E4, game.name) for game in games)
    return house.place(Wanted(bettor, picks, stake_micro))


def ripen(engine: Engine, house: House, seconds: int = CASH_OUT_AGE_S + 1) -> None:
    """Let bets become old enough, and final."""
    house.travel(seconds)
    for _ in range(FINALITY.depth + 2):
        house.node.mine()
    follow(engine, house)


async def ask(
    api: httpx.AsyncClient, headers: dict[str, str], batch: int, stake_micro: int = STAKE_MICRO
) -> httpx.Response:
    body = {"stake_micro": str(stake_micro)}
    return await api.post(f"/v1/bets/{batch}/0/cash-out", json=body, headers=headers)


async def offered(
    api: httpx.AsyncClient, headers: dict[str, str], batch: int, stake_micro: int = STAKE_MICRO
) -> dict[str, Any]:
    answer = await ask(api, headers, batch, stake_micro)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def signature_of(house: House, offer: dict[str, Any], key: bytes) -> str:
    """What the wallet returns for the offer's message."""
    message = offer["message"]
    signed = CashOut(
        message["account"],
        message["batch"],
        message["bet"],
        int(message["stakeMicro"]),
        int(message["priceMicro"]),
        message["offeredAt"],
        message["deadline"],
    )
    digest = house.slip_domain.digest(signed.struct_hash())
    assert offer["digest"] == f"0x{digest.hex()}"
    return f"0x{sign(digest, key).hex()}"


async def accept(
    api: httpx.AsyncClient, house: House, offer: dict[str, Any], key: bytes
) -> httpx.Response:
    body = {"signature": signature_of(house, offer, key)}
    return await api.post(f"/v1/cash-outs/{offer['id']}", json=body)


def poor(services: Services, monkeypatch: pytest.MonkeyPatch, left_micro: int) -> None:
    """Leave the cash-out key only so much of its budget."""
    terms = services.chain.cash_out_terms

    async def found(signer: str) -> Any:
        known = await terms(signer)
        key = type(known.key)(known.key.role, 0, known.key.until_s, left_micro, left_micro)
        return type(known)(key, known.age_s)

    monkeypatch.setattr(services.chain, "cash_out_terms", found)


def balance(house: House, bettor: Bettor) -> int:
    return int(house.call("Sportsbook", "accountAt", bettor.account)[1])
