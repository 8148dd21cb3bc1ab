"""Attempts to bet more than an owner's own limits allow, or to burden others with them.

Branches: an increase that another one was to replace · a clock that is behind · an increase asked
for again and again · the same limit twice in a request · slips sent to two processes at once · a
time-out set while slips arrive · a history that is made long · a stolen session.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from backend.own_limits.repository import changes_of
from backend.own_limits.rules import (
    INCREASE_AFTER_S,
    MAX_TIME_OUT_S,
    Change,
    Limit,
    change_of,
    limit_of,
    superseded_by,
)
from backend.services import Services
from tests.backend.api.bettors import NOW_S, UNIT, Bettor, signed
from tests.backend.api.client import client, is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.signing_in import ORIGIN, signed_in
from tests.backend.api.test_limits import (
    DAY_S,
    PATH,
    STAKE_DAY,
    own,
    page,
    put,
    row_of,
    set_one_by_one,
)
from tests.backend.api.world import World

__all__ = ["own", "page"]


@pytest.fixture
async def second_api(world: World, chain: FakeChain) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the API."""
    made = Services.from_settings(world.settings(public_url=ORIGIN))
    chain.serve(made)
    async with made.running(), client(made) as other:
        yield other


def test_increase_that_was_replaced_never_comes() -> None:
    """The limit is removed, and the owner thinks better of it: from the first day's end to the
    second's there would be none."""
    changes = set_one_by_one((0, 100), (10, None), (1_000, 200))
    assert limit_of(changes, STAKE_DAY, 1_000) == Limit(100, 200, 1_000 + INCREASE_AFTER_S)
    for now_s in (10 + INCREASE_AFTER_S, 1_000 + INCREASE_AFTER_S - 1):
        assert limit_of(changes, STAKE_DAY, now_s).amount == 100
    assert limit_of(changes, STAKE_DAY, 1_000 + INCREASE_AFTER_S) == Limit(200)


def test_increase_that_has_come_stays_when_another_is_asked_for() -> None:
    second_s = 10 + INCREASE_AFTER_S
    changes = set_one_by_one((0, 100), (10, 200), (second_s, 300))
    assert limit_of(changes, STAKE_DAY, second_s) == Limit(200, 300, second_s + INCREASE_AFTER_S)
    assert limit_of(changes, STAKE_DAY, second_s + INCREASE_AFTER_S) == Limit(300)


def test_decrease_counts_for_a_process_whose_clock_is_behind() -> None:
    changes = set_one_by_one((0, 100), (1_000, 10))
    assert limit_of(changes, STAKE_DAY, 990).amount == 10


def test_what_is_superseded_never_counts() -> None:
    """Every sequence gives the same limits at every time without what was marked."""
    steps = [(0, 100), (10, 500), (20, None), (30, 80), (40, 90), (40 + INCREASE_AFTER_S, 70)]
    steps += [(50 + INCREASE_AFTER_S, 300), (60 + INCREASE_AFTER_S, 299)]
    everything: list[Change] = []
    kept: list[Change] = []
    for number, (at_s, amount) in enumerate(steps, start=1):
        change = change_of(kept, STAKE_DAY, amount, at_s)
        assert change is not None
        change = Change(change.kind, change.period, change.amount, at_s, change.from_s, number)
        gone = superseded_by(kept, change)
        kept = [*(one for one in kept if one.id not in gone), change]
        everything.append(change)
        assert len(kept) <= 2
        for later_s in range(at_s, at_s + 3 * INCREASE_AFTER_S, 3_571):
            assert limit_of(kept, STAKE_DAY, later_s) == limit_of(everything, STAKE_DAY, later_s)


async def test_request_with_the_same_limit_twice_ends_with_the_last(
    api: httpx.AsyncClient, own: dict[str, str]
) -> None:
    await put(api, own, ("stake", "day", 9 * UNIT))
    for pair in ((5, 7), (7, 5)):
        rows = [("stake", "day", micro * UNIT) for micro in pair]
        row = row_of(await put(api, own, *rows), "stake", "day")
        assert row["limit_micro"] == str(5 * UNIT)
    assert row["next_limit_micro"] is None


