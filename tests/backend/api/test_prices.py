"""Past odds: what is kept, what is removed, and what a chart gets of it.

Branches: odds that changed, that are the same, that were withdrawn, twice in a second, after the
clock was set back · what is too old, and what still counted then · a market without past odds, one
that is not opened · thinned, whole, since a time · the same answer again, and after a change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from backend.prices.repository import Connection, points_of, record, remove_old
from backend.services import Services
from scripts.devnet.postgres import plain_url
from tests.backend.api.bettors import ALPHA, GAMMA, NOW_S, Game
from tests.backend.api.client import is_problem
from tests.backend.api.world import World

MARKET, OTHER = ALPHA.result.pack(), GAMMA.total.pack()
PATH = f"/v1/markets/0x{MARKET.hex()}/prices"
ODDS = (20_000, 32_000, 41_000)


@pytest.fixture
async def odds(world: World) -> AsyncIterator[Connection]:
    """The connection of the odds process."""
    url = plain_url(world.database_url)
    async with await AsyncConnection.connect(url, autocommit=True, row_factory=dict_row) as made:
        yield made


async def kept(services: Services, market: bytes = MARKET) -> list[tuple[int, tuple[int, ...]]]:
    return [(one.at_s, one.odds_e4) for one in await points_of(services.database, market, 0, 300)]


async def test_only_changes_are_kept(services: Services, odds: Connection) -> None:
    for at_s, changes in (
        (NOW_S, {MARKET: ODDS, OTHER: (19_000, 19_000)}),
        (NOW_S + 1, {MARKET: ODDS}),
        (NOW_S + 2, {MARKET: (21_000, 31_000, 40_000)}),
        (NOW_S + 2, {MARKET: (22_000, 30_000, 39_000)}),
        (NOW_S + 3, {MARKET: ()}),
        (NOW_S + 4, {MARKET: ()}),
        (NOW_S + 5, {MARKET: ODDS}),
    ):
        await record(odds, changes, at_s)
    assert await kept(services) == [
        (NOW_S, ODDS),
        (NOW_S + 2, (22_000, 30_000, 39_000)),
        (NOW_S + 3, ()),
        (NOW_S + 5, ODDS),
    ]
    assert await kept(services, OTHER) == [(NOW_S, (19_000, 19_000))]


async def test_clock_that_was_set_back_overwrites(services: Services, odds: Connection) -> None:
    await record(odds, {MARKET: ODDS}, NOW_S)
    await record(odds, {MARKET: (21_000, 31_000, 40_000)}, NOW_S + 10)
    await record(odds, {MARKET: ODDS}, NOW_S)
    assert [at_s for at_s, _ in await kept(services)] == [NOW_S, NOW_S + 10]


async def test_old_odds_are_removed_but_for_what_counted_then(
    services: Services, odds: Connection
) -> None:
    for second in range(10):
        await record(odds, {MARKET: (20_000 + second,)}, NOW_S + second)
    await record(odds, {OTHER: (19_000, 19_000)}, NOW_S)
    await remove_old(odds, NOW_S + 5)
    assert [at_s for at_s, _ in await kept(services)] == [*range(NOW_S + 5, NOW_S + 10)]
    # The last odds of a market stay, however old.
    await remove_old(odds, NOW_S + 1_000_000)
    assert await kept(services) == [(NOW_S + 9, (20_009,))]
    assert await kept(services, OTHER) == [(NOW_S, (19_000, 19_000))]


async def test_chart_gets_the_points(api: httpx.AsyncClient, odds: Connection) -> None:
    await record(odds, {MARKET: ODDS}, NOW_S)
    await record(odds, {MARKET: ()}, NOW_S + 60)
    answer = await api.get(PATH)
    assert answer.json() == {
        "market": f"0x{MARKET.hex()}",
        "outcomes": list(ALPHA.result.outcomes),
        "points": [
            {"time_s": NOW_S, "odds_e4": list(ODDS)},
            {"time_s": NOW_S + 60, "odds_e4": []},
        ],
    }


async def test_many_points_are_thinned_and_keep_both_ends(
    api: httpx.AsyncClient, odds: Connection
) -> None:
    for second in range(400):
        await record(odds, {MARKET: (20_000 + second,)}, NOW_S + second * 7)
    for most in (2, 50, 300):
        points = (await api.get(PATH, params={"points": most})).json()["points"]
        times = [point["time_s"] for point in points]
        assert len(points) <= most
        assert len(points) >= most // 2
        assert times == sorted(set(times))
        assert (times[0], times[-1]) == (NOW_S, NOW_S + 399 * 7)
        # Each point is one that was really offered then.
        assert all(
            point["odds_e4"] == [20_000 + (point["time_s"] - NOW_S) // 7] for point in points
        )
    is_problem(await api.get(PATH, params={"points": 301}), 422, "body-malformed")


async def test_chart_since_a_time_begins_with_what_counted_then(
    api: httpx.AsyncClient, odds: Connection
) -> None:
    for second in (0, 100, 200):
        await record(odds, {MARKET: (20_000 + second,)}, NOW_S + second)
    for since_s, first in ((NOW_S + 150, 100), (NOW_S + 100, 100), (NOW_S + 900, 200), (1, 0)):
        points = (await api.get(PATH, params={"since_s": since_s})).json()["points"]
        assert points[0]["odds_e4"] == [20_000 + first]


async def test_answer_that_is_known_is_not_sent_again(
    api: httpx.AsyncClient, odds: Connection
) -> None:
    await record(odds, {MARKET: ODDS}, NOW_S)
    first = await api.get(PATH)
    assert first.headers["cache-control"] == "no-cache"
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await api.get(PATH, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    # The same second, other odds.
    await record(odds, {MARKET: (21_000, 31_000, 40_000)}, NOW_S)
    changed = await api.get(PATH, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_market_without_past_odds_and_one_that_is_not_opened(
    api: httpx.AsyncClient,
) -> None:
    assert (await api.get(PATH)).json()["points"] == []
    unknown = Game("Nobody v Nothing, 2025-05-25").result.pack().hex()
    is_problem(await api.get(f"/v1/markets/0x{unknown}/prices"), 404, "not-found")
    is_problem(await api.get("/v1/markets/0x12/prices"), 422, "body-malformed")
