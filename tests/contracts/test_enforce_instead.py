"""Where a receipt and a batch disagree, the receipt wins.

enforceInstead
├── corrects the time of acceptance and the odds of a bet that the operator placed
├── takes back no other bet with the same nonce, and none of another stake
├── returns the stake of what was placed, and releases what it locked, for singles and accumulators
├── works while placing is paused, and after the result was published
├── reverts when nothing differs, for another nonce, a settled bet, another's receipt, too late,
│   and for anybody but the owner
└── spends the budget of the receipts' key
For what a thief of that key could do with it, see test_attacks_with_receipts.py.
"""

from dataclasses import replace

import pytest

from protocol.market_id import Kind
from protocol.placed_event import SkipReason
from tests.contracts.events import payouts, placed
from tests.contracts.world import reverts
from tests.support.batches import pack, run
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    RECEIPT_BUDGET_MICRO,
    RECEIPT_WINDOW_S,
    UNIT,
)


def enforce_instead(world, was, signed, receipt=None, bet=0):
    return world.sportsbook.enforceInstead(
        run(was.number, was.batch, bet, 1),
        pack(signed),
        receipt or world.receipt(signed),
        world.sender_of(signed),
    )


@pytest.fixture
def signed(world, alice, match, now):
    """What alice signed, at the odds and the time of her receipt."""
    return world.sign(alice, Pick(match, 0, 21_000), accepted_at_s=now, min_odds_e4=15_000)


def at_other_terms(signed, odds_e4=16_000, later_s=20):
    """The same slip as an operator could state it."""
    picks = tuple(replace(pick, odds_e4=odds_e4) for pick in signed.picks)
    return replace(signed, picks=picks, accepted_at_s=signed.accepted_at_s + later_s)


def test_receipt_corrects_odds_and_time(world, alice, signed, now):
    world.travel_to(now + 60)
    was = world.place(at_other_terms(signed))
    before = world.book()
    tx = enforce_instead(world, was, signed)
    _, batch, _ = placed(tx)
    record = batch.records[0]
    assert (record.legs[0].odds_e4, batch.base_s + record.accepted_after_s) == (21_000, now)
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT
    assert world.sportsbook.batches(was.number) == "0x" + "00" * 32
    after = world.book()
    assert after["pool_micro"] == before["pool_micro"]
    assert after["locked_micro"] == UNIT * 11 // 10
    assert dict(tx.events["BetReplaced"])["batch"] == was.number


def test_bet_in_play_is_not_void_by_a_late_statement(world, alice, now):
    """The whistle blew ten seconds after the acceptance; the operator states a time after it."""
    market = make_market(starts_at_s=now - 3_600, in_play=True)
    signed = world.sign(alice, Pick(market, 0), accepted_at_s=now)
    world.travel_to(now + 40)
    was = world.place(at_other_terms(signed, 20_000, 30))
    result = score(1, 0, now + 10)
    published = world.publish(result)
    number, batch, _ = placed(enforce_instead(world, was, signed))
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S)
    assert payouts(world.settle(number, batch)) == {0: 2 * UNIT}


def test_receipt_takes_back_no_other_bet_of_the_nonce(world, alice, match, signed, now):
    """Who signed two slips with one nonce has signed either: no receipt undoes a bet."""
    other = world.sign(alice, Pick(match, 1, 30_000), accepted_at_s=now)
    assert other.slip.nonce == signed.slip.nonce
    was = world.place(other)
    with reverts("NothingToReplace"):
        enforce_instead(world, was, signed)


def test_receipt_takes_back_no_other_stake(world, alice, match, signed, now):
    was = world.place(
        world.sign(alice, Pick(match, 0, 16_000), accepted_at_s=now, stake_micro=5 * UNIT)
    )
    with reverts("NothingToReplace"):
        enforce_instead(world, was, signed)