async def test_history_is_kept_and_not_read_under_the_houses_lock(
    api: httpx.AsyncClient,
    services: Services,
    world: World,
    bettor: Bettor,
    own: dict[str, str],
) -> None:
    """Acceptance reads it while nobody else's slip can be accepted: an owner who sets limits all
    day must not make that slower for everybody."""
    await put(api, own, ("stake", "day", 50 * UNIT), ("loss", "week", 50 * UNIT))
    for number in range(40):
        answer = await put(
            api,
            own,
            ("stake", "day", (60 + number % 2) * UNIT),
            ("loss", "week", 60 * UNIT - number),
            time_out_until_s=NOW_S + 100 + number,
        )
        assert answer.status_code == 200
    async with services.database.connection() as connection:
        read = (await changes_of(connection, [bettor.account]))[bettor.account]
    assert len(read) == 2 + 2 + 1
    assert world.execute("SELECT count(*) FROM backend.limit_change").fetchone() == (2 + 3 * 40,)
    world.clock(NOW_S + 139 + DAY_S)
    row = row_of(await api.get(PATH, headers=own), "stake", "day")
    assert (row["limit_micro"], row["next_from_s"]) == (str(61 * UNIT), None)


async def test_two_processes_do_not_pass_a_limit_together(
    api: httpx.AsyncClient,
    second_api: httpx.AsyncClient,
    world: World,
    bettor: Bettor,
    own: dict[str, str],
) -> None:
    await put(api, own, ("stake", "day", 12 * UNIT), ("loss", "month", 12 * UNIT))
    answers = await asyncio.gather(
        *(
            process.post("/v1/slips", json=signed(bettor, nonce=nonce))
            for nonce, process in enumerate((api, second_api) * 4, start=1)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, *[403] * 6]
    # And the other process knows of a limit that this one has set.
    await put(second_api, own, ("stake", "day", 10 * UNIT))
    small = signed(bettor, nonce=9, stake_micro=UNIT)
    is_problem(await api.post("/v1/slips", json=small), 403, "stake-limit")


async def test_no_slip_is_accepted_after_a_time_out_was_answered(
    api: httpx.AsyncClient, second_api: httpx.AsyncClient, bettor: Bettor, own: dict[str, str]
) -> None:
    answered = asyncio.Event()
    late: list[int] = []

    async def bet(nonce: int, process: httpx.AsyncClient) -> None:
        if nonce > 4:
            await answered.wait()
        answer = await process.post("/v1/slips", json=signed(bettor, nonce=nonce, stake_micro=UNIT))
        if nonce > 4:
            late.append(answer.status_code)

    async def stop() -> None:
        assert (await put(api, own, time_out_until_s=NOW_S + 60)).status_code == 200
        answered.set()

    processes = (api, second_api) * 4
    await asyncio.gather(stop(), *(bet(n, one) for n, one in enumerate(processes, start=1)))
    assert late == [403] * 4


async def test_thief_of_a_session_can_only_make_limits_stricter_for_a_day(
    api: httpx.AsyncClient, world: World, bettor: Bettor, own: dict[str, str]
) -> None:
    """What docs/trust.md says of it: a limit that he raises counts a day later, and the owner sees
    it; a time-out of a year cannot be taken back."""
    await put(api, own, ("stake", "day", 10 * UNIT), ("loss", "week", 10 * UNIT))
    for kind, period in (("stake", "day"), ("loss", "week")):
        row = row_of(await put(api, own, (kind, period, None)), kind, period)
        assert (row["limit_micro"], row["next_from_s"]) == (str(10 * UNIT), NOW_S + DAY_S)
    slip = signed(bettor, stake_micro=11 * UNIT)
    is_problem(await api.post("/v1/slips", json=slip), 403, "stake-limit")
    until_s = NOW_S + MAX_TIME_OUT_S
    assert (await put(api, own, time_out_until_s=until_s)).status_code == 200
    is_problem(await put(api, own, time_out_until_s=until_s + 1), 409, "time-out-kept")
    fresh = await signed_in(api, bettor)
    assert (await api.delete("/v1/sessions", headers=fresh)).status_code == 204
    is_problem(await api.get(PATH, headers=own), 401, "session-required")
    is_problem(await api.post("/v1/slips", json=slip), 403, "timed-out")
