"""Tests slips that the state of markets, odds, house or account does not allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from backend.markets.tables import FixtureStatus
from backend.slips.refusals import SLIP_REFUSALS
from protocol.limits import MAX_MICRO, MAX_NONCE
from protocol.placed_batch import SkipReason
from protocol.typed_data import Leg
from tests.backend.api.bettors import (
    ALPHA,
    GAMMA,
    NOW_S,
    RECEIPT_WINDOW_S,
    START_S,
    UNIT,
    Bettor,
    leg,
    signed,
    slip_of,
)
from tests.backend.api.client import is_problem
from tests.backend.api.fake_chain import BUDGET_MICRO, FakeChain
from tests.backend.api.test_refused_requests import BAD
from tests.backend.api.world import World


def _close_market(world: World) -> None:
    world.execute("UPDATE backend.market SET status = 'suspended'")


def _close_fixture(world: World) -> None:
    world.execute("UPDATE backend.fixture SET status = 'postponed'")


def _pause(world: World) -> None:
    world.execute("UPDATE mirror.book SET paused = true")


def _empty_house(world: World) -> None:
    most_micro = BUDGET_MICRO + 5 * UNIT - 1
    world.execute("UPDATE mirror.book SET pool_micro = locked_micro + %s", most_micro)


def _announce_exit(world: World) -> None:
    world.insert(
        "mirror.exit_request", deployment=1, account=7, amount_micro=96 * UNIT, unlocks_at_s=0
    )


def _exclude(until_s: int) -> Callable[[World], None]:
    def exclude(world: World) -> None:
        world.insert(
            "mirror.exclusion",
            **{"deployment": 1, "block": 9, "log_index": 0, "account": 7},
            **{"from_s": NOW_S - 5, "until_s": until_s},
        )

    return exclude


def _spent(left_micro: int) -> Callable[[FakeChain], None]:
    return lambda chain: chain.set_receipt_key(left_micro=left_micro)


def _lost(chain: FakeChain) -> None:
    chain.reachable = False


def _cancel(world: World, last: int, block: int = 9, ago_s: int = 10) -> None:
    world.insert(
        "mirror.cancellation",
        **{"deployment": 1, "block": block, "log_index": 0, "account": 7},
        **{"last_nonce": last, "cancelled_at_s": NOW_S - ago_s},
    )


STATES: dict[str, tuple[Callable[[World], Any], int, str]] = {
    "market_suspended": (_close_market, 409, "market-closed"),
    "fixture_postponed": (_close_fixture, 409, "market-closed"),
    "placing_paused": (_pause, 409, "market-closed"),
    "odds_withdrawn": (lambda w: w.offer(ALPHA.result), 409, "market-closed"),
    "odds_moved": (lambda w: w.offer(ALPHA.result, 19_400, 33_000, 42_000), 409, "odds-moved"),
    "odds_stale": (lambda w: w.beat(ago_ms=6_000), 503, "odds-stale"),
    "odds_never_heard": (lambda w: w.redis.delete("odds:heartbeat"), 503, "odds-stale"),
    "house_too_poor": (_empty_house, 409, "exposure-exceeded"),
    "exit_announced": (_announce_exit, 409, "balance-insufficient"),
    "nonce_cancelled": (lambda w: _cancel(w, last=1), 409, "nonce-cancelled"),
    "account_excluded": (_exclude(NOW_S + 1), 403, "account-excluded"),
    "mirror_empty": (lambda w: w.execute("DELETE FROM mirror.deployment"), 503, "not-ready"),
    "book_empty": (lambda w: w.execute("DELETE FROM mirror.book"), 503, "not-ready"),
}


# The slip could pay 5 units above its stake.
CHAIN_STATES: dict[str, tuple[Callable[[FakeChain], Any], int, str]] = {
    "market_capped": (lambda c: c.set_limits(market_cap_micro=5 * UNIT - 1), 409, "cap-exceeded"),
    "fixture_capped": (
        lambda c: c.set_limits(fixture_cap_micro=5 * UNIT - 1),
        409,
        "cap-exceeded",
    ),
    "budget_spent": (_spent(5 * UNIT - 1), 503, "receipt-budget"),
    "reserve_too_small": (
        lambda c: c.set_limits(receipt_reserve_micro=5 * UNIT - 1),
        409,
        "receipt-too-large",
    ),
    "node_lost": (_lost, 503, "chain-unreachable"),
}


@pytest.mark.parametrize("name", [*STATES, *CHAIN_STATES])
async def test_slip_is_refused_in_this_state(
    name: str, api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    if name in STATES:
        change, status, code = STATES[name]
        change(world)
    else:
        change_chain, status, code = CHAIN_STATES[name]
        change_chain(chain)
    before = world.contents()
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, status, code)
    assert world.contents() == before


async def test_expired_exclusion_allows_bets(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    _exclude(NOW_S)(world)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201


async def test_cap_counts_placed_bets_and_pending_slips(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    async def code(**changes: Any) -> str:
        answer = await api.post("/v1/slips", json=signed(bettor, **changes))
        return str(answer.json().get("code", answer.status_code))

    world.offer(ALPHA.total, 20_000, 20_000)
    chain.set_limits(market_cap_micro=5 * UNIT, fixture_cap_micro=9 * UNIT)
    assert await code() == "201"
    assert await code(nonce=2, stake_micro=UNIT) == "cap-exceeded"
    other = (Leg(ALPHA.name, ALPHA.total, 0),)
    assert await code(nonce=2, legs=other, stake_micro=5 * UNIT) == "cap-exceeded"
    assert await code(nonce=2, legs=other, stake_micro=4 * UNIT) == "201"
    # An accumulator counts alone, against the cap of a market.
    both = (*leg(ALPHA), *leg(GAMMA))
    assert await code(nonce=3, legs=both, stake_micro=2 * UNIT) == "cap-exceeded"
    assert await code(nonce=3, legs=both, stake_micro=UNIT) == "201"
    # On the chain, bets on different outcomes net, so nothing is locked.
    world.execute("DELETE FROM backend.slip_leg")
    world.execute("DELETE FROM backend.slip")
    world.insert(
        "mirror.exposure",
        **{"deployment": 1, "market": ALPHA.result.pack(), "block": 9},
        **{"payout_0_micro": 6 * UNIT, "payout_1_micro": 0, "payout_2_micro": 6 * UNIT},
        stakes_micro=6 * UNIT,
    )
    assert await code(nonce=4) == "201"
    chain.set_limits(market_cap_micro=MAX_MICRO, fixture_cap_micro=MAX_MICRO)
    assert await code(nonce=5) == "201"


@pytest.mark.parametrize("status", [one for one in FixtureStatus if one != "scheduled"])
async def test_closed_fixture_is_named_with_its_status(
    status: FixtureStatus, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    """Only a postponed match can accept bets again."""
    world.execute("UPDATE backend.fixture SET status = %s", status.value)
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, 409, "market-closed")
    found = answer.json()
    assert ALPHA.name in found["detail"]
    assert (found["fixture_status"], found["market_status"]) == (status, "open")
    assert ("later" in found["detail"]) is (status is FixtureStatus.POSTPONED)
    assert "suspended" not in found["detail"]


async def test_suspended_market_is_named(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    _close_market(world)
    answer = await api.post("/v1/slips", json=signed(bettor))
    is_problem(answer, 409, "market-closed")
    found = answer.json()
    assert (found["fixture_status"], found["market_status"]) == ("scheduled", "suspended")
    assert found["detail"] == f"{ALPHA.name}: this market is suspended; try again later."


async def test_started_market_is_refused_at_its_start(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.clock(START_S)
    late = await api.post("/v1/slips", json=signed(bettor, deadline_s=START_S + 60))
    is_problem(late, 409, "market-started")
    world.clock(START_S - 1)
    last = await api.post("/v1/slips", json=signed(bettor, deadline_s=START_S + 60))
    assert last.status_code == 201


async def test_odds_moved_problem_shows_the_new_odds(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.offer(ALPHA.result, 19_400, 33_000, 42_000)
    answer = (await api.post("/v1/slips", json=signed(bettor))).json()
    assert (answer["odds_e4"], answer["product_odds_e4"]) == ([19_400], 19_400)
    world.offer(ALPHA.result, 15_000, 33_000, 42_000)
    world.offer(GAMMA.result, 15_000, 33_000, 42_000)
    legs = (*leg(ALPHA), *leg(GAMMA))
    several = await api.post("/v1/slips", json=signed(bettor, legs=legs, min_odds_e4=23_000))
    assert several.json()["detail"] == (
        "The odds are now 2.25 (1.5 x 1.5), below your minimum of 2.3; to accept them, sign a slip"
        " with a lower minimum."
    )


async def test_product_of_odds_is_compared_exactly(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    legs = (*leg(ALPHA), *leg(GAMMA))
    world.offer(ALPHA.result, 15_001, 33_000, 42_000)
    world.offer(GAMMA.result, 15_001, 33_000, 42_000)
    # 1.5001 x 1.5001 = 2.25030001
    above = signed(bettor, legs=legs, min_odds_e4=22_504)
    is_problem(await api.post("/v1/slips", json=above), 409, "odds-moved")
    exact = signed(bettor, legs=legs, min_odds_e4=22_503)
    assert (await api.post("/v1/slips", json=exact)).status_code == 201


async def test_payout_above_the_maximum_is_refused(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.offer(ALPHA.result, 4_000_000, 33_000, 42_000)
    at_most = signed(bettor, stake_micro=50 * UNIT)
    above = signed(bettor, stake_micro=50 * UNIT + 1)
    is_problem(await api.post("/v1/slips", json=above), 409, "payout-too-large")
    assert (await api.post("/v1/slips", json=at_most)).status_code == 201


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

    _cancel(world, last=3)
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
    _exclude(over_s)(world)
    is_problem(await post(11, over_s), 409, "nonce-too-far")


async def test_cancellation_counts_the_nonces_of_an_earlier_one_as_used(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    _cancel(world, last=9, block=8, ago_s=1_000)
    _cancel(world, last=4, block=9)
    assert (await api.get("/v1/accounts/7")).json()["next_nonce"] == 10
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=9)), 409, "nonce-used")
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=18))).status_code == 201


async def test_budget_of_the_receipt_key_bounds_what_is_outstanding(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    async def post(nonce: int, **changes: Any) -> httpx.Response:
        return await api.post("/v1/slips", json=signed(bettor, nonce=nonce, **changes))

    # Every slip could pay 5 units above its stake.
    chain.set_receipt_key(left_micro=14 * UNIT, budget_micro=24 * UNIT)
    assert [(await post(nonce)).status_code for nonce in (1, 2)] == [201, 201]
    full = await post(3)
    is_problem(full, 503, "receipt-budget")
    assert (full.json()["needed_micro"], full.json()["available_micro"]) == ("5000000", "4000000")
    # A unit is regained in an hour, but the others are placed or lost before.
    assert full.headers["Retry-After"] == str(RECEIPT_WINDOW_S)
    assert (await post(3, stake_micro=4 * UNIT)).status_code == 201
    # A batch that the chain had, when the budget was read, has placed one without the budget. Of
    # one that came later it is not known whether a receipt placed it.
    world.place(slip_of(bettor, nonce=1), batch=11)
    world.confirm(21)
    is_problem(await post(4), 503, "receipt-budget")
    chain.state = replace(chain.state, block=21)
    assert (await post(4)).status_code == 201


async def test_slip_that_no_receipt_can_ever_cover_is_not_told_to_wait(
    api: httpx.AsyncClient, bettor: Bettor, chain: FakeChain
) -> None:
    chain.set_receipt_key(left_micro=24 * UNIT, budget_micro=24 * UNIT)
    large = await api.post("/v1/slips", json=signed(bettor, stake_micro=25 * UNIT))
    is_problem(large, 409, "receipt-too-large")
    assert "at most 24.00" in large.json()["detail"]
    assert large.json()["max_micro"] == str(24 * UNIT)
    assert "Retry-After" not in large.headers


async def test_budget_is_kept_until_the_bet_is_confirmed(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """The mirror shows the bet; a reorg takes it away, and the operator does not send it again.
    Then its receipt needs the budget, and with it that of every slip that was accepted since."""
    chain.set_receipt_key(left_micro=9 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    world.place(slip_of(bettor), batch=9)
    chain.state = replace(chain.state, block=20)
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=2)), 503, "receipt-budget")
    world.confirm(19)
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=2))).status_code == 201


async def test_budget_of_a_lapsed_receipt_may_have_been_taken_at_the_last_moment(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """The budget was read before a receipt was enforced in the last second of its window; the
    mirror has gone on, and is past the window. What the receipt took is not in what was read."""
    chain.set_receipt_key(left_micro=9 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    over_s = NOW_S + RECEIPT_WINDOW_S + 1
    later = signed(bettor, nonce=2, deadline_s=over_s + 60)
    world.clock(over_s)
    world.place(slip_of(bettor), batch=11)
    world.confirm(20, over_s - 2)
    world.confirm(21, over_s)
    is_problem(await api.post("/v1/slips", json=later), 503, "receipt-budget")
    chain.state = replace(chain.state, block=21)
    assert (await api.post("/v1/slips", json=later)).status_code == 201


async def test_budget_is_kept_for_a_receipt_that_can_replace_a_bet(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """Two legs at 2 and 4.5 were placed at 4.5 and 2: the highest payout is the same, not what they
    pay when one is void. The bet that replaces them ends it."""
    legs = (*leg(ALPHA), *leg(GAMMA))
    world.offer(GAMMA.result, 45_000, 32_000, 41_000, version=2)
    # It could pay 8 units above its stake.
    chain.set_receipt_key(left_micro=12 * UNIT)
    body = signed(bettor, legs=legs, stake_micro=UNIT)
    assert (await api.post("/v1/slips", json=body)).status_code == 201
    slip = slip_of(bettor, legs=legs, stake_micro=UNIT)
    world.place(slip, batch=7, odds_e4=(45_000, 20_000))
    is_problem(await api.post("/v1/slips", json=signed(bettor, nonce=2)), 503, "receipt-budget")
    world.place(slip, batch=8, odds_e4=(20_000, 45_000), instead_of=7)
    assert (await api.post("/v1/slips", json=signed(bettor, nonce=2))).status_code == 201


@pytest.mark.parametrize("changed", [{"accepted_at_s": NOW_S + 9}, {"odds_e4": (19_600,)}])
async def test_stake_of_a_bet_at_other_terms_is_reserved_once(
    api: httpx.AsyncClient, world: World, bettor: Bettor, changed: dict[str, Any]
) -> None:
    """A receipt that replaces a bet first gives its stake back."""
    assert (await api.post("/v1/slips", json=signed(bettor, stake_micro=60 * UNIT))).is_success
    world.place(slip_of(bettor, stake_micro=60 * UNIT), batch=7, **changed)
    rest = await api.post("/v1/slips", json=signed(bettor, nonce=2, stake_micro=40 * UNIT))
    assert rest.status_code == 201, rest.text


async def test_budget_keeps_the_stakes_of_slips_in_play(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """To replace a bet in play takes its stake too. Of the free money it takes no more: the reserve
    of 20 covers what three slips pay above their stakes."""
    world.open_market(ALPHA.live)
    world.offer(ALPHA.live, 20_000, 32_000, 41_000)
    in_play = (Leg(ALPHA.name, ALPHA.live, 0),)
    chain.set_receipt_key(left_micro=29 * UNIT)
    chain.set_limits(receipt_reserve_micro=20 * UNIT)

    async def post(nonce: int, **changes: Any) -> httpx.Response:
        return await api.post("/v1/slips", json=signed(bettor, nonce=nonce, **changes))

    assert [(await post(n, legs=in_play)).status_code for n in (1, 2)] == [201, 201]
    refused = await post(3, legs=in_play)
    is_problem(refused, 503, "receipt-budget")
    assert (refused.json()["needed_micro"], refused.json()["available_micro"]) == (
        "10000000",
        "9000000",
    )
    # An accumulator of one unit that pays four, with one leg in play; then a bet that is not.
    assert (await post(3, legs=(*in_play, *leg(GAMMA)), stake_micro=UNIT)).status_code == 201
    assert (await post(4)).status_code == 201
    is_problem(await post(5, stake_micro=UNIT), 503, "receipt-budget")
    chain.set_receipt_key(left_micro=1_000 * UNIT)
    # The reserve has two of 20 left, whatever the budget has.
    is_problem(await post(5, stake_micro=3 * UNIT, legs=in_play), 503, "receipt-budget")
    assert (await post(5, stake_micro=2 * UNIT, legs=in_play)).status_code == 201


async def test_slip_waits_only_until_its_budget_is_regained(
    api: httpx.AsyncClient, bettor: Bettor, chain: FakeChain
) -> None:
    # 24 hours regain 864 units; one that is missing takes 100 seconds.
    chain.set_receipt_key(left_micro=4 * UNIT, budget_micro=864 * UNIT)
    refused = await api.post("/v1/slips", json=signed(bettor))
    is_problem(refused, 503, "receipt-budget")
    assert refused.headers["Retry-After"] == "100"


async def test_accumulators_count_against_their_own_cap(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    both = (*leg(ALPHA), *leg(GAMMA))
    # Each locks 3 units, and open ones lock 10 already.
    world.execute("UPDATE mirror.book SET accumulators_micro = %s", 10 * UNIT)
    chain.set_limits(accumulator_cap_micro=16 * UNIT)
    answers = [
        await api.post("/v1/slips", json=signed(bettor, nonce=n, legs=both, stake_micro=UNIT))
        for n in (1, 2, 3)
    ]
    assert [answer.status_code for answer in answers[:2]] == [201, 201]
    is_problem(answers[2], 409, "cap-exceeded")
    assert "cap for the house's accumulators" in answers[2].json()["detail"]
    single = await api.post("/v1/slips", json=signed(bettor, nonce=3))
    assert single.status_code == 201


async def test_batches_must_leave_the_reserve_free(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    chain.set_limits(receipt_reserve_micro=50 * UNIT)
    world.execute("UPDATE mirror.book SET pool_micro = %s", 55 * UNIT - 1)
    is_problem(await api.post("/v1/slips", json=signed(bettor)), 409, "exposure-exceeded")
    world.execute("UPDATE mirror.book SET pool_micro = %s", 55 * UNIT)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201


async def test_ninth_pending_slip_is_refused(api: httpx.AsyncClient, bettor: Bettor) -> None:
    for nonce in range(1, 9):
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce, stake_micro=UNIT))
        assert answer.status_code == 201
    ninth = await api.post("/v1/slips", json=signed(bettor, nonce=9, stake_micro=UNIT))
    is_problem(ninth, 409, "too-many-pending")


async def test_balance_refusal_names_the_amounts(api: httpx.AsyncClient, bettor: Bettor) -> None:
    await api.post("/v1/slips", json=signed(bettor, stake_micro=60 * UNIT))
    body = (await api.post("/v1/slips", json=signed(bettor, nonce=2, stake_micro=60 * UNIT))).json()
    assert body["code"] == "balance-insufficient"
    assert body["account"] == 7
    assert (body["available_micro"], body["needed_micro"]) == ("40000000", "60000000")
    assert (body["balance_micro"], body["reserved_micro"]) == ("100000000", "60000000")


def test_every_refusal_of_a_slip_is_declared() -> None:
    codes = {kind.code for kind in SLIP_REFUSALS}
    assert {code for _, _, code in (*BAD.values(), *STATES.values(), *CHAIN_STATES.values())} - {
        "body-malformed",
        "not-ready",
    } <= codes
    assert len(codes) == len(SLIP_REFUSALS) > 20
