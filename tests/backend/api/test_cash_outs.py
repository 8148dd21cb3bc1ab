"""Cashing out, from the offer to the chain: the real contracts, the real indexer, the worker's
relayer.

Branches: a whole bet, a part and then its rest, an accumulator with a decided leg · sent by the
worker, by a stranger with what the answer has · a price at the bids, never above what the bet pays
· two offers of one bet · an offer whose match starts · each refusal · a budget that other offers
have taken · a signature of another · an API without the key.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine, text

from backend.api_settings import ApiSettings
from backend.cash_outs.pricing import LegValue, SinglePart, locked_change, price_down
from backend.cash_outs.relaying import CashOutRelayer
from backend.services import Services
from backend.transactions.node import Node
from protocol.exposure import Exposure
from protocol.outcomes import ResultStatus
from protocol.signatures import sign
from protocol.typed_data import CashOut, Result
from tests.backend.api.client import client, is_problem
from tests.backend.api.live_house import live_settings
from tests.backend.api.signing_in import ORIGIN, signed_in
from tests.backend.batching.conftest import OPERATOR_SIGNER, delivery, engine, land
from tests.support.accepted_slips import Game, deployment_of
from tests.support.house import OWNER, House, Wanted
from tests.support.mirror import FINALITY, follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import CASH_OUT_SIGNER, Bettor, key_address, stranger_key
from tests.support.slips import Pick
from tests.support.terms import CASH_OUT_AGE_S, DISPUTE_WINDOW_S, UNIT

__all__ = ["delivery", "engine", "land"]

ODDS_E4 = 20_000
STAKE_MICRO = 10 * UNIT
# A chance of 45 % to win at odds of 2: worth 90 % of the stake.
BIDS = ((450_000, 0), (250_000, 0), (200_000, 0))


@pytest.fixture
async def services(engine: Engine, house: House, redis_url: str) -> AsyncIterator[Services]:
    settings = {
        **live_settings(engine, house, redis_url),
        "public_url": ORIGIN,
        "cash_out_signer_key": "0x" + CASH_OUT_SIGNER.hex(),
    }
    made = Services.from_settings(ApiSettings(**settings))
    async with made.running():
        yield made


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with client(services) as made:
        yield made


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


async def signer_shown(api: httpx.AsyncClient) -> str | None:
    """Whose signature is on offers, as pages see before they ask for one."""
    signer: str | None = (await api.get("/v1/typed-data")).json()["cash_out_signer"]
    return signer


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


def balance(house: House, bettor: Bettor) -> int:
    return int(house.call("Sportsbook", "accountAt", bettor.account)[1])


async def test_whole_bet_is_cashed_out_without_the_bettors_coin(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    batch = place(house, bettor, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    offer = await offered(api, headers, batch)
    assert (offer["price_micro"], offer["rest_micro"]) == (str(9 * UNIT), "0")
    assert offer["deadline_s"] - offer["offered_at_s"] == 30
    before = balance(house, bettor)

    accepted = await accept(api, house, offer, bettor.key)
    assert (accepted.status_code, accepted.json()["status"]) == (200, "accepted")
    assert relayer.relay(house.now_s()) == 1
    path = f"/v1/cash-outs/{offer['id']}"
    assert (await api.get(path)).json()["status"] == "submitted"
    # Asked and run again, nothing is sent twice.
    assert (await accept(api, house, offer, bettor.key)).json()["status"] == "submitted"
    assert relayer.relay(house.now_s()) == 0
    land()
    assert balance(house, bettor) == before + 9 * UNIT
    paid = (await api.get(path)).json()
    assert paid["status"] == "paid"
    assert paid["tx_hash"] is not None
    bet = (await api.get(f"/v1/bets/{batch}/0")).json()
    assert (bet["state"], bet["payout_micro"]) == ("cashed-out", str(9 * UNIT))
    is_problem(await ask(api, headers, batch), 409, "bet-ended")


async def test_part_and_then_the_rest(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    batch = place(house, bettor, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    offer = await offered(api, headers, batch, 4 * UNIT)
    assert (offer["price_micro"], offer["rest_micro"]) == (str(3_600_000), str(6 * UNIT))
    await accept(api, house, offer, bettor.key)
    assert relayer.relay(house.now_s()) == 1
    land()
    bets = (await api.get(f"/v1/accounts/{bettor.account}/bets")).json()["bets"]
    [rest] = [bet for bet in bets if bet["state"] == "open"]
    assert (rest["stake_micro"], rest["rest_of"]) == (str(6 * UNIT), batch)
    # What is left is a bet of a block that is not final yet.
    young = await ask(api, headers, rest["batch"], 6 * UNIT)
    is_problem(young, 409, "cash-out-too-early")
    ripen(engine, house, 1)
    assert (await offered(api, headers, rest["batch"], 6 * UNIT))["price_micro"] == "5400000"


async def test_stranger_sends_it_with_what_the_answer_has(
    api: httpx.AsyncClient, engine: Engine, house: House, match: Game, bettor: Bettor
) -> None:
    batch = place(house, bettor, match)
    ripen(engine, house)
    offer = await offered(api, await signed_in(api, bettor), batch)  # type: ignore[arg-type]
    before = balance(house, bettor)
    run = offer["run"]

    def octets(value: str) -> bytes:
        return bytes.fromhex(value[2:])

    arguments = (
        (
            run["batch"],
            run["first"],
            octets(run["markets"]),
            octets(run["records"]),
            [octets(one) for one in run["proof"]],
        ),
        (
            int(offer["stake_micro"]),
            int(offer["price_micro"]),
            offer["offered_at_s"],
            offer["deadline_s"],
        ),
        (octets(offer["r"]), octets(offer["vs"])),
        octets(signature_of(house, offer, bettor.key))[:64],
    )
    signature = octets(signature_of(house, offer, bettor.key))
    compact = signature[:32] + (
        int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    ).to_bytes(32, "big")
    house.contracts.send_as(OWNER, "Sportsbook", "cashOut", *arguments[:3], compact)
    assert balance(house, bettor) == before + 9 * UNIT
    follow(engine, house)
    # The house has nothing more to send.
    assert (await api.get(f"/v1/cash-outs/{offer['id']}")).json()["status"] == "paid"


async def test_accumulator_with_a_decided_leg(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    redis_url: str,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    first = opened(engine, house, redis_url, "One v Two, 2030-01-01", 1_000)
    second = opened(engine, house, redis_url, "Three v Four, 2030-01-02", 5 * 86_400)
    batch = place(house, bettor, first, second)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    # Both legs are open: 10 x (2 x 0.45) x (2 x 0.45).
    assert (await offered(api, headers, batch))["price_micro"] == "8100000"
    ripen(engine, house, 1_000)
    started = await ask(api, headers, batch)
    is_problem(started, 409, "cash-out-unavailable")
    assert "One v Two" in started.json()["detail"]
    house.publish(Result(first.market.fixture, ResultStatus.PLAYED, 1, 0, 2, 0, house.now_s()))
    follow(engine, house)
    undecided = await ask(api, headers, batch)
    is_problem(undecided, 409, "cash-out-unavailable")
    assert "not final" in undecided.json()["detail"]
    ripen(engine, house, DISPUTE_WINDOW_S + 1)
    offer = await offered(api, headers, batch)
    # The first leg has won: 10 x 2 x (2 x 0.45).
    assert offer["price_micro"] == str(18 * UNIT)
    before = balance(house, bettor)
    await accept(api, house, offer, bettor.key)
    assert relayer.relay(house.now_s()) == 1
    land()
    assert balance(house, bettor) == before + 18 * UNIT


async def test_of_two_offers_one_takes_effect(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    relayer: CashOutRelayer,
    land: Callable[[], None],
) -> None:
    batch = place(house, bettor, match)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    whole, part = await offered(api, headers, batch), await offered(api, headers, batch, 5 * UNIT)
    for offer in (whole, part):
        assert (await accept(api, house, offer, bettor.key)).status_code == 200
    before = balance(house, bettor)
    assert relayer.relay(house.now_s()) == 1
    assert relayer.relay(house.now_s()) == 0
    land()
    assert relayer.relay(house.now_s()) == 0
    said = [(await api.get(f"/v1/cash-outs/{o['id']}")).json()["status"] for o in (whole, part)]
    assert sorted(said) == ["failed", "paid"]
    assert balance(house, bettor) in (before + 9 * UNIT, before + 4_500_000)


async def test_offer_ends_with_its_deadline_and_with_the_start(
    api: httpx.AsyncClient,
    engine: Engine,
    house: House,
    redis_url: str,
    bettor: Bettor,
    relayer: CashOutRelayer,
) -> None:
    soon = opened(engine, house, redis_url, "Five v Six, 2030-01-01", CASH_OUT_AGE_S + 120)
    batch = place(house, bettor, soon)
    ripen(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    offer = await offered(api, headers, batch)
    house.travel(offer["deadline_s"] - house.now_s() + 1)
    follow(engine, house)
    assert (await api.get(f"/v1/cash-outs/{offer['id']}")).json()["status"] == "expired"
    is_problem(await accept(api, house, offer, bettor.key), 409, "cash-out-expired")

    again = await offered(api, headers, batch)
    assert (await accept(api, house, again, bettor.key)).status_code == 200
    # The match starts earlier than the offer ends, and before it is sent.
    house.travel(max(0, soon.starts_at_s - house.now_s()))
    follow(engine, house)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE backend.cash_out_offer SET deadline_s = deadline_s + 86400")
        )
    assert relayer.relay(house.now_s()) == 0
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")


async def test_each_refusal(
    api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    match: Game,
    bettor: Bettor,
    redis_url: str,
) -> None:
    other = house.open_account()
    batch = place(house, bettor, match)
    follow(engine, house)
    headers = await signed_in(api, bettor)  # type: ignore[arg-type]
    theirs = await signed_in(api, other)  # type: ignore[arg-type]
    is_problem(await ask(api, {}, batch), 401, "session-required")
    is_problem(await ask(api, headers, 4_000), 404, "not-found")
    is_problem(await ask(api, theirs, batch), 403, "bet-of-another")
    crossing = {**headers, "Origin": "https://evil.example"}
    is_problem(await ask(api, crossing, batch), 403, "cross-site-request")
    young = await ask(api, headers, batch)
    is_problem(young, 409, "cash-out-too-early")
    assert 0 < int(young.headers["Retry-After"]) <= CASH_OUT_AGE_S
    ripen(engine, house)
    too_large = await ask(api, headers, batch, STAKE_MICRO + 1)
    is_problem(too_large, 409, "cash-out-stake-invalid")
    for part in (1, STAKE_MICRO - 1):
        is_problem(await ask(api, headers, batch, part), 409, "cash-out-stake-invalid")
    is_problem(await ask(api, headers, batch, 0), 422, "amount-invalid")

    bid(redis_url, match, ())
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    bid(redis_url, match, ((0, 0), (0, 0), (0, 0)))
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    bid(redis_url, match)
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.market SET status = 'suspended'"))
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    with engine.begin() as connection:
        connection.execute(text("UPDATE backend.market SET status = 'open'"))
    with redis.Redis.from_url(redis_url) as live:
        live.set("odds:heartbeat", 1)
    is_problem(await ask(api, headers, batch), 503, "odds-stale")
    bid(redis_url, match)

    offer = await offered(api, headers, batch)
    wrong = await accept(api, house, offer, stranger_key(1))
    is_problem(wrong, 403, "signature-invalid")
    unknown = f"/v1/cash-outs/{'0' * 8}-0000-4000-8000-{'0' * 12}"
    is_problem(await api.get(unknown), 404, "not-found")
    body = {"signature": signature_of(house, offer, bettor.key)}
    is_problem(await api.post(unknown, json=body), 404, "not-found")

    signer, services.cash_out_signer = services.cash_out_signer, None
    is_problem(await ask(api, headers, batch), 409, "cash-out-unavailable")
    assert await signer_shown(api) is None
    services.cash_out_signer = services.receipt_signer
    is_problem(await ask(api, headers, batch), 503, "not-ready")
    services.cash_out_signer = signer
    assert (await ask(api, headers, batch)).status_code == 201
    assert await signer_shown(api) == key_address(CASH_OUT_SIGNER)


async def test_offers_together_stay_within_the_keys_budget(
    api: httpx.AsyncClient,
    services: Services,
    engine: Engine,
    house: House,
    match: Game,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thief of the API would have the rest of the key's budget; those who ask have not."""
    bettors = [house.open_account() for _ in range(3)]
    batches = [place(house, one, match) for one in bettors]
    ripen(engine, house)
    terms = services.chain.cash_out_terms

    async def poor(signer: str) -> Any:
        found = await terms(signer)
        key = type(found.key)(found.key.role, 0, found.key.until_s, 100 * UNIT, 20 * UNIT)
        return type(found)(key, found.age_s)

    monkeypatch.setattr(services.chain, "cash_out_terms", poor)
    answers = []
    for one, batch in zip(bettors, batches, strict=True):
        headers = await signed_in(api, one)  # type: ignore[arg-type]
        answers.append(await ask(api, headers, batch))
        # Asking again for the same bet takes nothing more.
        await ask(api, headers, batch)
    assert [answer.status_code for answer in answers[:2]] == [201, 201]
    is_problem(answers[2], 503, "cash-out-budget")
    assert answers[2].json()["available_micro"] == str(2 * UNIT)


