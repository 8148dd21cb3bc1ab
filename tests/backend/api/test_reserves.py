"""Tests the running totals of what accepted slips could take of the house.

Branches: the totals are those of the slips after each acceptance · they move on when bets are
confirmed and when receipts lapse, and not before · a reorg has them counted again · a reading of
the key's budget that is older than they are is counted exactly · a slip that only the totals are
too high for is accepted · a block that is confirmed in the middle of a count · a total that was
changed is found, named, and stops acceptance.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import httpx
import psycopg
import pytest
from sqlalchemy import create_engine

from backend.deployment import Deployment
from backend.mirror.reconciliation import RESERVES_DIFFER
from backend.mirror.reserves import DIFFERENCES
from backend.reports.reserves import reserve_faults
from backend.services import Services
from backend.settlement.reconciliation import reconcile
from backend.slips.reserve_keeper import BEHIND_S, ReserveKeeper
from protocol.typed_data import Leg
from scripts.devnet.postgres import plain_url
from tests.backend.api.bettors import (
    ALPHA,
    GAMMA,
    NOW_S,
    RECEIPT_WINDOW_S,
    UNIT,
    Bettor,
    signed,
    slip_of,
)
from tests.backend.api.client import is_problem, until
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World

# Whether a statement waits for a row of the markets' totals.
_WAITING = """SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
    AND position('market_reserve' IN query) > 0 AND datname = current_database()"""

BOTH = (Leg(ALPHA.name, ALPHA.result, 0), Leg(GAMMA.name, GAMMA.result, 0))


def totals(world: World) -> tuple[int, int, int, dict[bytes, int]]:
    """In tokens: what receipts could take of the free money and of the budget, what accumulators
    could, and markets that are not at 0."""
    row = world.execute(
        "SELECT risk_micro, budget_micro, accumulators_micro FROM backend.house_reserve"
    ).fetchone()
    markets = world.execute("SELECT market, risk_micro FROM backend.market_reserve").fetchall()
    units = [micro // UNIT for micro in row]
    return (*units, {bytes(m): micro // UNIT for m, micro in markets if micro})


def differences(world: World, services: Services) -> list[str]:
    with world.connection.cursor() as cursor:
        cursor.execute(DIFFERENCES.encode(), services.mirror_key)
        return [row[0] for row in cursor.fetchall()]


async def move(services: Services) -> None:
    """Move the totals on to what was read of the chain before now."""
    keeper = ReserveKeeper(services)
    await services.house.state()
    now = time.monotonic()
    await keeper.move(now)
    async with services.database.connection() as connection:
        await connection.execute(
            "UPDATE backend.house_reserve SET moved_at = moved_at - interval '1 hour'"
        )
    await keeper.move(now + BEHIND_S)


def reorg(world: World) -> None:
    """Another chain from the confirmed block on."""
    world.execute("UPDATE mirror.block SET hash = %s WHERE number >= 18", b"\x22" * 32)


async def test_totals_follow_acceptance_and_the_chain(
    api: httpx.AsyncClient, world: World, services: Services, bettor: Bettor, chain: FakeChain
) -> None:
    for nonce, changes in enumerate(({}, {}, {"legs": BOTH}), 1):
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce, **changes))
        assert answer.status_code == 201, answer.text
    assert totals(world) == (25, 25, 15, {ALPHA.result.pack(): 10})
    assert differences(world, services) == []

    # The mirror shows a bet; it is released when its block is confirmed, and was read by then.
    world.place(slip_of(bettor, nonce=1), batch=11)
    await move(services)
    assert totals(world)[0] == 25
    world.confirm(21)
    await move(services)
    assert totals(world)[0] == 25
    chain.state = replace(chain.state, block=21)
    await move(services)
    assert totals(world) == (20, 20, 15, {ALPHA.result.pack(): 5})
    assert differences(world, services) == []

    # Their receipts lapse when a confirmed block is past their window.
    world.confirm(22, NOW_S + RECEIPT_WINDOW_S)
    chain.state = replace(chain.state, block=22)
    await move(services)
    assert totals(world)[0] == 20
    world.confirm(23, NOW_S + RECEIPT_WINDOW_S + 1)
    chain.state = replace(chain.state, block=23)
    await move(services)
    assert totals(world) == (0, 0, 0, {})
    assert differences(world, services) == []


async def test_bet_at_other_terms_keeps_its_reserve(
    api: httpx.AsyncClient, world: World, services: Services, bettor: Bettor, chain: FakeChain
) -> None:
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    world.place(slip_of(bettor), batch=11, odds_e4=(19_600,))
    world.confirm(21)
    chain.state = replace(chain.state, block=21)
    await move(services)
    assert totals(world)[0] == 5
    world.place(slip_of(bettor), batch=12, odds_e4=(20_000,), instead_of=11)
    world.confirm(22)
    chain.state = replace(chain.state, block=22)
    await move(services)
    assert totals(world)[0] == 0
    assert differences(world, services) == []


async def test_reorg_has_the_totals_counted_anew(
    api: httpx.AsyncClient, world: World, services: Services, bettor: Bettor, chain: FakeChain
) -> None:
    chain.set_receipt_key(left_micro=9 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    world.place(slip_of(bettor), batch=9)
    await move(services)
    assert totals(world)[0] == 5
    world.confirm(20)
    chain.state = replace(chain.state, block=20)
    await move(services)
    assert totals(world)[0] == 0
    # The bet is gone, deeper than was confirmed: its receipt counts again.
    reorg(world)
    world.execute("DELETE FROM mirror.leg")
    world.execute("DELETE FROM mirror.bet")
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=2)), 503, "receipt-budget")
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=2, stake_micro=UNIT))).is_success
    assert totals(world)[0] == 6
    assert differences(world, services) == []


async def test_reading_older_than_the_totals_is_counted_exactly(
    api: httpx.AsyncClient, world: World, services: Services, bettor: Bettor, chain: FakeChain
) -> None:
    """Another process has moved the totals on; what this one read of the key's budget does not have
    what receipts took in the blocks between."""
    chain.set_receipt_key(left_micro=9 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    world.place(slip_of(bettor), batch=11)
    world.confirm(21)
    chain.state = replace(chain.state, block=21)
    await move(services)
    assert totals(world)[0] == 0
    chain.state = replace(chain.state, block=20)
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=2)), 503, "receipt-budget")
    chain.state = replace(chain.state, block=21)
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=2))).status_code == 201
    assert differences(world, services) == []


async def test_block_that_is_confirmed_in_the_middle_of_a_count_counts_for_no_part_of_it(
    api: httpx.AsyncClient, world: World, services: Services, bettor: Bettor, chain: FakeChain
) -> None:
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    world.place(slip_of(bettor), batch=11)
    chain.state = replace(chain.state, block=21)
    world.execute("DELETE FROM backend.house_reserve")
    with psycopg.connect(plain_url(world.database_url)) as other:
        # The house's totals are counted, those of markets have to wait.
        other.execute("SELECT FROM backend.market_reserve FOR UPDATE")
        counting = asyncio.create_task(api.post("/v1/slips", json=signed(bettor, nonce=2)))
        await until(lambda: world.execute(_WAITING).fetchone() is not None)
        world.confirm(21)
    assert (await counting).status_code == 201
    assert differences(world, services) == []
    await move(services)
    assert totals(world) == (5, 5, 0, {ALPHA.result.pack(): 5})
    assert differences(world, services) == []


@pytest.mark.parametrize("limit", ["budget", "bankroll", "market"])
async def test_slip_is_refused_for_what_is_reserved_and_not_for_what_the_totals_still_have(
    limit: str, api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    if limit == "budget":
        chain.set_receipt_key(left_micro=9 * UNIT)
    elif limit == "bankroll":
        world.execute("UPDATE mirror.book SET pool_micro = %s", 29 * UNIT)
        chain.set_limits(receipt_reserve_micro=20 * UNIT)
    else:
        chain.set_limits(market_cap_micro=9 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=2))).status_code != 201
    world.place(slip_of(bettor), batch=5)
    # The totals have not been moved on.
    assert totals(world)[0] == 5
    answer = await api.post("/v1/slips", json=signed(bettor, nonce=2))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("UPDATE backend.house_reserve SET budget_micro = budget_micro - 1", "budget_micro"),
        ("UPDATE backend.market_reserve SET risk_micro = 0", ALPHA.result.pack().hex()),
        ("DELETE FROM backend.market_reserve", ALPHA.result.pack().hex()),
    ],
)
async def test_total_that_differs_stops_acceptance(
    change: str,
    name: str,
    api: httpx.AsyncClient,
    world: World,
    services: Services,
    bettor: Bettor,
) -> None:
    engine = create_engine(world.database_url)
    deployment: Deployment = services.deployment

    def found() -> list[str]:
        checks = reconcile(engine, deployment, NOW_S, RECEIPT_WINDOW_S)
        assert bool(reserve_faults(engine, deployment, RECEIPT_WINDOW_S)) == bool(
            [one for one in checks if one.check == RESERVES_DIFFER]
        )
        return reserve_faults(engine, deployment, RECEIPT_WINDOW_S)

    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    assert found() == []
    world.execute(change)
    [fault] = found()
    assert name in fault
    world.report(faults=[fault])
    refused = await api.post("/v1/slips", json=signed(bettor, nonce=2))
    is_problem(refused, 503, "not-ready")
    assert name in refused.json()["detail"]
    world.execute("DELETE FROM backend.house_reserve")
    assert found() == []
    world.report()
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=2))).status_code == 201
    assert found() == []
    engine.dispose()
