"""Slips that are accepted as a group, against the same slips one after the other: the group must
give each the answer that it would have had alone, after those before it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import psycopg
import pytest

from backend.grouping import Groups
from backend.problems import NotReady, Problem
from backend.services import Services
from backend.slips import repository
from backend.slips.acceptance import Acceptances
from backend.slips.models import SlipCreate
from tests.backend.api.bettors import LEGS, NOW_S, UNIT, Bettor, signed
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World

Sent = tuple[SlipCreate, str | None]

# What the sequences run into, all of them together.
SEEN: Counter[str] = Counter()
EXPECTED = {
    "accepted",
    "accepted before",
    "balance-insufficient",
    "cap-exceeded",
    "exposure-exceeded",
    "idempotency-conflict",
    "nonce-used",
    "receipt-budget",
    "signature-invalid",
    "too-many-pending",
}


def sequence(rng: random.Random, bettors: list[Bettor]) -> list[Sent]:
    """Slips of few accounts, nonces, keys and fixtures, so that they meet one another."""
    sent: list[Sent] = []
    for _ in range(60):
        if sent and rng.random() < 0.15:
            sent.append(rng.choice(sent))
            continue
        bettor = rng.choice(bettors)
        body = signed(
            bettor,
            nonce=rng.randint(1, 9),
            stake_micro=rng.choice((1, 1, 2, 5, 30)) * UNIT,
            legs=rng.choice(LEGS),
            min_odds_e4=10_001,
        )
        if rng.random() < 0.03:
            body["account"] = rng.choice(bettors).account
        sent.append((SlipCreate(**body), rng.choice((*([None] * 12), "one", "two"))))
    return sent


def shown(result: Any) -> tuple[Any, ...]:
    """An answer without what differs between two runs: the id of the slip."""
    if isinstance(result, Problem):
        members = {name: value for name, value in result.members.items() if name != "slip"}
        return (result.code, str(result), members)
    assert not isinstance(result, BaseException), result
    slip = result.slip
    return (
        "accepted" if result.new else "accepted before",
        *(slip.account, slip.struct_hash, slip.idempotency_key, slip.accepted_at_s),
        *(slip.odds_e4, slip.payout_max_micro, slip.receipt_signature),
    )


def stored(world: World) -> list[tuple[Any, ...]]:
    """The slips without their ids, each with its legs."""
    found: list[tuple[Any, ...]] = world.execute(
        "SELECT s.account, s.nonce, s.idempotency_key, s.stake_micro, s.struct_hash, s.signature,"
        " s.payout_max_micro, array_agg((l.leg, l.market, l.outcome, l.odds_e4)::text"
        " ORDER BY l.leg) FROM backend.slip s JOIN backend.slip_leg l ON l.slip = s.id"
        " GROUP BY s.id ORDER BY 1, 2, 3"
    ).fetchall()
    return found


def set_limits(rng: random.Random, world: World, chain: FakeChain) -> None:
    """Limits of which each is the tightest in some of the sequences."""
    reserve_micro = rng.choice((60, 150, 400)) * UNIT
    world.execute(
        "UPDATE mirror.book SET pool_micro = %s",
        reserve_micro + rng.choice((70, 1_000)) * UNIT,
    )
    chain.set_limits(
        receipt_reserve_micro=reserve_micro,
        market_cap_micro=rng.choice((40, 1_000)) * UNIT,
        fixture_cap_micro=rng.choice((60, 1_000)) * UNIT,
        accumulator_cap_micro=rng.choice((30, 1_000)) * UNIT,
    )
    chain.set_receipt_key(left_micro=rng.choice((80, 1_000)) * UNIT)


@pytest.mark.parametrize("seed", range(16))
async def test_group_answers_as_one_after_the_other(
    seed: int, world: World, services: Services, chain: FakeChain
) -> None:
    rng = random.Random(seed)
    # In turn the house's limits, the balance, or the number of pending slips is what ends first.
    if seed % 4 < 2:
        set_limits(rng, world, chain)
    balances = ((60, 80, 1_000), (60, 80, 1_000), (8, 20), (1_000,))[seed % 4]
    bettors = [world.open_account(11 + n, micro * UNIT) for n, micro in enumerate(balances)]
    sent = sequence(rng, bettors)

    one_by_one = [await answer(Acceptances(services), *slip) for slip in sent]
    alone = stored(world)
    world.execute("TRUNCATE backend.slip, backend.slip_leg CASCADE")
    together = Acceptances(services)
    grouped = await asyncio.gather(*(answer(together, *slip) for slip in sent))

    assert [shown(one) for one in grouped] == [shown(one) for one in one_by_one]
    assert stored(world) == alone
    SEEN.update(shown(one)[0] for one in grouped)


async def answer(acceptances: Acceptances, create: SlipCreate, key: str | None) -> Any:
    try:
        return await acceptances.accept(create, key)
    except Problem as refusal:
        return refusal


def test_sequences_ran_into_every_refusal_that_a_group_can_change() -> None:
    assert EXPECTED - set(SEEN) == set()


async def test_row_that_the_database_refuses_leaves_the_others(
    world: World, services: Services, bettor: Bettor, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = repository.insert_slips

    async def refusing(connection: Any, accepted: Any) -> None:
        if any(slip.stake_micro == 3 * UNIT for slip, _, _ in accepted):
            raise psycopg.errors.CheckViolation("refused")
        await insert(connection, accepted)

    monkeypatch.setattr(repository, "insert_slips", refusing)
    acceptances = Acceptances(services)
    slips = [
        SlipCreate(**signed(bettor, nonce=nonce, stake_micro=nonce * UNIT)) for nonce in (2, 3, 4)
    ]
    results = await asyncio.gather(
        *(acceptances.accept(slip, None) for slip in slips), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == [
        "Acceptance",
        "CheckViolation",
        "Acceptance",
    ]
    assert world.execute("SELECT array_agg(nonce ORDER BY nonce) FROM backend.slip").fetchone() == (
        [2, 4],
    )


async def test_group_takes_what_has_queued_up_and_no_more_than_it_may() -> None:
    sizes: list[int] = []
    go = asyncio.Event()

    async def handle(items: Any) -> list[int]:
        sizes.append(len(items))
        await go.wait()
        return [item + 1 for item in items]

    groups = Groups[int, int](handle, most=4, most_waiting=6)
    first = asyncio.create_task(groups.submit(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(groups.submit(item)) for item in range(1, 7)]
    await asyncio.sleep(0)
    with pytest.raises(NotReady, match="busy"):
        await groups.submit(7)
    others[0].cancel()
    go.set()
    answers = await asyncio.gather(first, *others, return_exceptions=True)
    assert answers[0] == 1
    assert isinstance(answers[1], asyncio.CancelledError)
    assert answers[2:] == [3, 4, 5, 6, 7]
    assert sizes == [1, 4, 2]
    assert await groups.submit(8) == 9


async def accepted_of_group(services: Services, bodies: list[dict[str, Any]]) -> list[str]:
    """For each slip of one group its refusal's code, or "accepted"."""
    acceptances = Acceptances(services)
    slips = [SlipCreate(**body) for body in bodies]
    found = await asyncio.gather(*(answer(acceptances, slip, None) for slip in slips))
    return [shown(one)[0] for one in found]


async def test_group_has_no_more_pending_slips_than_an_account_may(
    services: Services, bettor: Bettor
) -> None:
    # The rows would be those that the table takes: nothing but the count can refuse the ninth.
    bodies = [signed(bettor, nonce=nonce, stake_micro=UNIT) for nonce in range(1, 10)]
    codes = await accepted_of_group(services, bodies)
    assert codes == [*["accepted"] * 8, "too-many-pending"]


async def test_group_keeps_to_the_limit_that_an_owner_has_set(
    world: World, services: Services, bettor: Bettor
) -> None:
    world.insert(
        "backend.limit_change",
        **{"account": bettor.account, "kind": "stake", "period": "day", "amount": 12 * UNIT},
        **{"set_s": NOW_S - 10, "from_s": NOW_S - 10},
    )
    bodies = [signed(bettor, nonce=nonce, stake_micro=5 * UNIT) for nonce in (1, 2, 3)]
    assert await accepted_of_group(services, bodies) == ["accepted", "accepted", "stake-limit"]
