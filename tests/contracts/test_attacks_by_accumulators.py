"""Attacks with accumulators (F2, F9 of docs/attacks.md).

accumulators
├── take no leg twice, and share one cap
├── are not placed when the whistle is long gone, or the result known
└── are settled at once when a leg is lost
"""

from __future__ import annotations

from protocol.placed_event import SkipReason
from tests.contracts.attack_checks import holds, reasons
from tests.support.signing import score
from tests.support.slips import NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import BATCH_WINDOW_S, UNIT

DAY_S = 86_400


def test_leg_that_is_used_twice_is_no_accumulator(world, alice, now):
    """F2. 200 slips with one leg twice, at odds that multiplied, took 2,000 past caps of 10, by the
    operator's key alone. Now legs are of distinct fixtures."""
    home = Pick(make_market(starts_at_s=now + 3_600), 0)
    said = world.place(world.sign(alice, home, home, accepted_at_s=now))
    assert reasons(said) == [SkipReason.LEGS_INVALID]


def test_accumulators_of_two_fixtures_share_one_cap(world, alice, now):
    """F2, with legs that are allowed: the cap bounded each accumulator, never their sum."""
    world.set_limits(
        market_cap_micro=10 * UNIT, fixture_cap_micro=10 * UNIT, accumulator_cap_micro=10 * UNIT
    )
    at_s = world.clock()
    picks = (pick_elsewhere(at_s + DAY_S, 0, 100_000, name=NAME), pick_elsewhere(at_s + DAY_S))
    slips = [
        world.sign(alice, *picks, stake_micro=UNIT // 10, accepted_at_s=at_s, nonce=1 + i)
        for i in range(200)
    ]
    said = world.place(*slips)
    assert len(said.batch.records) == 5
    assert holds(world)["accumulators_micro"] == 5 * 19 * UNIT // 10
    again = world.place(world.sign(alice, *picks, accepted_at_s=at_s, nonce=6))
    assert reasons(again) == [SkipReason.CAP_EXCEEDED]


def test_match_that_is_over_is_not_bet_on_by_the_operator(world, alice, now):
    """F2. In play the operator dated acceptance to before the whistle, up to ten minutes back, also
    when the result was published. Now it has two minutes, and none once there is a result."""
    market = make_market(starts_at_s=now - 7_000, in_play=True)
    winner = world.sign(alice, Pick(market, 0), accepted_at_s=now)
    world.travel_to(now + BATCH_WINDOW_S + 1)
    assert reasons(world.place(winner)) == [SkipReason.ACCEPTANCE_OUTSIDE_WINDOW]
    late = world.sign(alice, Pick(market, 0), accepted_at_s=world.clock())
    world.publish(score(1, 0, now))
    assert reasons(world.place(late)) == [SkipReason.MARKET_CLOSED]


def test_accumulator_that_is_lost_is_not_locked_for_its_other_legs(world, alice, now):
    """F9. It stayed locked until its last leg was decided, three hundred days later."""
    soon, late = Pick(make_market(starts_at_s=now + 3_600), 0), pick_elsewhere(now + 300 * DAY_S)
    number, batch, _ = world.place(world.sign(alice, soon, late, accepted_at_s=now))
    world.travel_to(now + 3_600 + 7_200)
    world.publish_final(score(0, 1, now + 3_600 + 7_000))
    world.settle(number, batch)
    assert holds(world)["locked_micro"] == 0
