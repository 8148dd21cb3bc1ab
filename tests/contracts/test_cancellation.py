"""Bettors who take back what they signed.

cancelNonces
├── kills signed slips with nonces up to the last one, accepted from its second on
├── leaves slips that were accepted before: they are placed and enforced
├── leaves slips with later nonces
├── reaches as far as a nonce could be used, and no further
├── can be repeated after RECEIPT_WINDOW, and not before
├── uses the nonces up when no slip can be ruled out by it any longer
├── keeps a later receipt from replacing a bet with such a nonce, whatever is cancelled next
├── in a row costs no honest slip or receipt its bet
├── in a row keeps the highest of the earlier ones, also if a relayer sends an old one last
├── in a row outlasts an exclusion, and is not revived by the next one
├── drawn at random kills what is accepted from then on, and nothing else
├── needs an account
└── leaves the account open to deposits and exits
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from brownie import accounts

from protocol.placed_event import SkipReason
from protocol.typed_data import Action
from tests.contracts.test_enforce_instead import at_other_terms, enforce_instead
from tests.contracts.test_relay import relay, request
from tests.contracts.world import reverts
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import DEPOSIT_MICRO, RECEIPT_WINDOW_S, UNIT

DAY_S = 86_400


@pytest.fixture
def home(now):
    return Pick(make_market(starts_at_s=now + DAY_S), 0)


def cancel(world, bettor, last):
    return world.sportsbook.cancelNonces(last, world.sender(bettor))


def cancellation_of(world, bettor):
    return world.sportsbook.restrictionOf(bettor.account)[3:]


def reasons(world, *signed):
    return [skip.reason for skip in world.place(*signed).skips]


@pytest.mark.parametrize("legs", [1, 2])
def test_cancelled_slip_cannot_be_accepted_from_then_on(world, alice, home, now, legs):
    """Nor be back-dated: the operator may state a time before the cancellation, as the house did
    when it signed a receipt; the second of the cancellation itself is the bettor's."""
    world.at(now + 10)
    tx = cancel(world, alice, 3)
    assert dict(tx.events["NoncesCancelled"]) == {
        "account": alice.account,
        "last": 3,
        "cancelledAt": now + 10,
    }
    assert cancellation_of(world, alice) == (now + 10, 3, 0)
    picks = (home, pick_elsewhere(now + DAY_S))[:legs]

    def slip(nonce, at_s):
        return world.sign(alice, *picks, accepted_at_s=at_s, nonce=nonce)

    world.travel_to(now + 20)
    for nonce in (1, 2, 3):
        for at_s in (now + 10, now + 20):
            with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
                world.enforce(slip(nonce, at_s))
            assert reasons(world, slip(nonce, at_s)) == [SkipReason.NONCE_CANCELLED]
    world.enforce(slip(3, now + 9))
    assert reasons(world, slip(2, now + 9), slip(4, now + 20)) == []
    assert world.balance(alice) == DEPOSIT_MICRO - 3 * UNIT


def test_receipt_of_before_a_cancellation_can_be_enforced_to_its_end(world, alice, home, now):
    """An owner must not be able to undo an accepted bet by cancelling it."""
    signed = world.sign(alice, home, accepted_at_s=now)
    cancel(world, alice, 9)
    world.at(now + RECEIPT_WINDOW_S)
    world.enforce(signed)


def test_cancellation_reaches_as_far_as_a_nonce_could_be_used(world, alice, bob, home, now):
    with reverts("NonceTooFar", 10, 9):
        cancel(world, alice, 10)
    cancel(world, alice, 9)
    world.place(world.sign(bob, home, accepted_at_s=now, nonce=4))
    with reverts("NonceTooFar", 14, 13):
        cancel(world, bob, 14)
    cancel(world, bob, 13)
    with reverts("NonceTooFar", 2**24 - 1, 9):
        cancel(world, world.open_account(12), 2**24 - 1)


def test_cancellation_is_repeated_after_the_receipt_window(world, alice, home, now):
    """An earlier one would let slips live that the first has killed."""
    world.at(now + 10)
    cancel(world, alice, 2)
    for at_s in (now + 11, now + 10 + RECEIPT_WINDOW_S - 1):
        world.at(at_s)
        with reverts("CancellationPending", now + 10 + RECEIPT_WINDOW_S):
            cancel(world, alice, 3)
    killed = world.sign(alice, home, accepted_at_s=now + 10, nonce=2)
    world.at(now + 10 + RECEIPT_WINDOW_S)
    cancel(world, alice, 11)
    assert cancellation_of(world, alice) == (now + 10 + RECEIPT_WINDOW_S, 11, 2)
    with reverts("SlipRefused"):
        world.enforce(killed)


