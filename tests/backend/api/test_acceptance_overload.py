"""Tests what happens to slips when more come than are handled.

Branches: a slip that would wait for too long is refused at once, with a time to come again · one
that has waited for too long is refused unread · one whose deadline passes while it waits is refused
· what is refused is not stored, and is accepted later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from backend import grouping
from backend.grouping import Groups
from backend.problems import NotReady
from backend.services import Services
from backend.slips import acceptance
from backend.slips.submissions import Commitment, price
from tests.backend.api.bettors import NOW_S, UNIT, Bettor, signed
from tests.backend.api.client import client, is_problem
from tests.backend.api.world import World


async def test_item_that_would_wait_too_long_is_refused_at_once() -> None:
    go = asyncio.Event()

    async def handle(items: Sequence[int]) -> list[int]:
        await go.wait()
        return list(items)

    groups = Groups[int, int](handle, most=2, most_waiting=100, longest_wait_s=2.5)
    # A full group of late has taken this long.
    groups._group_s = 1.0
    waiting = [asyncio.create_task(groups.submit(n)) for n in range(6)]
    await asyncio.sleep(0)
    # Three groups wait.
    assert groups.expected_wait_s == 3.0
    with pytest.raises(NotReady, match="busy") as refused:
        await groups.submit(6)
    assert refused.value.retry_after_s == 3
    go.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert done == list(range(6))


async def test_item_that_has_waited_too_long_is_not_handled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 0.0
    monkeypatch.setattr(grouping, "time", SimpleNamespace(monotonic=lambda: now_s))
    handled: list[int] = []
    begun, go = asyncio.Event(), asyncio.Event()

    async def handle(items: Sequence[int]) -> list[int]:
        handled.extend(items)
        begun.set()
        await go.wait()
        return list(items)

    groups = Groups[int, int](handle, most=1, most_waiting=100, longest_wait_s=3.0)
    first = asyncio.create_task(groups.submit(1))
    await begun.wait()
    second = asyncio.create_task(groups.submit(2))
    await asyncio.sleep(0)
    assert groups.waiting == 1
    now_s = 3.1
    go.set()
    assert await first == 1
    with pytest.raises(NotReady, match="busy"):
        await second
    assert handled == [1]
    assert await groups.submit(3) == 3


async def test_flood_is_refused_with_retry_after_and_nothing_of_it_is_lost(
    world: World, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups that take long: what would wait longer than it may is refused, and the rest is
    accepted; whoever was refused is accepted when the flood is over."""

    async def slow(services: Services, submissions: Any) -> Any:
        await asyncio.sleep(0.2)
        return await price(services, submissions)

    bettors = [world.open_account(100 + n) for n in range(40)]
    bodies = [signed(bettor, stake_micro=UNIT) for bettor in bettors]
    with monkeypatch.context() as patch:
        patch.setattr(acceptance, "price", slow)
        patch.setattr(acceptance, "MOST_IN_GROUP", 4)
        patch.setattr(acceptance, "LONGEST_WAIT_S", 0.5)
        async with client(services) as api:
            answers = await asyncio.gather(*(api.post("/v1/slips", json=body) for body in bodies))
    accepted = [a for a in answers if a.status_code == 201]
    refused = [a for a in answers if a.status_code != 201]
    assert accepted
    assert refused
    for answer in refused:
        is_problem(answer, 503, "not-ready")
        assert int(answer.headers["Retry-After"]) >= 1
    assert world.execute("SELECT count(*) FROM backend.slip").fetchone() == (len(accepted),)
    async with client(services) as api:
        for body, answer in zip(bodies, answers, strict=True):
            again = await api.post("/v1/slips", json=body)
            assert again.status_code == (200 if answer.status_code == 201 else 201)


async def test_slip_is_not_accepted_after_its_deadline_has_passed_in_the_queue(
    api: httpx.AsyncClient, world: World, bettor: Bettor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(services: Services, submissions: Any) -> Any:
        """Priced a while ago."""
        priced = await price(services, submissions)
        at = time.monotonic() - waited_s
        return [replace(one, priced_at=at) for one in priced if isinstance(one, Commitment)]

    monkeypatch.setattr(acceptance, "price", late)
    waited_s = 60.5
    refused = await api.post("/v1/slips", json=signed(bettor))
    is_problem(refused, 409, "slip-expired")
    assert refused.json()["now_s"] >= NOW_S + 60
    assert world.execute("SELECT count(*) FROM backend.slip").fetchone() == (0,)
    waited_s = 30.0
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
