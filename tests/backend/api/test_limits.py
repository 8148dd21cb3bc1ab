"""Limits that owners set themselves, and acceptance that is held to them.

Branches: a decrease, an increase, a removal, the same again, an increase that a decrease ends · of
several the lowest · stakes that wait, were placed, were left out, are too old · losses, less what
was paid · deposits, which nothing stops · a time-out, extended, shortened, too long, over ·
somebody else's account, no session, another site · amounts that are none · slips at once.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from backend.own_limits.refusals import LossLimitReached, StakeLimitReached, TimedOut, TimeOutKept
from backend.own_limits.rules import (
    INCREASE_AFTER_S,
    MAX_TIME_OUT_S,
    Change,
    Kind,
    Limit,
    Period,
    Use,
    change_of,
    check_stake,
    limit_of,
    time_out_change,
)
from backend.services import Services
from tests.backend.api.bettors import GAMMA, NOW_S, UNIT, Bettor, leg, signed, slip_of
from tests.backend.api.client import is_problem
from tests.backend.api.signing_in import ORIGIN, signed_in
from tests.backend.api.world import World

PATH = "/v1/accounts/7/limits"
DAY_S = 86_400
STAKE_DAY = (Kind.STAKE, Period.DAY)


@pytest.fixture(autouse=True)
def page(services: Services) -> None:
    """The server has the address of its page."""
    services.settings = services.settings.model_copy(update={"public_url": ORIGIN})


@pytest.fixture
async def own(api: httpx.AsyncClient, bettor: Bettor) -> dict[str, str]:
    """The header of the owner's session."""
    return await signed_in(api, bettor)


async def put(
    api: httpx.AsyncClient,
    headers: dict[str, str],
    *limits: tuple[str, str, int | None],
    **more: Any,
) -> httpx.Response:
    rows = [
        {"kind": kind, "period": period, "limit_micro": None if micro is None else str(micro)}
        for kind, period, micro in limits
    ]
    return await api.put(PATH, json={"limits": rows, **more}, headers=headers)


def row_of(answer: httpx.Response, kind: str, period: str) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["limits"]
    [found] = [row for row in rows if (row["kind"], row["period"]) == (kind, period)]
    return found


def set_one_by_one(*amounts: tuple[int, int | None]) -> list[Change]:
    """What is kept of a stake limit per day that was set at these times."""
    changes: list[Change] = []
    for at_s, amount in amounts:
        change = change_of(changes, STAKE_DAY, amount, at_s)
        changes += [] if change is None else [change]
    return changes


def test_decrease_counts_at_once_and_an_increase_a_day_later() -> None:
    changes = set_one_by_one((0, 100), (10, 50), (20, 200))
    later_s = 20 + INCREASE_AFTER_S
    assert limit_of(changes, STAKE_DAY, 0) == Limit(50, 200, later_s)
    assert limit_of(changes, STAKE_DAY, 20) == Limit(50, 200, later_s)
    assert limit_of(changes, STAKE_DAY, later_s - 1).amount == 50
    assert limit_of(changes, STAKE_DAY, later_s) == Limit(200)
    assert limit_of(changes, (Kind.STAKE, Period.WEEK), later_s) == Limit()
    removed = set_one_by_one((0, 100), (10, None))
    assert limit_of(removed, STAKE_DAY, INCREASE_AFTER_S) == Limit(100, None, 10 + INCREASE_AFTER_S)
    assert limit_of(removed, STAKE_DAY, 10 + INCREASE_AFTER_S) == Limit()


def test_decrease_ends_an_increase_that_was_to_come() -> None:
    for second in (100, 80):
        changes = set_one_by_one((0, 100), (10, 500), (20, second))
        assert limit_of(changes, STAKE_DAY, 20) == Limit(second)
        assert limit_of(changes, STAKE_DAY, 10 * INCREASE_AFTER_S) == Limit(second)


def test_the_same_again_changes_nothing_and_does_not_start_the_day_again() -> None:
    changes = set_one_by_one((0, 100), (10, 500), (5_000, 500), (6_000, 500))
    assert len(changes) == 2
    assert limit_of(changes, STAKE_DAY, 10 + INCREASE_AFTER_S) == Limit(500)
    assert set_one_by_one((0, None)) == []


def test_of_several_limits_the_lowest_rules() -> None:
    def changes(**micro: int) -> list[Change]:
        names = {name: name.split("_") for name in micro}
        return [
            Change(names[name][0], names[name][1], amount, 0, 0) for name, amount in micro.items()
        ]

    use = Use({(Kind.STAKE, Period.DAY): 10, (Kind.STAKE, Period.WEEK): 90})
    check_stake(changes(stake_day=100, stake_week=100), use, 10, 0)
    with pytest.raises(StakeLimitReached) as refused:
        check_stake(changes(stake_day=100, stake_week=100), use, 11, 0)
    assert refused.value.members["period"] == "week"
    assert refused.value.members["left_micro"] == "10"
    with pytest.raises(LossLimitReached):
        check_stake(changes(stake_day=100, loss_month=5), use, 6, 0)
    # A limit on deposits says nothing of stakes.
    check_stake(changes(deposit_day=1), use, 1_000, 0)


