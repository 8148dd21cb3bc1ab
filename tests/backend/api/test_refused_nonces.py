"""Tests slips whose nonce is used, cancelled or too far ahead, and nonces that are free again."""

from __future__ import annotations

import httpx
import pytest

from protocol.limits import MAX_NONCE
from protocol.placed_event import SkipReason
from tests.backend.api.bettors import NOW_S, RECEIPT_WINDOW_S, UNIT, Bettor, signed, slip_of
from tests.backend.api.client import is_problem
from tests.backend.api.refusing_states import cancel, exclude
from tests.backend.api.world import World


async def test_nonces(api: httpx.AsyncClient, world: World, bettor: Bettor) -> None:
    async def post(nonce: int) -> tuple[int, str | None, int | None]:
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce, stake_micro=UNIT))
        body = answer.json()
        return answer.status_code, body.get("code"), body.get("next_nonce")

    # On the chain nonce 2 is used, and 1 is not: the contract takes none above 9.
    world.place(slip_of(bettor, nonce=2), batch=1)
    assert await post(2) == (409, "nonce-used", 1)
    assert await post(10) == (409, "nonce-too-far", 1)
    assert await post(9) == (201, None, None)
    assert await post(9) == (200, None, None)
    assert await post(1) == (201, None, None)
    # It is not placed yet, so the window does not move.
    assert await post(10) == (409, "nonce-too-far", 3)
    world.place(slip_of(bettor, nonce=1), batch=2)
    assert await post(11) == (201, None, None)
    assert await post(12) == (409, "nonce-too-far", 3)
    other = await api.post("/v1/slips", json=signed(bettor, nonce=9, stake_micro=2 * UNIT))
    is_problem(other, 409, "nonce-used")
    assert other.json()["next_nonce"] == 3


async def test_nonces_begin_at_1(api: httpx.AsyncClient, bettor: Bettor) -> None:
    answer = await api.post("/v1/slips", json=signed(bettor, nonce=0))
    is_problem(answer, 409, "nonce-used")
    assert answer.json()["detail"] == "Nonces begin at 1; sign with 1."


@pytest.mark.parametrize("nonce", [10, 100, MAX_NONCE - 1, MAX_NONCE])
async def test_first_nonce_cannot_jump(
    nonce: int, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    """A nonce near the end of 24 bits would leave the account none to bet with."""
    refused = await api.post("/v1/slips", json=signed(bettor, nonce=nonce))
    is_problem(refused, 409, "nonce-too-far")
    assert refused.json()["next_nonce"] == 1
    assert (await api.get("/v1/accounts/7")).json()["next_nonce"] == 1
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=1))).status_code == 201


async def test_nonce_of_a_slip_that_was_never_placed_is_used_again(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    first = (await api.post("/v1/slips", json=signed(bettor))).json()
    world.leave_out(first["id"], nonce=1, reason=SkipReason.BALANCE_INSUFFICIENT)
    later_s = NOW_S + RECEIPT_WINDOW_S
    again = signed(bettor, deadline_s=later_s + 60)
    world.clock(later_s)
    is_problem(await api.post("/v1/slips", json=again), 409, "nonce-used")
    world.clock(later_s + 1)
    assert (await api.get("/v1/accounts/7")).json()["next_nonce"] == 1
    second = await api.post("/v1/slips", json=again)
    assert second.status_code == 201, second.text
    world.place(slip_of(bettor), batch=3, accepted_at_s=later_s + 1)
    shown = [(await api.get(f"/v1/slips/{one['id']}")).json() for one in (first, second.json())]
    assert [(one["status"], one["batch"]) for one in shown] == [("refused", None), ("placed", 3)]


async def test_cancelled_nonces_are_refused_until_others_can_follow(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    async def post(nonce: int, now_s: int = NOW_S) -> httpx.Response:
        world.clock(now_s)
        body = signed(bettor, nonce=nonce, stake_micro=UNIT, deadline_s=now_s + 60)
        return await api.post("/v1/slips", json=body)

    cancel(world, last=3)
    cancelled = await post(3)
    is_problem(cancelled, 409, "nonce-cancelled")
    assert cancelled.json()["next_nonce"] == 4
    assert (await post(4)).status_code == 201
    # The contract still counts 1 as unused, so it takes none above 9.
    is_problem(await post(10), 409, "nonce-too-far")
    world.execute("UPDATE mirror.cancellation SET last_nonce = 9")
    too_far = await post(10)
    is_problem(too_far, 409, "nonce-too-far")
    over_s = NOW_S - 10 + RECEIPT_WINDOW_S + 1
    assert too_far.headers["Retry-After"] == str(over_s - NOW_S)
    is_problem(await post(10, over_s - 1), 409, "nonce-too-far")
    assert (await post(10, over_s)).status_code == 201
    # An exclusion that ended later keeps the contract from counting them as used.
    exclude(over_s)(world)
    is_problem(await post(11, over_s), 409, "nonce-too-far")


async def test_cancellation_counts_the_nonces_of_an_earlier_one_as_used(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    cancel(world, last=9, block=8, ago_s=1_000)
    cancel(world, last=4, block=9)
    assert (await api.get("/v1/accounts/7")).json()["next_nonce"] == 10
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=9)), 409, "nonce-used")
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=18))).status_code == 201