def test_receipt_replaces_an_accumulator(world, alice, now):
    legs = [
        make_market(starts_at_s=now + 3_600, name=f"Leg {i} v Other, 2033-05-18") for i in (1, 2)
    ]
    names = [f"Leg {i} v Other, 2033-05-18" for i in (1, 2)]
    picks = [Pick(m, 0, 20_000, name) for m, name in zip(legs, names, strict=True)]
    signed = world.sign(alice, *picks, accepted_at_s=now, min_odds_e4=20_000)
    was = world.place(at_other_terms(signed, 15_000, 0))
    assert world.book()["accumulators_micro"] == UNIT * 125 // 100
    enforce_instead(world, was, signed)
    assert world.book()["accumulators_micro"] == world.book()["locked_micro"] == 3 * UNIT


def test_receipt_wins_while_placing_is_paused(world, signed):
    was = world.place(at_other_terms(signed, later_s=0))
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    enforce_instead(world, was, signed)


def test_receipt_of_what_was_placed_replaces_nothing(world, signed):
    """Nobody can use up the budget by placing the same bet again and again."""
    was = world.place(signed)
    with reverts("NothingToReplace"):
        enforce_instead(world, was, signed)
    with reverts("NothingToReplace"):
        world.sportsbook.enforceInstead(
            run(was.number, was.batch, 0, 1),
            pack(signed, base_s=signed.accepted_at_s - 7),
            world.receipt(signed),
            world.sender_of(signed),
        )


def test_receipt_replaces_only_its_own_nonce(world, alice, bob, match, signed, now):
    other = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=2))
    of_bob = world.place(world.sign(bob, Pick(match, 0), accepted_at_s=now))
    with reverts("NothingToReplace"):
        enforce_instead(world, other, signed)
    with reverts("NotOwnerOf", bob.account, alice.address):
        enforce_instead(world, of_bob, signed)


def test_receipt_replaces_no_bet_twice(world, signed):
    was = world.place(at_other_terms(signed, later_s=0))
    enforce_instead(world, was, signed)
    with reverts("BetNotOpen", was.number, 0):
        enforce_instead(world, was, signed)


def test_receipt_of_another_replaces_nothing(world, alice, signed):
    was = world.place(at_other_terms(signed, later_s=0))
    with reverts("ReceiptInvalid", alice.address):
        enforce_instead(world, was, signed, world.receipt(signed, alice.key))
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT


def test_old_bet_is_not_replaced_by_another(world, alice, match, now):
    """A receipt that is signed now takes back no bet of long ago."""
    was = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    world.travel_to(now + RECEIPT_WINDOW_S + 1)
    fresh = world.sign(alice, Pick(match, 1), accepted_at_s=world.clock())
    with reverts("NothingToReplace"):
        enforce_instead(world, was, fresh)


def test_receipt_replaces_nothing_after_its_window(world, signed, now):
    world.travel_to(now + 30)
    was = world.place(at_other_terms(signed, later_s=20))
    world.travel_to(now + RECEIPT_WINDOW_S + 1)
    with reverts("SlipRefused", int(SkipReason.ACCEPTANCE_OUTSIDE_WINDOW)):
        enforce_instead(world, was, signed)


def test_receipt_spends_the_budget_of_its_key(world, signed):
    was = world.place(at_other_terms(signed, later_s=0))
    enforce_instead(world, was, signed)
    left = world.sportsbook.keyOf(world.receipt_signer)[4]
    assert left == RECEIPT_BUDGET_MICRO - UNIT * 11 // 10


def test_replacing_in_a_netted_market_keeps_the_house_solvent(world, alice, bob, now):
    market = make_market(Kind.DRAW_NO_BET, starts_at_s=now + 3_600)
    world.place(world.sign(bob, Pick(market, 1, 30_000), accepted_at_s=now, stake_micro=9 * UNIT))
    signed = world.sign(
        alice, Pick(market, 0, 25_000), accepted_at_s=now, stake_micro=9 * UNIT, min_odds_e4=15_000
    )
    was = world.place(at_other_terms(signed, 16_000, 0))
    enforce_instead(world, was, signed)
    book = world.book()
    assert book["locked_micro"] == 27 * UNIT - 18 * UNIT
    assert book["pool_micro"] >= book["owed_micro"] + book["locked_micro"]
