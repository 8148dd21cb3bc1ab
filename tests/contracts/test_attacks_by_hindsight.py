"""Attacks with what is known once a slip was signed (F5, F10 of docs/attacks.md).

hindsight
├── of the operator is two minutes, and ends with the result
├── of the house ends with a cancellation
└── of the bettor gains nothing by an exclusion: it makes no slip an option
"""

from __future__ import annotations

from protocol.placed_event import SkipReason
from tests.contracts.attack_checks import reasons
from tests.contracts.world import reverts
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import BATCH_WINDOW_S, DEPOSIT_MICRO, RECEIPT_WINDOW_S


def test_slip_that_was_refused_is_not_placed_with_hindsight(world, alice):
    """F5. A slip that the API had refused was placed ten minutes into the match, dated to before
    it: the operator chose the losers. Now it may date back two minutes, and a bettor can take a
    slip back."""
    at_s = world.now()
    match = make_market(starts_at_s=at_s + 30)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=at_s + 29, deadline_s=at_s + 900)
    world.travel_to(at_s + 29 + BATCH_WINDOW_S + 1)
    assert reasons(world.place(signed)) == [SkipReason.ACCEPTANCE_OUTSIDE_WINDOW]
    # Dated so late that the window takes it, the match has begun.
    dated = world.sign(alice, Pick(match, 0), accepted_at_s=at_s + 60, deadline_s=at_s + 900)
    assert reasons(world.place(dated)) == [SkipReason.MARKET_CLOSED]


def test_slip_that_its_bettor_cancelled_is_not_placed(world, alice, now):
    """F5. No call took a signature back, and an exit took longer than the window. Now a
    cancellation ends it in its second, for the operator and for the house."""
    match = make_market(starts_at_s=now + 3_600)
    world.at(now + 5)
    world.sportsbook.cancelNonces(1, world.sender(alice))
    for accepted_s in (now + 5, now + 60):
        signed = world.sign(alice, Pick(match, 0), accepted_at_s=accepted_s)
        world.travel_to(max(world.clock() + 1, accepted_s))
        assert reasons(world.place(signed)) == [SkipReason.NONCE_CANCELLED]
        with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
            world.enforce(signed)


def test_slip_in_play_is_not_placed_after_its_result(world, alice):
    """F5a. The operator placed refused slips in play after the losing result was published."""
    at_s = world.now()
    market = make_market(starts_at_s=at_s - 7_000, in_play=True)
    signed = world.sign(alice, Pick(market, 0), accepted_at_s=at_s)
    world.publish(score(0, 1, at_s + 1))
    assert world.clock() <= at_s + BATCH_WINDOW_S
    assert reasons(world.place(signed)) == [SkipReason.MARKET_CLOSED]
    assert world.balance(alice) == DEPOSIT_MICRO


def test_slip_that_was_accepted_in_an_exclusion_is_no_option(world, alice):
    """F10. An exclusion that the API had not seen left the bettor with a receipt that the operator
    could not place, and that counted after the exclusion, when the match was known. Now an
    exclusion outlasts the receipt, and remembers."""
    at_s = world.now()
    match = make_market(starts_at_s=at_s + 30)
    world.at(at_s + 1)
    with reverts("ExclusionTooShort"):
        world.exclude(alice, at_s + 500)
    world.at(at_s + 2)
    until_s = at_s + 2 + RECEIPT_WINDOW_S
    world.exclude(alice, until_s)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=at_s + 3)
    world.travel_to(at_s + 12)
    assert reasons(world.place(signed)) == [SkipReason.EXCLUDED]
    world.at(until_s)
    world.sportsbook.depositFor(alice.address, 1, {"from": world.owner})
    for late_s in (until_s + 1, at_s + 3 + RECEIPT_WINDOW_S + 5):
        world.travel_to(late_s)
        with reverts("SlipRefused"):
            world.enforce(signed)
    assert world.balance(alice) == DEPOSIT_MICRO + 1
