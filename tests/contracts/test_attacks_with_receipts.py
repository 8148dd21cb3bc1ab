"""Attacks with the receipts' key, against bettors: their slips' signatures are public call data.

enforceInstead
├── changes a bet for its owner alone, whoever has a receipt
├── corrects what a thief placed before the owner, whatever time of acceptance that says
├── takes of the receipts' key what the API has kept for it, when odds alone differ
├── needs no free money in between
└── leaves a bet alone that is decided, also when the arbiter decided it early
enforce
└── is the owner's alone once the match has started
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import accounts

from protocol.market_id import Kind
from protocol.roles import Role
from tests.contracts.events import placed
from tests.contracts.world import reverts
from tests.support.batches import pack, run
from tests.support.people import key, key_address
from tests.support.signing import score
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import DEPOSIT_MICRO, RECEIPT_WINDOW_S, UNIT

DAY_S = 86_400
SPARE = 51


def instead(world, was, signed, bet=0, *, by=None, secret=None):
    """The owner, or who is given, has the receipt enforced instead of a bet."""
    return placed(
        world.sportsbook.enforceInstead(
            run(was.number, was.batch, bet, 1),
            pack(signed),
            world.receipt(signed, secret),
            by or world.sender_of(signed),
        )
    )


@pytest.fixture
def mine(world, alice, match, now):
    """Accepted at 2.5; her minimum is 1.5. The receipts' key is older than its window."""
    world.travel_to(now + 1_000)
    return world.sign(
        alice,
        Pick(match, 0, 25_000),
        accepted_at_s=world.clock(),
        min_odds_e4=15_000,
        stake_micro=100 * UNIT,
    )


def at_minimum(signed, later_s):
    """What a thief of the receipts' key signs `later_s` after the acceptance, dated back as far as
    he can."""
    picks = tuple(replace(pick, odds_e4=15_000) for pick in signed.picks)
    accepted_at_s = signed.accepted_at_s + later_s - RECEIPT_WINDOW_S
    return replace(signed, picks=picks, accepted_at_s=accepted_at_s)


@pytest.mark.parametrize("retired", [False, True])
def test_odds_of_a_bet_are_lowered_by_nobody_else(world, alice, mine, retired):
    was = world.place(mine)
    if retired:
        world.retire(world.receipt_signer.address)
    world.at(mine.accepted_at_s + 400)
    with reverts("NotOwnerOf", alice.account, accounts[60].address):
        instead(world, was, at_minimum(mine, 400), by=world.by_stranger)


def test_receipt_counts_against_one_that_a_thief_enforced_first(world, mine):
    """In the last second of its window: when the thief's own has ended, hers has not."""
    world.at(mine.accepted_at_s + 5)
    worse = at_minimum(mine, 5)
    was = world.enforce(worse, by=world.by_stranger)
    world.at(mine.accepted_at_s + RECEIPT_WINDOW_S)
    after = instead(world, was, mine)
    assert after.batch.records[0].legs[0].odds_e4 == 25_000


def test_winner_in_play_is_made_void_by_nobody_else(world, alice, now):
    """A later time of acceptance, after the whistle, would return her stake."""
    market = make_market(starts_at_s=now - 5_000, in_play=True)
    signed = world.sign(alice, Pick(market, 0, 40_000), accepted_at_s=now, min_odds_e4=40_000)
    was = world.place(signed)
    world.travel_to(now + 110)
    later = replace(signed, accepted_at_s=now + 90)
    world.publish(score(1, 0, now + 60))
    with reverts("NotOwnerOf", alice.account, accounts[60].address):
        instead(world, was, later, by=world.by_stranger)


@pytest.mark.parametrize("in_play", [False, True])
def test_refused_slip_is_not_enforced_with_hindsight(world, alice, now, in_play):
    """The house refused it, its bettor cancelled it, and the match has begun."""
    match = make_market(starts_at_s=now - 60 if in_play else now + 30, in_play=in_play)
    world.at(now + 5)
    world.sportsbook.cancelNonces(1, world.sender(alice))
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now + 4, deadline_s=now + 120)
    world.at(now + 30)
    with reverts("NotOwnerOf", alice.account, accounts[60].address):
        world.enforce(signed, by=world.by_stranger)
    # She may: it was accepted.
    assert len(world.enforce(signed).batch.records) == 1


def test_receipt_is_enforced_by_anybody_until_the_match_starts(world, alice, now):
    match = make_market(starts_at_s=now + 300)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    world.at(now + 299)
    assert len(world.enforce(signed, by=world.by_stranger).batch.records) == 1


def test_corrections_of_odds_take_what_was_kept_for_them(world, alice, bob):
    """The API counts payout - stake of each: 50 + 50 fit a budget of 100. The operator places both
    at worse odds and another time."""
    secret = key(SPARE)
    world.replace_key(Role.RECEIPTS, key_address(secret), 100 * UNIT)
    at_s = world.clock()
    match = make_market(starts_at_s=at_s + 3_600)
    signed = [
        world.sign(b, Pick(match, 0, 35_000), accepted_at_s=at_s, stake_micro=20 * UNIT)
        for b in (alice, bob)
    ]
    world.travel_to(at_s + 20)
    was = world.place(
        *(replace(s, picks=(Pick(match, 0, 10_100),), accepted_at_s=at_s + 9) for s in signed)
    )
    for bet, receipt in enumerate(signed):
        instead(world, was, receipt, bet, secret=secret)
    assert world.sportsbook.keyOf(key_address(secret))[4] <= UNIT


def test_correction_of_a_bet_in_play_takes_its_stake_as_well(world, alice, now):
    """Another time of acceptance can make it void, which returns the stake of a bet that is
    lost."""
    secret = key(SPARE)
    world.replace_key(Role.RECEIPTS, key_address(secret), 100 * UNIT)
    at_s = world.clock()
    market = make_market(starts_at_s=at_s - 60, in_play=True)
    signed = world.sign(alice, Pick(market, 0, 15_000), accepted_at_s=at_s, stake_micro=20 * UNIT)
    world.travel_to(at_s + 20)
    was = world.place(replace(signed, accepted_at_s=at_s + 9))
    instead(world, was, signed, secret=secret)
    left = world.sportsbook.keyOf(key_address(secret))[4]
    assert left <= 70 * UNIT + UNIT // 100


def test_correction_needs_no_free_money_in_between(world, alice, bob, now):
    """Her bet covers his, and nothing is free. The bet at the receipt's odds covers it as well."""
    market = make_market(Kind.DRAW_NO_BET, starts_at_s=now + DAY_S)
    at_s = world.now()
    world.place(
        world.sign(bob, Pick(market, 1, 30_000), accepted_at_s=at_s, stake_micro=900 * UNIT)
    )
    world.leave_in_bankroll(0)
    at_s = world.clock()
    signed = world.sign(alice, Pick(market, 0, 25_000), accepted_at_s=at_s, stake_micro=900 * UNIT)
    was = world.place(replace(signed, picks=(Pick(market, 0, 16_000),)))
    free = world.sportsbook.houseFree()
    full = pick_elsewhere(now + DAY_S, 0, 10_000 + free * 10_000 // UNIT)
    world.place(world.sign(world.stranger(5), full, accepted_at_s=world.clock()))
    assert world.sportsbook.houseFree() == 0
    instead(world, was, signed)
    assert world.balance(alice) == DEPOSIT_MICRO - 900 * UNIT