def test_cancelled_nonces_are_used_when_no_slip_can_meet_the_cancellation(world, alice, home, now):
    world.at(now + 10)
    cancel(world, alice, 5)
    over_s = now + 10 + RECEIPT_WINDOW_S + 1
    world.travel_to(over_s - 2)
    # In the last second of its window the slip that was accepted before is there to be enforced.
    assert world.sportsbook.isUsable(alice.account, 5)
    world.travel_to(over_s)
    later = [world.sign(alice, home, accepted_at_s=over_s, nonce=nonce) for nonce in (6, 5, 14)]
    placed = world.place(*later)
    assert [record.nonce for record in placed.batch.records] == [6, 14]
    assert [skip.reason for skip in placed.skips] == [SkipReason.NONCE_USED]
    assert [n for n in range(20) if world.sportsbook.isUsable(alice.account, n)] == [
        *range(7, 14),
        15,
    ]


def test_slip_with_a_cancelled_nonce_is_named_so_until_the_cancellation_is_lifted(
    world, alice, home, now
):
    world.at(now + 10)
    cancel(world, alice, 5)
    over_s = now + 10 + RECEIPT_WINDOW_S
    world.travel_to(over_s + 5)
    signed = world.sign(alice, home, accepted_at_s=over_s + 5, nonce=5)
    assert reasons(world, signed) == [SkipReason.NONCE_CANCELLED]
    # A deposit lifts it; the nonces are used with it.
    assert world.sportsbook.isUsable(alice.account, 5)
    world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
    assert reasons(world, signed) == [SkipReason.NONCE_USED]
    assert not any(world.sportsbook.isUsable(alice.account, nonce) for nonce in range(6))


@pytest.mark.parametrize("is_lifted", [False, True])
def test_bet_with_a_cancelled_nonce_is_not_replaced_by_a_later_receipt(
    world, alice, home, now, is_lifted
):
    was = world.place(world.sign(alice, home, accepted_at_s=now, nonce=5))
    world.at(now + 10)
    cancel(world, alice, 5)
    world.travel_to(now + 10 + RECEIPT_WINDOW_S + 5)
    if is_lifted:
        world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
        assert not world.sportsbook.isUsable(alice.account, 4)
    better = replace(home, odds_e4=home.odds_e4 + 1)
    later = world.sign(alice, better, accepted_at_s=world.clock(), nonce=5)
    with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
        enforce_instead(world, was, later)


def test_exclusion_does_not_lift_a_cancellation(world, alice, home, now):
    """Nor the other way round: both are over before either is forgotten."""
    world.at(now + 10)
    cancel(world, alice, 3)
    world.at(now + 20)
    world.exclude(alice, now + 20 + RECEIPT_WINDOW_S)
    signed = world.sign(alice, home, accepted_at_s=now + 15, nonce=3)
    with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
        world.enforce(signed)
    earlier = world.sign(alice, home, accepted_at_s=now + 5, nonce=2)
    world.enforce(earlier)
    during = world.sign(alice, home, accepted_at_s=now + 30, nonce=4)
    world.travel_to(now + 40)
    with reverts("SlipRefused", int(SkipReason.EXCLUDED)):
        world.enforce(during)


def test_cancellation_needs_an_account(world):
    with reverts("NotOwnerOf", 0, world.guardian.address):
        world.sportsbook.cancelNonces(1, {"from": world.guardian})


def test_cancelling_account_can_deposit_and_leave(world, alice, now):
    cancel(world, alice, 9)
    world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
    requested = world.sportsbook.requestExit(2**56 - 1, world.sender(alice))
    world.travel_to(requested.events["ExitRequested"]["unlocksAt"])
    world.sportsbook.exit(world.sender(alice))
    assert world.token.balanceOf(alice.address) == DEPOSIT_MICRO + UNIT


