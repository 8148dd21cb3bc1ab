"""Every receipt that the API signed can be enforced, on the real contracts, whatever an operator
does.

The house accepts slips until no more receipts could be enforced. A hostile operator places none of
them, and fills the house with bets of its own instead.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine, create_engine

from backend.api_settings import ApiSettings
from backend.batching.policy import BatchPolicy
from backend.batching.service import Batcher, Flushed
from backend.services import Services
from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from protocol.signatures import compact, pair, sign
from protocol.typed_data import Slip
from tests.backend.api.bettors import body_of
from tests.backend.api.client import client, is_problem
from tests.backend.api.world import SETTINGS
from tests.backend.batching.conftest import OPERATOR_SIGNER, WINDOWS
from tests.support.accepted_slips import Game, deployment_of
from tests.support.batches import pack
from tests.support.house import OWNER, RECEIPT_SIGNER, House, Wanted
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import WITHDRAWAL_SIGNER, Bettor, key_address
from tests.support.slips import Pick, Signed, legs, make_market
from tests.support.terms import (
    EXIT_DELAY_S,
    RECEIPT_BUDGET_MICRO,
    RECEIPT_WINDOW_S,
    UNIT,
)

STAKE_MICRO, ODDS_E4 = 50 * UNIT, 1_010_000
RISK_MICRO = 5_000 * UNIT
MOST_RECEIPTS = RECEIPT_BUDGET_MICRO // RISK_MICRO


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    made = create_engine(fresh_database)
    yield made
    made.dispose()


@pytest.fixture
def match(engine: Engine, house: House, redis_url: str) -> Iterator[Game]:
    """A match with odds."""
    with redis.Redis.from_url(redis_url) as live:
        yield offer(live, Game("Home v Away, 2030-01-01", house.now_s() + 86_400).open(engine))


def offer(live: Any, game: Game) -> Game:
    """Give the match odds."""
    odds = {"odds_e4": [ODDS_E4] * 3, "version": 1, "at_ms": 1}
    live.hset(
        f"odds:0x{game.market.fixture.hex()}",
        f"0x{game.market.pack().hex()}",
        json.dumps(odds),
    )
    live.set("odds:heartbeat", time.time_ns() // 1_000_000 + 3_600_000)
    return game


@pytest.fixture
async def api(
    engine: Engine, house: House, redis_url: str, match: Game
) -> AsyncIterator[httpx.AsyncClient]:
    own = {
        "database_url": engine.url.render_as_string(hide_password=False),
        "redis_url": redis_url,
        "deployment_file": house.deployment_file,
        "rpc_url": house.node.url,
        "receipt_signer_key": "0x" + RECEIPT_SIGNER.hex(),
        "withdrawal_signer_key": "0x" + WITHDRAWAL_SIGNER.hex(),
        "receipt_window_s": RECEIPT_WINDOW_S,
        "exit_delay_s": EXIT_DELAY_S,
    }
    services = Services.from_settings(ApiSettings(**{**SETTINGS, **own}))
    async with services.running(), client(services) as made:
        yield made


def signed(house: House, bettor: Bettor, match: Game, nonce: int = 1) -> tuple[Slip, str]:
    pick = Pick(match.market, 0, ODDS_E4, match.name)
    slip = Slip(
        *(bettor.account, STAKE_MICRO, 10_001, nonce),
        *(house.now_s() + 100, legs([pick])),
    )
    signature = sign(house.slip_domain.digest(slip.struct_hash()), bettor.key)
    return slip, "0x" + signature.hex()


def enforce(house: House, match: Game, slip: Slip, signature: str, answer: dict[str, Any]) -> None:
    """Place a slip by the receipt that the API answered, as a stranger."""
    compacted = compact(bytes.fromhex(signature[2:]))
    pick = Pick(match.market, 0, ODDS_E4, match.name)
    batch = pack(Signed(slip, (pick,), answer["accepted_at_s"], compacted))
    receipt = pair(bytes.fromhex(answer["receipt"]["signature"][2:]))
    house.contracts.send_as(OWNER, "Sportsbook", "enforce", batch, receipt)


async def test_every_outstanding_receipt_can_be_enforced_in_a_full_house(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game
) -> None:
    bettors = [house.open_account() for _ in range(MOST_RECEIPTS + 1)]
    hostile = house.open_account(deposit_micro=1_000 * UNIT)
    follow(engine, house)
    accepted = []
    for bettor in bettors:
        slip, signature = signed(house, bettor, match)
        answer = await api.post("/v1/slips", json=body_of(slip, signature))
        if answer.status_code == 201:
            accepted.append((slip, signature, answer.json()))
        else:
            is_problem(answer, 503, "receipt-budget")
            assert int(answer.headers["Retry-After"]) > 0
    assert len(accepted) == MOST_RECEIPTS

    fill(house, hostile)
    assert house.call("Sportsbook", "releasable") == 0
    follow(engine, house)
    assert_no_batch_places(engine, house)
    for receipt in accepted:
        enforce(house, match, *receipt)
    assert house.call("Sportsbook", "houseFree") == 0
    assert house.call("Sportsbook", "keyOf", key_address(RECEIPT_SIGNER))[4] < RISK_MICRO
    # What the mirror shows and what the chain says leave nothing for another one.
    follow(engine, house)
    slip, signature = signed(house, bettors[-1], match)
    refused = await api.post("/v1/slips", json=body_of(slip, signature))
    assert refused.json()["code"] in ("exposure-exceeded", "receipt-budget")


async def test_budget_that_receipts_took_is_not_given_again(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game
) -> None:
    bettors = [house.open_account() for _ in range(MOST_RECEIPTS + 1)]
    follow(engine, house)
    accepted = []
    for bettor in bettors:
        slip, signature = signed(house, bettor, match)
        answer = await api.post("/v1/slips", json=body_of(slip, signature))
        if answer.status_code == 201:
            accepted.append((slip, signature, answer.json()))
            # Before the mirror shows it, and before the API asks the chain again.
            enforce(house, match, *accepted[-1])
            if len(accepted) % 3 == 0:
                follow(engine, house)
    assert MOST_RECEIPTS - 1 <= len(accepted) <= MOST_RECEIPTS


def fill(house: House, bettor: Bettor) -> None:
    """Take all of the house's money that batches may lock."""
    name, stake_micro = "Own v Goal, 2030-01-01", 100 * UNIT
    free_micro = house.call("Sportsbook", "releasable")
    market = make_market(starts_at_s=house.now_s() + 3_600, name=name)
    odds_e4 = (free_micro + stake_micro) * 10_000 // stake_micro
    house.place(Wanted(bettor, (Pick(market, 0, odds_e4, name),), stake_micro))


def assert_no_batch_places(engine: Engine, house: House) -> None:
    """Our own operator cannot place the slips either: the contract leaves out each of them."""
    saved = house.save()
    before = house.call("Sportsbook", "book")
    node = Node(house.node.url, CHAIN_ID)
    batcher = Batcher(
        *(engine, node, deployment_of(house), OPERATOR_SIGNER.address),
        *(BatchPolicy(100, 0), WINDOWS),
    )
    assert batcher.flush(house.now_s()) == Flushed(batches=1, slips=MOST_RECEIPTS)
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    Delivery(engine, node, OPERATOR_SIGNER, policy).pump()
    house.node.mine()
    after = house.call("Sportsbook", "book")
    assert (after[:4], after[4]) == (before[:4], before[4] + 1)
    house.revert_to(saved)