def test_price_is_exact_rounded_down_and_never_above_the_payout() -> None:
    assert price_down(10, [LegValue(20_000, 450_000, 0, 1_000_000)]) == 9
    assert price_down(11, [LegValue(20_000, 450_000, 0, 1_000_000)]) == 9
    # A quarter line: 0.4 to win, 0.1 to get the stake back.
    assert price_down(1_000, [LegValue(19_000, 400_000, 100_000, 1_000_000)]) == 860
    won, lost, void = (
        LegValue(20_000, 2, 0, 2),
        LegValue(20_000, 0, 0, 2),
        LegValue(20_000, 0, 2, 2),
    )
    assert price_down(100, [won, void]) == 200
    assert price_down(100, [won, lost]) == 0
    assert price_down(100, [LegValue(20_000, 2_000_000, 0, 1_000_000)]) == 200


def test_what_a_bet_covered_is_counted() -> None:
    """Two bets on opposite outcomes: without the second, the house locks the first's whole risk."""
    market = Game("Home v Away, 2030-01-01", 4_000_000_000).market.pack()
    both = Exposure(200, 0, 200, 200)
    part = SinglePart(market, 2, 100, 100, 20_000)
    assert locked_change(part, Exposure(200, 0, 200, 200)) == 100
    assert locked_change(SinglePart(market, 2, 100, 50, 20_000), both) == 50
    assert locked_change(part, Exposure(0, 0, 200, 100)) == -100