@pytest.mark.parametrize("then", [0, 1, 6], ids=["of none", "of fewer", "of more"])
def test_cancelled_nonce_stays_cancelled_when_another_cancellation_follows(
    world, alice, home, now, then
):
    """The house signs a receipt after the first cancellation, for a bet with a cancelled nonce."""
    was = world.place(world.sign(alice, home, accepted_at_s=now, nonce=5))
    world.at(now + 10)
    cancel(world, alice, 5)
    world.travel_to(now + 10 + RECEIPT_WINDOW_S - 5)
    better = replace(home, odds_e4=home.odds_e4 + 1)
    later = world.sign(alice, better, accepted_at_s=world.clock(), nonce=5)
    world.travel_to(now + 10 + RECEIPT_WINDOW_S + 1)
    cancel(world, alice, then)
    with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
        enforce_instead(world, was, later)
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT


def test_receipt_of_the_second_before_a_cancellation_holds_until_the_next_one_is_possible(
    world, alice, home, now
):
    """Placed and corrected in the last second of its window; in the next one, another cancellation
    follows."""
    first_s = now + 10
    signed = world.sign(alice, home, accepted_at_s=first_s - 1, nonce=5, min_odds_e4=15_000)
    world.at(first_s)
    cancel(world, alice, 9)
    world.travel_to(first_s + 20)
    was = world.place(at_other_terms(signed, later_s=0))
    assert len(was.batch.records) == 1
    world.at(first_s - 1 + RECEIPT_WINDOW_S)
    enforce_instead(world, was, signed)
    world.at(first_s + RECEIPT_WINDOW_S)
    cancel(world, alice, 9)


@pytest.mark.parametrize("lasts", [(5, 0, 7), (5, 3, 7), (4, 8, 12)])
def test_honest_slips_between_cancellations_are_placed(world, alice, home, now, lasts):
    """Nonces above all cancellations, accepted in the very second of each, by batch and receipt."""
    highest = 0
    nonce = 0
    for i, last in enumerate(lasts):
        at_s = now + 10 + i * RECEIPT_WINDOW_S
        world.at(at_s)
        cancel(world, alice, last)
        highest = max(highest, last)
        nonce = max(nonce, highest)
        world.travel_to(at_s + 5)
        slips = [world.sign(alice, home, accepted_at_s=at_s, nonce=nonce + k) for k in (1, 2)]
        assert reasons(world, slips[0]) == []
        world.enforce(slips[1])
        nonce += 2
        dead = world.sign(alice, home, accepted_at_s=at_s + 5, nonce=highest)
        with reverts("SlipRefused"):
            world.enforce(dead)


def test_relayed_cancellation_that_comes_late_revives_nothing(world, alice, home, now):
    """A relayer keeps the owner's request to cancel nonce 1 until she has cancelled to 9."""
    kept = request(alice, Action.CANCEL_NONCES, 1)
    was = world.place(world.sign(alice, home, accepted_at_s=now, nonce=5))
    world.at(now + 10)
    cancel(world, alice, 9)
    world.travel_to(now + 15)
    receipt = world.sign(
        alice, replace(home, odds_e4=home.odds_e4 + 1), accepted_at_s=now + 15, nonce=5
    )
    with reverts("CancellationPending", now + 10 + RECEIPT_WINDOW_S):
        relay(world, alice, kept, accounts[61])
    world.at(now + 10 + RECEIPT_WINDOW_S)
    relay(world, alice, kept, accounts[61])
    assert world.sportsbook.restrictionOf(alice.account)[3:] == (now + 10 + RECEIPT_WINDOW_S, 1, 9)
    with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
        enforce_instead(world, was, receipt)
    assert not any(world.sportsbook.isUsable(alice.account, nonce) for nonce in range(10))
    at_s = world.clock()
    dead = world.sign(alice, home, accepted_at_s=at_s - 3, nonce=4)
    assert reasons(world, dead) == [SkipReason.NONCE_CANCELLED]
    assert reasons(world, world.sign(alice, home, accepted_at_s=at_s, nonce=10)) == []


def test_third_cancellation_keeps_what_the_first_has_cancelled(world, alice, home, now):
    """A receipt of after the first, for a bet with a nonce that only the first has cancelled."""
    was = world.place(world.sign(alice, home, accepted_at_s=now, nonce=5))
    at_s = now + 10
    for last in (5, 1):
        world.at(at_s)
        cancel(world, alice, last)
        at_s += RECEIPT_WINDOW_S
    world.travel_to(at_s - 5)
    better = replace(home, odds_e4=home.odds_e4 + 1)
    receipt = world.sign(alice, better, accepted_at_s=at_s - 5, nonce=5)
    world.at(at_s)
    cancel(world, alice, 2)
    with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
        enforce_instead(world, was, receipt)


