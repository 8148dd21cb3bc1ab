"""The list of open fixtures is encoded once for all readers, and never old.

Branches: odds that change, and that stop · a market that is suspended, with a notification and
while notifications are not heard · the clock passes a start · 304 while nothing has changed · gzip.
"""

from __future__ import annotations

import gzip

import httpx
import pytest

from backend.conditional import codings
from backend.markets import board, repository
from backend.services import Services
from tests.backend.api.bettors import ALPHA, START_S
from tests.backend.api.client import until
from tests.backend.api.world import World

PATH = "/v1/fixtures"


async def odds_of_first(api: httpx.AsyncClient) -> list[int] | None:
    odds: list[int] | None = (await api.get(PATH)).json()[0]["markets"][0]["odds_e4"]
    return odds


async def ready(services: Services) -> None:
    await until(lambda: services.notifications.heard and services.odds_copy.heartbeat_received)
    await until(lambda: len(services.odds_copy.odds) == 4)


async def test_list_is_that_of_each_fixture(api: httpx.AsyncClient, services: Services) -> None:
    await ready(services)
    listed = (await api.get(PATH)).json()
    assert listed == [(await api.get(f"{PATH}/{one['id']}")).json() for one in listed]
    assert len(listed) == 2


async def test_odds_that_change_are_shown_at_once(
    api: httpx.AsyncClient, services: Services, world: World
) -> None:
    await ready(services)
    assert await odds_of_first(api) == [20_000, 32_000, 41_000]
    world.offer(ALPHA.result, 21_000, 31_000, 40_000, version=2)
    market = f"0x{ALPHA.result.pack().hex()}"
    await until(lambda: services.odds_copy.odds[market].version == 2)
    assert await odds_of_first(api) == [21_000, 31_000, 40_000]
    world.offer(ALPHA.result, version=3)
    await until(lambda: market not in services.odds_copy.odds)
    assert await odds_of_first(api) is None
    world.beat(ago_ms=6_000)
    await until(lambda: services.odds_copy.age_ms() > 5_000)
    listed = (await api.get(PATH)).json()
    assert {market["odds_e4"] for one in listed for market in one["markets"]} == {None}
    world.beat()
    await until(lambda: services.odds_copy.age_ms() < 5_000)
    listed = (await api.get(PATH)).json()
    assert [19_000, 19_000] in [market["odds_e4"] for one in listed for market in one["markets"]]


async def test_suspended_market_is_shown_when_it_is_notified(
    api: httpx.AsyncClient, services: Services, world: World
) -> None:
    await ready(services)
    assert await odds_of_first(api) is not None
    world.execute(
        "UPDATE backend.market SET status = 'suspended' WHERE id = %s", ALPHA.result.pack()
    )
    world.execute("SELECT pg_notify('markets', '')")
    for _ in range(100):
        if await odds_of_first(api) is None:
            break
    assert await odds_of_first(api) is None


async def test_without_notifications_it_is_read_again_soon(
    api: httpx.AsyncClient,
    services: Services,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await ready(services)
    await api.get(PATH)
    monkeypatch.setattr(services.notifications, "heard", False)
    monkeypatch.setattr(board, "UNHEARD_S", 0.0)
    world.execute(
        "UPDATE backend.market SET status = 'suspended' WHERE id = %s", ALPHA.result.pack()
    )
    assert await odds_of_first(api) is None


async def test_readers_share_one_reading(
    api: httpx.AsyncClient, services: Services, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(services)
    readings = 0
    read = repository.open_fixtures

    async def counted(*arguments: object) -> object:
        nonlocal readings
        readings += 1
        return await read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(board, "open_fixtures", counted)
    services.board.changed()
    first = await api.get(PATH)
    for number in range(20):
        world.offer(ALPHA.result, 21_000 + number, 31_000, 40_000, version=2 + number)
        assert (await api.get(PATH)).status_code == 200
    assert readings == 1
    world.clock(START_S)
    assert (await api.get(PATH)).json() == []
    assert (readings, len(first.json())) == (1, 2)


async def test_what_is_known_is_not_sent_again(
    api: httpx.AsyncClient, services: Services, world: World
) -> None:
    await ready(services)
    first = await api.get(PATH)
    etag = first.headers["ETag"]
    known = await api.get(PATH, headers={"If-None-Match": f'"other", {etag}'})
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", etag)
    assert etag.startswith('W/"')
    assert known.headers["Vary"] == "Accept-Encoding"
    world.offer(ALPHA.result, 21_000, 31_000, 40_000, version=2)
    market = f"0x{ALPHA.result.pack().hex()}"
    await until(lambda: services.odds_copy.odds[market].version == 2)
    changed = await api.get(PATH, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


async def test_body_is_compressed_for_those_who_take_it(
    api: httpx.AsyncClient, services: Services
) -> None:
    await ready(services)
    plain = await api.get(PATH, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    async with api.stream("GET", PATH, headers={"Accept-Encoding": "br, gzip"}) as zipped:
        raw = b"".join([part async for part in zipped.aiter_raw()])
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert {plain.headers["Vary"], zipped.headers["Vary"]} == {"Accept-Encoding"}


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip, deflate;q=0.5, br;q=0", {"gzip", "deflate"}),
        ("gzip; q=0", set()),
        ("GZIP", {"gzip"}),
        ("", set()),
    ],
)
def test_codings_are_those_that_a_client_takes(accepted: str, taken: set[str]) -> None:
    assert codings(accepted) == taken
