"""Every receipt that the API signed can be enforced, on the real contracts, whatever an operator
does.

The house accepts slips until no more receipts could be enforced. A hostile operator places none of
them, and fills the house with bets of its own instead; or places them at other terms, which the
receipts correct.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine, create_engine

from backend.batching.policy import BatchPolicy
from backend.batching.service import Batcher, Flushed
from backend.house_state import MAX_AGE_S
from backend.settlement.reconciliation import Difference, reconcile
from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from protocol.signatures import compact, pair, sign
from protocol.typed_data import Slip
from tests.backend.api.bettors import body_of
from tests.backend.api.client import is_problem
from tests.backend.api.live_house import live_settings, serving
from tests.backend.batching.conftest import OPERATOR_SIGNER, WINDOWS
from tests.support.accepted_slips import Game, deployment_of
from tests.support.batches import pack
from tests.support.house import OWNER, RECEIPT_SIGNER, House, Wanted
from tests.support.house_report import report_all_well
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import Bettor, key_address
from tests.support.slips import Pick, Signed, legs, make_market
from tests.support.terms import RECEIPT_BUDGET_MICRO, RECEIPT_WINDOW_S, UNIT

STAKE_MICRO, ODDS_E4 = 50 * UNIT, 1_010_000
RISK_MICRO = 5_000 * UNIT
MOST_RECEIPTS = RECEIPT_BUDGET_MICRO // RISK_MICRO


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    made = create_engine(fresh_database)
    yield made
    made.dispose()


@pytest.fixture
def match(engine: Engine, house: House, redis_url: str) -> Game:
    """A match with odds."""
    game = Game("Home v Away, 2030-01-01", house.now_s() + 86_400).open(engine)
    offer(redis_url, game, ODDS_E4)
    return game


def offer(redis_url: str, game: Game, odds_e4: int) -> None:
    """Publish the same odds for each outcome of a match."""
    odds = {"odds_e4": [odds_e4] * 3, "version": 1, "at_ms": 1}
    with redis.Redis.from_url(redis_url) as live:
        live.hset(
            f"odds:0x{game.market.fixture.hex()}",
            f"0x{game.market.pack().hex()}",
            json.dumps(odds),
        )
        live.set("odds:heartbeat", time.time_ns() // 1_000_000 + 3_600_000)


@pytest.fixture
async def api(
    engine: Engine, house: House, redis_url: str, match: Game
) -> AsyncIterator[httpx.AsyncClient]:
    report_all_well(engine, deployment_of(house).sportsbook)
    async with serving(live_settings(engine, house, redis_url)) as made:
        yield made


def signed(house: House, bettor: Bettor, *matches: Game, nonce: int = 1) -> tuple[Slip, str]:
    picks = [Pick(match.market, 0, ODDS_E4, match.name) for match in matches]
    slip = Slip(
        *(bettor.account, STAKE_MICRO, 10_001, nonce),
        *(house.now_s() + 100, legs(picks)),
    )
    signature = sign(house.slip_domain.digest(slip.struct_hash()), bettor.key)
    return slip, "0x" + signature.hex()


def accepted_as(slip: Slip, signature: str, answer: dict[str, Any]) -> Signed:
    """The slip at the terms of the receipt that the API answered."""
    picks = tuple(
        Pick(one.market, one.outcome, odds_e4, one.fixture_name)
        for one, odds_e4 in zip(slip.legs, answer["odds_e4"], strict=True)
    )
    return Signed(slip, picks, answer["accepted_at_s"], compact(bytes.fromhex(signature[2:])))


def receipt_in(answer: dict[str, Any]) -> tuple[bytes, bytes]:
    return pair(bytes.fromhex(answer["receipt"]["signature"][2:]))


def enforce(house: House, slip: Slip, signature: str, answer: dict[str, Any]) -> None:
    """Place a slip by the receipt that the API answered, as a stranger."""
    batch = pack(accepted_as(slip, signature, answer))
    house.contracts.send_as(OWNER, "Sportsbook", "enforce", batch, receipt_in(answer))


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
        enforce(house, *receipt)
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
        if answer.status_code != 201:
            # What receipts took counts twice until it is confirmed and the API asks again.
            house.node.mine()
            house.node.mine()
            follow(engine, house)
            await asyncio.sleep(1.1 * MAX_AGE_S)
            answer = await api.post("/v1/slips", json=body_of(slip, signature))
        if answer.status_code == 201:
            accepted.append((slip, signature, answer.json()))
            # Before the mirror shows it, and before the API asks the chain again.
            enforce(house, *accepted[-1])
            if len(accepted) % 3 == 0:
                follow(engine, house)
    assert MOST_RECEIPTS - 1 <= len(accepted) <= MOST_RECEIPTS


async def test_every_receipt_in_play_can_correct_what_was_placed(
    api: httpx.AsyncClient, engine: Engine, house: House, redis_url: str
) -> None:
    """The operator dates all of them after the whistle. In play, each correction takes the stake of
    the budget as well as what the bet pays above it."""
    live = Game("Live v Match, 2030-01-01", house.now_s() - 60, in_play=True).open(engine)
    offer(redis_url, live, ODDS_E4)
    bettors = [house.open_account() for _ in range(MOST_RECEIPTS)]
    follow(engine, house)
    accepted = []
    for bettor in bettors:
        slip, signature = signed(house, bettor, live)
        answer = await api.post("/v1/slips", json=body_of(slip, signature))
        if answer.status_code == 201:
            accepted.append((bettor, accepted_as(slip, signature, answer.json()), answer.json()))
        else:
            is_problem(answer, 503, "receipt-budget")
    assert len(accepted) == RECEIPT_BUDGET_MICRO // (RISK_MICRO + STAKE_MICRO)
    house.travel(10)
    late = [replace(one, accepted_at_s=one.accepted_at_s + 9) for _, one, _ in accepted]
    batch = house.place_signed(*late)
    follow(engine, house)
    for bet, (bettor, one, answer) in enumerate(accepted):
        assert house.replace(bettor, batch, bet, one, receipt_in(answer)) > batch


async def test_bettor_sees_that_her_accumulator_was_placed_at_other_terms(
    api: httpx.AsyncClient, engine: Engine, house: House, redis_url: str, match: Game
) -> None:
    """The odds of its legs are exchanged: the bet pays the same if both win, and less if the second
    match is void."""
    other = Game("Home v Other, 2030-01-01", match.starts_at_s).open(engine)
    offer(redis_url, match, 20_000)
    offer(redis_url, other, 45_000)
    bettor = house.open_account()
    follow(engine, house)
    slip, signature = signed(house, bettor, match, other)
    answer = (await api.post("/v1/slips", json=body_of(slip, signature))).json()
    shown = f"/v1/slips/{answer['id']}"
    one = accepted_as(slip, signature, answer)
    odds_e4 = reversed(answer["odds_e4"])
    exchanged = tuple(
        replace(pick, odds_e4=odds) for pick, odds in zip(one.picks, odds_e4, strict=True)
    )
    was = house.place_signed(replace(one, picks=exchanged))
    follow(engine, house)
    state = (await api.get(shown)).json()
    assert (state["status"], state["reason"]) == ("refused", "nonce-used")
    assert (state["batch"], state["bet"]) == (was, 0)
    assert state["payout_max_micro"] == answer["payout_max_micro"]
    # The worker has nothing to send, and the slip is not counted as lost.
    assert batcher_of(engine, house).flush(house.now_s()).idle
    assert differences(engine, house) == [Difference("bet_differs_from_slip", 1)]
    number = house.replace(bettor, was, 0, one, receipt_in(answer))
    follow(engine, house)
    state = (await api.get(shown)).json()
    assert (state["status"], state["reason"]) == ("placed", None)
    assert (state["batch"], state["bet"]) == (number, 0)
    house.travel(RECEIPT_WINDOW_S + 1)
    follow(engine, house)
    assert differences(engine, house) == [Difference("bet_differs_from_slip", 1)]
    assert (await api.get(shown)).json()["status"] == "placed"


def differences(engine: Engine, house: House) -> list[Difference]:
    return reconcile(engine, deployment_of(house), house.now_s(), RECEIPT_WINDOW_S)


def batcher_of(engine: Engine, house: House) -> Batcher:
    """The house's own worker."""
    return Batcher(
        *(engine, Node(house.node.url, CHAIN_ID), deployment_of(house), OPERATOR_SIGNER.address),
        *(BatchPolicy(100, 0), WINDOWS),
    )


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
    assert batcher_of(engine, house).flush(house.now_s()) == Flushed(1, MOST_RECEIPTS)
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    Delivery(engine, Node(house.node.url, CHAIN_ID), OPERATOR_SIGNER, policy).pump()
    house.node.mine()
    after = house.call("Sportsbook", "book")
    assert (after[:4], after[4]) == (before[:4], before[4] + 1)
    house.revert_to(saved)
