"""Anybody sees the house's keys, who decided results, and what batches save.

Branches: keys with role and budget, one that was retired · a result that can be disputed, one that
is final, in pages, with its council · gas before and after settling · the figure of a bet alone.
"""

from __future__ import annotations

import json

import httpx
from sqlalchemy import Engine

from backend.proof.routes import ALONE_PER_BET
from protocol.market_id import fixture_id
from protocol.typed_data import Result
from tests.backend.api.live_house import engine, live
from tests.support.accepted_slips import Game
from tests.support.house import OPERATOR, RECEIPT_SIGNER, RESULT_SIGNERS, House, Wanted
from tests.support.mirror import follow
from tests.support.nodes import ROOT
from tests.support.people import in_order, key_address
from tests.support.slips import Pick
from tests.support.terms import RECEIPT_BUDGET_MICRO, UNIT

__all__ = ["engine", "live"]


async def test_keys_have_their_role_and_budget(
    engine: Engine, house: House, live: httpx.AsyncClient
) -> None:
    house.send("Sportsbook", "retireKey", key_address(RECEIPT_SIGNER))
    follow(engine, house)
    keys = {key["address"]: key for key in (await live.get("/v1/proof/keys")).json()["keys"]}
    assert sorted(key["role"] for key in keys.values()) == [
        *("cash-outs", "operator", "receipts", "withdrawals")
    ]
    receipts = keys[key_address(RECEIPT_SIGNER)]
    assert (receipts["role"], int(receipts["budget_micro"])) == ("receipts", RECEIPT_BUDGET_MICRO)
    assert receipts["retired_at_s"] == house.now_s()
    operator = keys[key_address(OPERATOR)]
    assert (operator["role"], operator["retired_at_s"]) == ("operator", None)
    for address, key in keys.items():
        _, from_s, _, budget, _ = house.call("Sportsbook", "keyOf", address)
        assert (key["from_s"], int(key["budget_micro"])) == (from_s, budget)


async def test_results_name_their_council(
    engine: Engine, house: House, live: httpx.AsyncClient
) -> None:
    start_s = house.now_s() + 100
    games = [Game(f"{name} v Away, 2030-01-01", start_s).open(engine) for name in ("A", "B")]
    house.travel(200)
    house.publish(Result(games[0].market.fixture, 1, 1, 0, 2, 1, start_s))
    house.pass_dispute_window()
    house.publish(Result(games[1].market.fixture, 2, 0, 0, 0, 0, start_s))
    follow(engine, house)
    page = (await live.get("/v1/proof/results?limit=1")).json()
    [newest] = page["results"]
    assert newest["name"] == games[1].name
    assert (newest["status"], newest["state"]) == ("void", "published")
    after = (await live.get(f"/v1/proof/results?cursor={page['next_cursor']}")).json()
    [oldest] = after["results"]
    assert (oldest["fixture"], oldest["state"]) == (f"0x{fixture_id(games[0].name).hex()}", "final")
    assert (oldest["half_time"], oldest["full_time"]) == ([1, 0], [2, 1])
    assert oldest["final_at_s"] - oldest["published_at_s"] > 0
    assert (oldest["corrected"], after["next_cursor"]) == (False, None)
    council = oldest["council"]
    decided_by = house.call("Results", "councilOf", council["term"])
    assert (council["threshold"], council["arbiter"]) == tuple(decided_by)
    assert council["signers"] == [key_address(key) for key in in_order(RESULT_SIGNERS)]


async def test_gas_of_a_bet_is_that_of_its_batches(
    engine: Engine, house: House, live: httpx.AsyncClient
) -> None:
    follow(engine, house, with_gas=True)
    empty = (await live.get("/v1/proof/gas")).json()
    assert (empty["batches"], empty["placing_per_bet"]) == (0, None)
    bettor = house.open_account()
    start_s = house.now_s() + 100
    game = Game("Home v Away, 2030-01-01", start_s).open(engine)
    pick = Pick(game.market, 0, 20_000, game.name)
    batch = house.place(*[Wanted(bettor, (pick,), UNIT) for _ in range(5)])
    placing = _gas_of_last(house)
    follow(engine, house, with_gas=True)
    placed = (await live.get("/v1/proof/gas")).json()
    assert (placed["batches"], placed["bets"], placed["settling_per_bet"]) == (1, 5, None)
    assert placed["placing_per_bet"] == round(placing / 5)
    house.travel(200)
    house.publish(Result(game.market.fixture, 1, 0, 0, 0, 1, start_s))
    house.pass_dispute_window()
    house.settle((batch, 0, 5))
    settling = _gas_of_last(house)
    follow(engine, house, with_gas=True)
    settled = (await live.get("/v1/proof/gas")).json()
    assert settled["settling_per_bet"] == round(settling / 5)
    assert settled["placing_per_bet"] + settled["settling_per_bet"] < settled["alone_per_bet"] / 2


def test_gas_of_a_bet_alone_is_that_of_the_benchmark() -> None:
    figures = json.loads((ROOT / "bench" / "results" / "gas.json").read_text())
    assert figures["life_direct"] == ALONE_PER_BET


def _gas_of_last(house: House) -> int:
    """The gas of the transaction in the newest block."""
    return int(house.node.rpc("eth_getBlockByNumber", "latest", False)["gasUsed"], 16)