def test_exclusion_between_cancellations_neither_forgets_nor_revives(world, alice, home, now):
    first_s = now + 10
    world.at(first_s)
    cancel(world, alice, 4)
    before = world.sign(alice, home, accepted_at_s=first_s + 4, nonce=5)
    world.at(first_s + 5)
    world.exclude(alice, first_s + 5 + RECEIPT_WINDOW_S)
    # Accepted between the two, with a nonce that is not cancelled.
    world.enforce(before)
    world.at(first_s + RECEIPT_WINDOW_S)
    cancel(world, alice, 7)
    over_s = first_s + 2 * RECEIPT_WINDOW_S + 10
    world.travel_to(over_s)
    world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
    # Lifted: cancelled nonces are used, later ones are good. A new exclusion changes neither.
    good = [world.sign(alice, home, accepted_at_s=over_s, nonce=n) for n in (8, 9)]
    assert reasons(world, good[0]) == []
    world.exclude(alice, over_s + 10 + RECEIPT_WINDOW_S)
    world.travel_to(over_s + 20)
    assert reasons(world, good[1]) == []
    for nonce in range(1, 8):
        assert not world.sportsbook.isUsable(alice.account, nonce)


def test_cancellations_that_are_lifted_in_between_leave_no_bet_to_replace(world, alice, home, now):
    """Of nonce 5, of none, of 2: a deposit lifts each one before the next."""
    was = world.place(world.sign(alice, home, accepted_at_s=now, nonce=5))
    for last in (5, 0, 2):
        cancel(world, alice, last)
        world.travel_to(world.clock() + RECEIPT_WINDOW_S + 1)
        world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
        better = replace(home, odds_e4=home.odds_e4 + 1)
        later = world.sign(alice, better, accepted_at_s=world.clock(), nonce=5)
        with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
            enforce_instead(world, was, later)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_cancellations_kill_what_is_accepted_from_then_on_and_nothing_else(
    world, alice, home, now, seed
):
    """Slips with nonces of their own are placed at once, or by receipt up to the end of its window;
    cancellations of more and fewer, deposits and time come in between."""
    draw = random.Random(seed)
    cancelled: list[tuple[int, int]] = []
    receipts, fresh, counts = [], 1, Counter()
    for _ in range(90):
        world.travel_to(world.clock() + draw.choice((1, 7, 150, 400)))
        action = draw.choice(("sign", "sign", "enforce", "enforce", "cancel", "lift"))
        if action == "cancel":
            due_s = cancelled[-1][0] + RECEIPT_WINDOW_S if cancelled else 0
            if world.clock() + 1 < due_s:
                continue
            most = world.sportsbook.accountAt(alice.account)[2] + 9
            last = min(most, draw.choice((0, fresh - 1, max(0, fresh - 3), fresh)))
            cancelled.append((cancel(world, alice, last).timestamp, last))
            counts["cancelled"] += 1
            fresh = max(fresh, last + 1)
        elif action == "lift":
            world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
        elif action == "sign":
            at_s = world.clock()
            # One nonce of before, and the next one.
            for nonce in {max(1, fresh - 1 - draw.randrange(3)), fresh}:
                slip = world.sign(
                    alice, home, accepted_at_s=at_s, nonce=nonce, deadline_s=at_s + 100
                )
                is_dead = any(nonce <= last for _, last in cancelled)
                if is_dead:
                    assert reasons(world, slip)[0] in (
                        SkipReason.NONCE_CANCELLED,
                        SkipReason.NONCE_USED,
                    )
                    counts["dead"] += 1
                elif nonce == fresh and draw.randrange(2):
                    why = reasons(world, slip)
                    assert why in ([], [SkipReason.NONCE_TOO_FAR])
                    counts["placed"] += not why
                elif nonce == fresh:
                    receipts.append((at_s, slip))
            fresh += 1
        elif receipts:
            at_s, slip = receipts.pop(0)
            if world.clock() + 1 <= at_s + RECEIPT_WINDOW_S:
                world.enforce(slip)
                counts["enforced"] += 1
    assert min(counts[k] for k in ("cancelled", "dead", "placed", "enforced")) > 1
