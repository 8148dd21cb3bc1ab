"""Providers see what the bankroll is worth, what moved it, and what open bets could cost it.

Branches: no mirror · the price of a share, as the contract says it · a deposit and a withdrawal, in
pages and by owner · fixtures by what they lock, as the contract's book says it · a market that is
decided locks nothing · matches of long ago are not read · past prices: as they change, in pages,
one of a step, thinned, after a clock that was set back.
"""

from __future__ import annotations

import httpx
from sqlalchemy import Engine

from backend.liquidity.price_history import FINE_S, STEP_S, record_share_price
from protocol.limits import MAX_TIME_S, VOID_AFTER_S
from protocol.typed_data import Result
from tests.backend.api.client import is_problem
from tests.backend.api.live_house import engine, live
from tests.backend.api.world import World
from tests.support.accepted_slips import Game, deployment_of
from tests.support.house import OWNER, House, Wanted
from tests.support.mirror import follow
from tests.support.people import key_address
from tests.support.slips import Pick
from tests.support.terms import BANKROLL_MICRO, UNIT

__all__ = ["engine", "live"]

ONE_SHARE = 10**12


async def test_without_a_mirror_it_says_so(api: httpx.AsyncClient, world: World) -> None:
    world.execute("DELETE FROM mirror.deployment")
    for path in ("/v1/liquidity", "/v1/liquidity/exposures"):
        is_problem(await api.get(path), 503, "not-ready")
    assert (await api.get("/v1/liquidity/movements")).json()["movements"] == []


async def test_share_price_is_that_of_the_contract(
    engine: Engine, house: House, live: httpx.AsyncClient
) -> None:
    bettor = house.open_account()
    game = Game("Home v Away, 2030-01-01", house.now_s() + 7_200).open(engine)
    house.place(Wanted(bettor, (Pick(game.market, 0, 40_000, game.name),), 10 * UNIT))
    house.send("Bankroll", "redeem", 100 * ONE_SHARE, key_address(OWNER), key_address(OWNER))
    follow(engine, house)
    shown = (await live.get("/v1/liquidity")).json()
    pool, owed, locked, accumulators, _ = house.call("Sportsbook", "book")
    assert [int(shown[f"{name}_micro"]) for name in ("pool", "owed", "locked", "accumulators")] == [
        *(pool, owed, locked, accumulators)
    ]
    assert int(shown["free_micro"]) == house.call("Sportsbook", "houseFree")
    assert int(shown["shares"]) == house.call("Bankroll", "totalSupply")
    assert int(shown["enter_micro"]) == house.call("Bankroll", "previewMint", ONE_SHARE)
    assert int(shown["leave_micro"]) == house.call("Bankroll", "previewRedeem", ONE_SHARE)
    assert int(shown["leave_micro"]) < UNIT < int(shown["enter_micro"])

    page = (await live.get("/v1/liquidity/movements?limit=1")).json()
    [withdrawal] = page["movements"]
    assert (withdrawal["kind"], withdrawal["owner"]) == ("withdrawal", key_address(OWNER))
    assert int(withdrawal["shares"]) == 100 * ONE_SHARE
    assert int(withdrawal["price_micro"]) == int(withdrawal["assets_micro"]) // 100 < UNIT
    after = (await live.get(f"/v1/liquidity/movements?cursor={page['next_cursor']}")).json()
    [deposit] = after["movements"]
    assert (deposit["kind"], deposit["price_micro"]) == ("deposit", str(UNIT))
    assert (int(deposit["assets_micro"]), after["next_cursor"]) == (BANKROLL_MICRO, None)
    assert deposit["at_s"] <= withdrawal["at_s"] <= house.now_s()
    for owner, count in ((key_address(OWNER).lower(), 2), (bettor.address, 0)):
        own = (await live.get(f"/v1/liquidity/movements?owner={owner}")).json()
        assert len(own["movements"]) == count


