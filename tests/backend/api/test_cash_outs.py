"""Cashing out, from the offer to the chain: the real contracts, the real indexer, the worker's
relayer.

Branches: a whole bet, a part and then its rest, an accumulator with a decided leg · sent by the
worker, by a stranger with what the answer has · two offers of one bet.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx
from sqlalchemy import Engine

from backend.cash_outs.relaying import CashOutRelayer
from protocol.outcomes import ResultStatus
from protocol.typed_data import Result
from tests.backend.api.cashing_out import (
    accept,
    ask,
    balance,
    bettor,
    delivery,
    engine,
    land,
    match,
    offered,
    opened,
    place,
    relayer,
    ripen,
    services,
    signature_of,
)
from tests.backend.api.client import is_problem
from tests.backend.api.signing_in import signed_in
from tests.support.accepted_slips import Game
from tests.support.house import OWNER, House
from tests.support.mirror import follow
from tests.support.people import Bettor
from tests.support.terms import DISPUTE_WINDOW_S, UNIT

__all__ = ["bettor", "delivery", "engine", "land", "match", "relayer", "services"]


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
    assert "becomes final at" in undecided.json()["detail"]
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