def test_time_out_is_only_ever_extended() -> None:
    first = time_out_change([], 1_000, 0)
    assert first is not None
    changes = [first]
    with pytest.raises(TimedOut):
        check_stake(changes, Use({}), 1, 999)
    check_stake(changes, Use({}), 1, 1_000)
    assert time_out_change(changes, 1_000, 10) is None
    for until_s, now_s in ((999, 10), (5, 10), (10 + MAX_TIME_OUT_S + 1, 10), (1_000, 1_000)):
        with pytest.raises(TimeOutKept):
            time_out_change(changes, until_s, now_s)
    longer = time_out_change(changes, 2_000, 10)
    assert longer is not None
    with pytest.raises(TimedOut):
        check_stake([*changes, longer], Use({}), 1, 1_999)


async def test_stake_limit_is_enforced_in_acceptance(
    api: httpx.AsyncClient, world: World, bettor: Bettor, own: dict[str, str]
) -> None:
    answer = await put(api, own, ("stake", "day", 12 * UNIT))
    assert row_of(answer, "stake", "day")["left_micro"] == str(12 * UNIT)
    first = await api.post("/v1/slips", json=signed(bettor))
    assert first.status_code == 201, first.text
    second = await api.post("/v1/slips", json=signed(bettor, nonce=2, legs=leg(GAMMA)))
    assert second.status_code == 201, second.text
    before = world.contents()
    third = await api.post("/v1/slips", json=signed(bettor, nonce=3))
    is_problem(third, 403, "stake-limit")
    assert third.json()["left_micro"] == str(2 * UNIT)
    assert world.contents() == before
    assert (
        await api.post("/v1/slips", json=signed(bettor, nonce=3, stake_micro=2 * UNIT))
    ).is_success
    # The same slip again is still the one that was accepted.
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 200
    row = row_of(await api.get(PATH, headers=own), "stake", "day")
    assert (row["used_micro"], row["left_micro"]) == (str(12 * UNIT), "0")


async def test_placed_and_old_stakes_count_once_and_for_their_time(
    api: httpx.AsyncClient, world: World, bettor: Bettor, own: dict[str, str]
) -> None:
    await put(api, own, ("stake", "day", 12 * UNIT), ("stake", "week", 12 * UNIT))
    slip = slip_of(bettor)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    world.place(slip, 1)
    used = row_of(await api.get(PATH, headers=own), "stake", "day")["used_micro"]
    assert used == str(5 * UNIT)
    # Bets that were placed in another way count too; a rest and a replacement do not.
    world.place(slip_of(bettor, nonce=2), 2)
    world.place(slip_of(bettor, nonce=2), 3, rest_of=2)
    world.place(slip_of(bettor, nonce=2), 4, instead_of=2)
    used = row_of(await api.get(PATH, headers=own), "stake", "day")["used_micro"]
    assert used == str(10 * UNIT)
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=3)), 403, "stake-limit")
    world.clock(NOW_S + DAY_S)
    answer = await api.get(PATH, headers=own)
    assert row_of(answer, "stake", "day")["used_micro"] == "0"
    assert row_of(answer, "stake", "week")["used_micro"] == str(10 * UNIT)


def move(world: World, kind: str, micro: int, block: int, log_index: int) -> None:
    world.insert(
        "mirror.movement",
        **{"deployment": 1, "block": block, "log_index": log_index, "seq": 0, "account": 7},
        **{"kind": kind, "delta_micro": micro},
    )


async def test_losses_count_less_what_was_paid(
    api: httpx.AsyncClient, world: World, bettor: Bettor, own: dict[str, str]
) -> None:
    for number, (kind, micro) in enumerate(
        (("stake", -30), ("stake", -10), ("payout", 25), ("cash_out", 3), ("refund", 2))
    ):
        move(world, kind, micro * UNIT, 15, number)
    # These are neither lost nor won.
    move(world, "withdrawal", -40 * UNIT, 15, 10)
    move(world, "fee", -1, 15, 11)
    answer = await put(api, own, ("loss", "day", 14 * UNIT))
    assert row_of(answer, "loss", "day")["used_micro"] == str(10 * UNIT)
    is_problem(await api.post("/v1/slips", json=signed(bettor)), 403, "loss-limit")
    small = signed(bettor, stake_micro=4 * UNIT)
    assert (await api.post("/v1/slips", json=small)).status_code == 201
    # What waits may be lost as well.
    row = row_of(await api.get(PATH, headers=own), "loss", "day")
    assert (row["used_micro"], row["left_micro"]) == (str(14 * UNIT), "0")
    move(world, "payout", 100 * UNIT, 16, 0)
    row = row_of(await api.get(PATH, headers=own), "loss", "day")
    assert row["used_micro"] == str(4 * UNIT)


