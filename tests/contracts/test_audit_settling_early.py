"""Attacks on what ends a bet early: what an auditor tried that earns nothing.

enforceInstead
├── replaces by no slip of another, though the fast path could place it
├── replaces as a whole or not at all, when the wallet refuses between the halves
├── finds no market marked, however early the arbiter ruled
├── takes back no rest of a bet that was sold in part
├── obeys exclusions and cancellations by the receipt's time of acceptance
├── needs no balance, and leaves the other bets of the batch to be settled once
├── takes the stake of an accumulator of which any leg is in play
└── ends no bet of a number that the batch has not, and the first and last of the largest
cashOut
└── of an accumulator waits for finality through dispute and ruling, to the second
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.placed_event import SkipReason
from protocol.roles import Role
from tests.contracts.events import payouts
from tests.contracts.receipts import at_odds, by_wallet, final_at, instead, left, through
from tests.contracts.world import reverts
from tests.support.batches import pack, run
from tests.support.people import key, key_address
from tests.support.signing import score
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import (
    CASH_OUT_AGE_S,
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    RECEIPT_WINDOW_S,
    UNIT,
)

DAY_S = 86_400
SPARE = 52
REFUSES = 5


# -- Both halves of enforceInstead


def test_slip_of_another_replaces_nothing(world, alice, bob, match, now):
    """The second half gets a slip of somebody else's: the fast path places it, and leaves no leg
    words to compare."""
    was = world.place(world.sign(alice, Pick(match, 0, 16_000), accepted_at_s=now))
    of_bob = world.sign(bob, Pick(match, 0, 21_000), accepted_at_s=now)
    with reverts("NothingToReplace"):
        instead(world, was, of_bob, by=world.sender(alice))
    assert [world.balance(b) for b in (alice, bob)] == [DEPOSIT_MICRO - UNIT, DEPOSIT_MICRO]


def test_wallet_that_refuses_between_the_halves_keeps_its_bet(world, wanda, wallet, match, now):
    """The stake is back already when the wallet is asked for the slip."""
    signed = by_wallet(world, wanda, Pick(match, 0, 25_000), accepted_at_s=now)
    was = world.place(at_odds(signed, 11_000))
    book, budget = world.book(), left(world)
    wallet.setMood(REFUSES, {"from": world.owner})
    taken = run(was.number, was.batch, 0, 1)
    with reverts("SlipRefused", int(SkipReason.SIGNATURE_INVALID)):
        through(world, wallet, "enforceInstead", taken, pack(signed), world.receipt(signed))
    assert (world.book(), left(world)) == (book, budget)
    assert world.sportsbook.batches(was.number) != "0x" + "00" * 32


@pytest.mark.parametrize("disputed", [True, False])
def test_arbiter_who_rules_at_once_marks_no_market_early(world, alice, bob, now, disputed):
    """A ruling in the second after publication ends the dispute. It makes the result final no
    sooner than a receipt that is older than the result lapses."""
    match = make_market(starts_at_s=now + 30)
    signed, other = (
        world.sign(b, Pick(match, 0, 25_000), accepted_at_s=now + 29) for b in (alice, bob)
    )
    world.travel_to(now + 29)
    was = world.place(at_odds(signed, 11_000), at_odds(other, 11_000))
    published = world.publish(score(0, 1, now + 30))
    if disputed:
        world.dispute()
    world.rule(score(1, 0, now + 30))
    final_s = final_at(world, match)
    assert final_s >= published.timestamp + DISPUTE_WINDOW_S > now + 29 + RECEIPT_WINDOW_S
    world.at(now + 29 + RECEIPT_WINDOW_S)
    number, batch, _ = instead(world, was, signed)
    with reverts("SlipRefused", int(SkipReason.ACCEPTANCE_OUTSIDE_WINDOW)):
        instead(world, was, other, 1)
    world.travel_to(final_at(world, match))
    assert payouts(world.settle(was.number, was.batch, 1, 1)) == {1: 11 * UNIT // 10}
    with reverts("SlipRefused|BetNotOpen"):
        instead(world, was, other, 1)
    assert payouts(world.settle(number, batch)) == {0: 25 * UNIT // 10}
    assert world.book()["owed_micro"] == world.book()["locked_micro"] == 0


def test_rest_of_a_sold_bet_is_replaced_by_no_receipt_of_the_whole(world, alice, now):
    """What is left has the account, nonce and legs of the slip, and another stake. It is older than
    any receipt of its time; a new one that the house would have to sign is for a new stake."""
    match = make_market(starts_at_s=now + DAY_S)
    signed = world.sign(
        alice,
        Pick(match, 0, 25_000),
        accepted_at_s=now,
        stake_micro=10 * UNIT,
        deadline_s=now + DAY_S // 2,
    )
    was = world.place(at_odds(signed, 16_000))
    world.ripen()
    sold = world.cash_out(alice, was.number, was.batch, price_micro=4 * UNIT, stake_micro=4 * UNIT)
    next_ = dict(sold.events["CashedOut"])["next"]
    assert next_ != 0
    rest = replace(was.batch, records=(replace(was.batch.records[0], stake_micro=6 * UNIT),))
    fresh = replace(signed, accepted_at_s=world.clock())
    with reverts("NothingToReplace"):
        world.sportsbook.enforceInstead(
            run(next_, rest, 0, 1), pack(fresh), world.receipt(fresh), world.sender(alice)
        )
    with reverts("BetNotOpen", was.number, 0):
        instead(world, was, fresh)


@pytest.mark.parametrize("how", ["excluded", "cancelled"])
@pytest.mark.parametrize("after", [False, True])
def test_correction_obeys_what_its_owner_ruled_out(world, alice, match, now, how, after):
    """The bet is there already; what counts is when the receipt says that its slip was accepted."""
    accepted_s = now + 40 if after else now
    signed = world.sign(
        alice, Pick(match, 0, 25_000), accepted_at_s=accepted_s, deadline_s=now + 120
    )
    was = world.place(at_odds(replace(signed, accepted_at_s=now), 11_000))
    world.at(now + 20)
    if how == "excluded":
        world.exclude(alice, now + DAY_S)
    else:
        world.sportsbook.cancelNonces(1, world.sender(alice))
    world.at(now + 60)
    if after:
        with reverts(
            "SlipRefused",
            int(SkipReason.EXCLUDED if how == "excluded" else SkipReason.NONCE_CANCELLED),
        ):
            instead(world, was, signed)
    else:
        assert instead(world, was, signed).batch.records[0].legs[0].odds_e4 == 25_000


def test_correction_needs_no_balance_and_ends_one_bet_of_three(world, alice, bob, match, now):
    """Everything that she has is in the bet, which stands between two others of its batch."""
    signed = world.sign(alice, Pick(match, 0, 25_000), accepted_at_s=now, stake_micro=DEPOSIT_MICRO)
    others = [
        world.sign(bob, Pick(match, i, 20_000), accepted_at_s=now, nonce=1 + i) for i in (0, 1)
    ]
    was = world.place(others[0], at_odds(signed, 11_000), others[1])
    assert world.balance(alice) == 0
    number, batch, _ = instead(world, was, signed, 1)
    world.end_match(match)
    assert payouts(world.settle(was.number, was.batch)) == {0: 2 * UNIT}
    assert world.sportsbook.batches(was.number) == "0x" + "00" * 32
    assert payouts(world.settle(number, batch)) == {0: DEPOSIT_MICRO * 5 // 2}
    book = world.book()
    assert book["owed_micro"] == book["locked_micro"] == 0


@pytest.mark.parametrize("first_in_play", [True, False])
def test_accumulator_in_play_returns_its_stake_from_the_budget(world, alice, first_in_play):
    secret = key(SPARE)
    world.replace_key(Role.RECEIPTS, key_address(secret), 100 * UNIT)
    at_s = world.clock()
    legs = [
        Pick(make_market(starts_at_s=at_s - 60, in_play=True), 0, 15_000),
        pick_elsewhere(at_s + 3_600, 0, 20_000),
    ]
    signed = world.sign(
        alice, *(legs if first_in_play else legs[::-1]), accepted_at_s=at_s, stake_micro=20 * UNIT
    )
    world.travel_to(at_s + 20)
    was = world.place(replace(signed, accepted_at_s=at_s + 9))
    instead(world, was, signed, secret=secret)
    assert left(world, key_address(secret)) <= 40 * UNIT + UNIT // 100


@pytest.mark.parametrize("first", [1, 255, 256, 2**255, 2**256 - 1])
def test_number_of_a_bet_that_is_none_ends_nothing(world, alice, match, now, first):
    """A bit that no word has looks as if its bet was open."""
    signed = world.sign(alice, Pick(match, 0, 25_000), accepted_at_s=now)
    was = world.place(at_odds(signed, 11_000))
    taken = run(was.number, was.batch, 0, 1)
    taken = (taken[0], first, *taken[2:])
    with reverts("ProofInvalid"):
        world.sportsbook.enforceInstead(
            taken, pack(signed), world.receipt(signed), world.sender(alice)
        )
    world.ripen()
    with reverts("ProofInvalid"):
        world.cash_out(alice, was.number, was.batch, price_micro=UNIT, run_=taken)


@pytest.mark.parametrize("number", [0, 255])
def test_correction_ends_the_first_and_the_last_bet_of_the_largest_batch(world, alice, number):
    """The other 255 are settled as runs around it, and the batch is gone."""
    at_s = world.clock()
    match = make_market(starts_at_s=at_s + 3_600)
    slips = [
        world.sign(alice, Pick(match, 0, 11_000), accepted_at_s=at_s, nonce=1 + i)
        for i in range(256)
    ]
    was = world.place(*slips)
    assert len(was.batch.records) == 256
    better = at_odds(slips[number], 25_000)
    after = instead(world, was, better, number)
    world.end_match(match)
    first = 1 if number == 0 else 0
    paid = payouts(world.settle(was.number, was.batch, first, 255))
    assert sorted(paid) == [i for i in range(256) if i != number]
    assert world.sportsbook.batches(was.number) == "0x" + "00" * 32
    assert payouts(world.settle(after.number, after.batch)) == {0: 25 * UNIT // 10}
    assert world.book()["owed_micro"] == world.book()["locked_micro"] == 0


# -- Offers against results that are not final


def test_offer_waits_for_finality_through_dispute_and_ruling(world, alice, now):
    """The end of a dispute moves to three windows and back. An offer of any second before it is
    refused, then and afterwards; one of its first second counts."""
    first = Pick(make_market(starts_at_s=now + 60), 0, 20_000)
    second = pick_elsewhere(now + DAY_S, 0, 20_000)
    was = world.place(world.sign(alice, first, second, accepted_at_s=now, stake_micro=10 * UNIT))
    world.travel_to(now + CASH_OUT_AGE_S)
    offered = [world.clock()]

    def refused(at_s):
        with reverts("CashOutOutdated"):
            world.cash_out(alice, was.number, was.batch, price_micro=UNIT, offered_at_s=at_s)

    world.publish(score(1, 0, now + 100))
    offered.append(world.clock())
    refused(offered[-1])
    world.dispute()
    offered.append(world.clock())
    refused(offered[-1])
    world.rule(score(2, 0, now + 100))
    offered.append(world.clock())
    refused(offered[-1])
    final_s = final_at(world, first.market)
    world.travel_to(final_s - 2)
    world.at(final_s - 1)
    refused(final_s - 1)
    world.travel_to(final_s + 5)
    for at_s in (*offered, final_s - 1):
        refused(at_s)
    world.cash_out(alice, was.number, was.batch, price_micro=UNIT, offered_at_s=final_s)
    assert world.balance(alice) == DEPOSIT_MICRO - 9 * UNIT
