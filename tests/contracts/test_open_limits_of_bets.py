"""What docs/attacks.md lists as open limits on bets: each test shows it at work. A change that ends
one turns its test round."""

from __future__ import annotations

from dataclasses import replace

from protocol.placed_event import SkipReason
from protocol.roles import Role
from tests.contracts.events import payouts
from tests.contracts.receipts import instead
from tests.contracts.test_audit_budgets import covering, honest, send, thief  # noqa: F401
from tests.contracts.world import reverts
from tests.support.people import key, key_address
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, UNIT, VOID_AFTER_S


def test_offer_of_a_clock_that_is_ahead_outlives_the_start(world, alice, now):
    """The house's clock is five seconds ahead of the chain's. An offer that it signs before the
    match is dated after its start, and does not end with it."""
    start_s = now + 3_600
    market = make_market(starts_at_s=start_s)
    was = world.place(
        world.sign(alice, Pick(market, 0, 30_000), accepted_at_s=now, stake_micro=10 * UNIT)
    )
    world.travel_to(start_s - 3)
    offered_s = start_s + 2
    world.travel_to(start_s + 600)
    world.cash_out(alice, was.number, was.batch, price_micro=9 * UNIT, offered_at_s=offered_s)
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT


def test_match_that_was_put_off_is_full_of_bets_that_are_gone(world, alice, bob, now):
    """The bets for the first date are void and paid, nothing is locked. The fixture's sum keeps
    them, and its cap refuses what is placed for the second date."""
    world.set_limits(fixture_cap_micro=500 * UNIT)
    first = make_market(starts_at_s=world.clock() + 60)
    was = world.place(
        world.sign(
            alice, Pick(first, 0, 500_000), stake_micro=10 * UNIT, accepted_at_s=world.clock()
        )
    )
    world.travel_to(first.starts_at_s + VOID_AFTER_S + 1)
    world.settle(was.number, was.batch)
    assert world.book()["locked_micro"] == 0
    second = make_market(starts_at_s=world.clock() + 3_600)
    said = world.place(world.sign(bob, Pick(second, 0, 120_000), accepted_at_s=world.clock()))
    assert [skip.reason for skip in said.skips] == [SkipReason.CAP_EXCEEDED]


def test_match_that_is_brought_forward_has_hindsight(world, alice, now):
    """She signed the start that the fixture list had; it was brought forward by half an hour. The
    house refused her slip, and at half-time a thief of the receipts' key has it placed."""
    market = make_market(starts_at_s=now + 1_900)
    kick_off_s = now + 100
    signed = world.sign(
        alice, Pick(market, 0, 15_000), accepted_at_s=kick_off_s + 1_250, deadline_s=now + 1_600
    )
    world.at(now + 1_800)
    said = world.enforce(signed, by=world.by_stranger)
    world.travel_to(kick_off_s + 5_400)
    world.publish_final(score(0, 3, kick_off_s + 5_300))
    assert not payouts(world.settle(said.number, said.batch))


def test_corrections_in_play_take_the_stake_as_well(world, alice, bob):
    """A house that keeps 50 + 50 of a budget of 100 for two receipts in play keeps too little. The
    operator's thief dates both after the whistle: correcting them takes their stakes as well."""
    secret = key(54)
    world.replace_key(Role.RECEIPTS, key_address(secret), 100 * UNIT)
    at_s = world.clock()
    market = make_market(starts_at_s=at_s - 60, in_play=True)
    signed = [
        world.sign(b, Pick(market, 0, 35_000), accepted_at_s=at_s, stake_micro=20 * UNIT)
        for b in (alice, bob)
    ]
    world.travel_to(at_s + 20)
    was = world.place(*(replace(s, accepted_at_s=at_s + 9) for s in signed))
    instead(world, was, signed[0], secret=secret)
    with reverts("BudgetExceeded"):
        instead(world, was, signed[1], 1, secret=secret)


def test_cap_of_a_market_is_passed_by_a_sale(world):
    """Three honest bets that cover each other are within a cap of 500; two of them are sold."""
    world.set_limits(market_cap_micro=500 * UNIT)
    friend = world.stranger(6)
    at_s = world.clock()
    market = make_market(starts_at_s=at_s + 9_000)
    was = world.place(
        *(
            world.sign(
                friend,
                Pick(market, outcome, 28_000),
                stake_micro=250 * UNIT,
                accepted_at_s=at_s,
                nonce=1 + outcome,
            )
            for outcome in range(3)
        ),
        world.sign(
            world.stranger(7), Pick(market, 0, 28_000), stake_micro=250 * UNIT, accepted_at_s=at_s
        ),
    )
    assert len(was.batch.records) == 4
    world.ripen()
    for bet in (1, 2):
        world.cash_out(friend, was.number, was.batch, bet, price_micro=200 * UNIT)
    assert world.book()["locked_micro"] == 900 * UNIT