async def test_deposits_are_counted_and_not_stopped(
    api: httpx.AsyncClient, world: World, own: dict[str, str]
) -> None:
    move(world, "deposit", 30 * UNIT, 15, 0)
    move(world, "withdrawal", -30 * UNIT, 15, 1)
    answer = await put(api, own, ("deposit", "day", 20 * UNIT))
    row = row_of(answer, "deposit", "day")
    assert (row["limit_micro"], row["left_micro"]) == (str(20 * UNIT), "0")
    assert int(row["used_micro"]) >= 30 * UNIT


async def test_increase_through_the_api_waits_a_day(
    api: httpx.AsyncClient, world: World, bettor: Bettor, own: dict[str, str]
) -> None:
    await put(api, own, ("stake", "day", 1 * UNIT))
    raised = row_of(await put(api, own, ("stake", "day", 50 * UNIT)), "stake", "day")
    assert (raised["limit_micro"], raised["next_limit_micro"], raised["next_from_s"]) == (
        *(str(UNIT), str(50 * UNIT)),
        NOW_S + DAY_S,
    )
    is_problem(await api.post("/v1/slips", json=signed(bettor)), 403, "stake-limit")
    world.clock(NOW_S + DAY_S)
    now = row_of(await api.get(PATH, headers=own), "stake", "day")
    assert (now["limit_micro"], now["next_from_s"]) == (str(50 * UNIT), None)


async def test_time_out_is_enforced_and_leaves_the_rest_alone(
    api: httpx.AsyncClient, world: World, bettor: Bettor, own: dict[str, str]
) -> None:
    until_s = NOW_S + 3_600
    answer = await put(api, own, time_out_until_s=until_s)
    assert answer.json()["time_out_until_s"] == until_s
    refused = await api.post("/v1/slips", json=signed(bettor))
    is_problem(refused, 403, "timed-out")
    assert refused.json()["time_out_until_s"] == until_s
    is_problem(await put(api, own, time_out_until_s=until_s - 1), 409, "time-out-kept")
    assert (await api.get("/v1/accounts/7")).status_code == 200
    world.clock(until_s)
    later = await api.post("/v1/slips", json=signed(bettor, deadline_s=until_s + 60))
    assert later.status_code == 201, later.text
    assert (await api.get(PATH, headers=own)).json()["time_out_until_s"] is None


async def test_only_the_owner_sets_and_sees_limits(
    api: httpx.AsyncClient, world: World, bettor: Bettor, own: dict[str, str]
) -> None:
    other = world.open_account(8)
    theirs = await signed_in(api, other)
    for headers, status, code in (
        ({}, 401, "session-required"),
        (theirs, 403, "account-of-another"),
    ):
        is_problem(await api.get(PATH, headers=headers), status, code)
        is_problem(await put(api, headers, ("stake", "day", 1)), status, code)
    crossing = {**own, "Origin": "https://evil.example"}
    is_problem(await put(api, crossing, ("stake", "day", 1)), 403, "cross-site-request")
    unknown = await api.get("/v1/accounts/99/limits", headers=own)
    is_problem(unknown, 404, "account-unknown")
    assert world.all("backend.limit_change") == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"kind": "stake", "period": "day", "limit_micro": "0"}, "amount-invalid"),
        ({"kind": "stake", "period": "day", "limit_micro": 5}, "amount-invalid"),
        ({"kind": "stake", "period": "day"}, "body-malformed"),
        ({"kind": "stake", "period": "year", "limit_micro": "5"}, "body-malformed"),
        ({"kind": "wins", "period": "day", "limit_micro": "5"}, "body-malformed"),
    ],
)
async def test_limit_that_is_none_is_refused(
    api: httpx.AsyncClient, own: dict[str, str], row: dict[str, Any], code: str
) -> None:
    is_problem(await api.put(PATH, json={"limits": [row]}, headers=own), 422, code)


async def test_slips_at_once_do_not_pass_a_limit_together(
    api: httpx.AsyncClient, bettor: Bettor, own: dict[str, str]
) -> None:
    await put(api, own, ("stake", "day", 12 * UNIT), ("loss", "week", 12 * UNIT))
    answers = await asyncio.gather(
        *(api.post("/v1/slips", json=signed(bettor, nonce=nonce)) for nonce in range(1, 7))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 403, 403, 403, 403]