async def test_past_prices_are_kept_as_they_change(
    engine: Engine, house: House, live: httpx.AsyncClient
) -> None:
    deployment = deployment_of(house)

    def record() -> tuple[int, int]:
        """The contract's prices now, which are kept."""
        follow(engine, house)
        record_share_price(engine, deployment)
        return tuple(
            house.call("Bankroll", f"preview{kind}", ONE_SHARE) for kind in ("Mint", "Redeem")
        )

    async def kept(query: str = "") -> list[tuple[int, int]]:
        page = (await live.get(f"/v1/liquidity/prices{query}")).json()
        times = [one["at_s"] for one in page["prices"]]
        assert times == sorted(times, reverse=True)
        return [(int(one["enter_micro"]), int(one["leave_micro"])) for one in page["prices"]]

    assert await kept() == []
    first = record()
    record()
    assert await kept() == [first]
    bettor = house.open_account()
    game = Game("Home v Away, 2030-01-01", house.now_s() + 86_400).open(engine)
    house.travel(2 * STEP_S)
    house.place(Wanted(bettor, (Pick(game.market, 0, 40_000, game.name),), 10 * UNIT))
    second = record()
    assert second != first
    house.place(Wanted(bettor, (Pick(game.market, 0, 40_000, game.name),), 10 * UNIT))
    third = record()
    # Within a step the newest one counts.
    assert await kept() == [third, first]
    house.travel(2 * STEP_S)
    house.place(Wanted(bettor, (Pick(game.market, 1, 40_000, game.name),), 10 * UNIT))
    fourth = record()
    assert await kept() == [fourth, third, first]
    assert await kept(f"?every_s={MAX_TIME_S}") == [fourth]
    page = (await live.get("/v1/liquidity/prices?limit=2")).json()
    assert page["prices"][0]["at_s"] <= house.now_s()
    assert await kept(f"?limit=2&cursor={page['next_cursor']}") == [first]

    def move_newest_to(at_s: int) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE backend.share_price SET at_s = at_s + %s"
                " - (SELECT max(at_s) FROM backend.share_price)",
                (at_s,),
            )

    # Of a day long ago the last one is left.
    move_newest_to((house.now_s() - FINE_S) // 86_400 * 86_400 - 43_200)
    record()
    assert await kept() == [fourth]
    # What is later than the head is of blocks that are gone.
    move_newest_to(house.now_s() + 10 * 86_400)
    record()
    [newest] = (await live.get("/v1/liquidity/prices")).json()["prices"]
    assert newest["at_s"] <= house.now_s()
    assert int(newest["leave_micro"]) == fourth[1]


async def test_fixtures_are_listed_by_what_they_lock(
    engine: Engine, house: House, live: httpx.AsyncClient
) -> None:
    bettor = house.open_account()
    now_s = house.now_s()
    small, large, old, free = (
        Game(f"{name} v Away, 2030-01-01", start_s).open(engine)
        for name, start_s in (
            ("Small", now_s + 7_200),
            ("Large", now_s + 7_200),
            ("Old", now_s + 3_600),
            ("Free", now_s + 7_200),
        )
    )
    batch = house.place(
        *(
            Wanted(bettor, (Pick(game.market, outcome, 30_000, game.name),), stake * UNIT)
            for game, outcome, stake in ((small, 0, 1), (large, 0, 5), (large, 1, 2), (old, 2, 3))
        ),
        Wanted(
            bettor,
            (Pick(free.market, 0, 20_000, free.name), Pick(small.market, 0, 20_000, small.name)),
            UNIT,
        ),
    )
    follow(engine, house)

    async def listed(query: str = "") -> list[tuple[str, int, int]]:
        page = (await live.get(f"/v1/liquidity/exposures{query}")).json()
        assert page["count"] >= len(page["fixtures"])
        return [
            (one["name"].split()[0], int(one["stakes_micro"]), int(one["locked_micro"]))
            for one in page["fixtures"]
        ]

    # The payout of the worst outcome, less all stakes of the market.
    large_row, old_row, small_row = (
        ("Large", 7 * UNIT, 8 * UNIT),
        ("Old", 3 * UNIT, 6 * UNIT),
        ("Small", UNIT, 2 * UNIT),
    )
    assert await listed() == [large_row, old_row, small_row]
    assert await listed("?most=1") == [large_row]
    _, _, locked, accumulators, _ = house.call("Sportsbook", "book")
    assert locked - accumulators == 16 * UNIT

    with engine.begin() as connection:
        long_ago_s = now_s - VOID_AFTER_S - 90_000
        connection.exec_driver_sql(
            "UPDATE backend.fixture SET starts_at_s = %s WHERE name LIKE 'Old%%'", (long_ago_s,)
        )
    assert await listed() == [large_row, small_row]

    # Its first settled bet marks the market, whose other bet is owed exactly what it is paid.
    house.travel(7_300)
    house.publish(Result(large.market.fixture, 1, 0, 0, 0, 1, large.starts_at_s))
    house.pass_dispute_window()
    house.settle((batch, 1, 1))
    follow(engine, house)
    assert await listed() == [small_row, ("Large", 2 * UNIT, 0)]
    _, _, locked, accumulators, _ = house.call("Sportsbook", "book")
    assert locked - accumulators == 8 * UNIT
