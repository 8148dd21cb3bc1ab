"""Bettors who shut their own account to bets.

excludeSelf
├── shuts the account to bets and deposits from its block on, until its end
├── can be put off, never brought forward, whoever asks
├── keeps its beginning when it is put off, and begins again after its end
├── leaves slips that were accepted before: they are placed and enforced
└── leaves the way out: withdrawal, exit, cash-out and settlement
"""

from __future__ import annotations

import pytest

from protocol.placed_batch import SkipReason
from protocol.typed_data import Withdrawal
from tests.contracts.world import reverts
from tests.support.signing import won_at_home
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, UNIT

DAY_S = 86_400


@pytest.fixture
def home(match):
    return Pick(match, 0)


def test_excluded_account_takes_no_bets_and_no_deposits_until_the_end(world, alice, bob, now):
    tx = world.exclude(alice, now + DAY_S)
    assert dict(tx.events["SelfExcluded"]) == {
        "account": alice.account,
        "from": tx.timestamp,
        "until": now + DAY_S,
    }
    assert world.sportsbook.exclusionOf(alice.account) == (tx.timestamp, now + DAY_S)
    home = Pick(make_market(starts_at_s=now + 2 * DAY_S), 0)
    later = world.now()
    signed = [world.sign(bettor, home, accepted_at_s=later, nonce=1) for bettor in (alice, bob)]
    _, batch, skips = world.place(*signed)
    assert [record.account for record in batch.records] == [bob.account]
    assert [skip.reason for skip in skips] == [SkipReason.EXCLUDED]
    with reverts("SlipRefused", int(SkipReason.EXCLUDED)):
        world.enforce(signed[0])
    for deposit in (
        lambda: world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner}),
        lambda: world.sportsbook.deposit(UNIT, world.sender(alice)),
    ):
        world.token.mint(alice.address, UNIT, {"from": world.owner})
        world.token.approve(world.sportsbook, UNIT, world.sender(alice))
        with reverts("AccountExcluded", alice.account, now + DAY_S):
            deposit()
    world.at(now + DAY_S)
    world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
    world.travel_to(now + DAY_S)
    over = world.now()
    _, batch, _ = world.place(world.sign(alice, home, accepted_at_s=over, nonce=2))
    assert len(batch.records) == 1


def test_bet_counts_again_at_the_end_without_a_deposit(world, alice, now):
    home = Pick(make_market(starts_at_s=now + DAY_S), 0)
    world.exclude(alice, now + 3_600)
    world.travel_to(now + 3_600)
    signed = world.sign(alice, home, accepted_at_s=now + 3_600)
    assert len(world.place(signed).batch.records) == 1


def test_exclusion_cannot_be_shortened(world, alice, now):
    world.exclude(alice, now + DAY_S)
    for until_s in (now + DAY_S - 1, now + DAY_S, now + 60, 0):
        with reverts("ExclusionShorter", now + DAY_S):
            world.exclude(alice, until_s)
    assert world.sportsbook.exclusionOf(alice.account)[1] == now + DAY_S


def test_exclusion_that_is_put_off_keeps_its_beginning(world, alice, now):
    first = world.exclude(alice, now + 3_600)
    world.travel_to(now + 1_800)
    world.exclude(alice, now + 2 * DAY_S)
    assert world.sportsbook.exclusionOf(alice.account) == (first.timestamp, now + 2 * DAY_S)


def test_exclusion_after_an_exclusion_begins_again(world, alice, now):
    world.exclude(alice, now + 3_600)
    world.travel_to(now + 7_200)
    second = world.exclude(alice, now + DAY_S)
    assert world.sportsbook.exclusionOf(alice.account) == (second.timestamp, now + DAY_S)


@pytest.mark.parametrize("until_s", [0, 1])
def test_exclusion_ends_in_the_future(world, alice, now, until_s):
    with reverts("ExclusionShorter", 0):
        world.exclude(alice, until_s and now)


def test_exclusion_needs_an_account(world, now):
    with reverts("NotOwnerOf"):
        world.sportsbook.excludeSelf(now + DAY_S, {"from": world.guardian})


def test_slips_accepted_before_still_count(world, alice, home, now):
    signed = [world.sign(alice, home, accepted_at_s=now, nonce=nonce) for nonce in (1, 2)]
    world.travel_to(now + 60)
    world.exclude(alice, now + DAY_S)
    assert len(world.place(signed[0]).batch.records) == 1
    assert len(world.enforce(signed[1]).batch.records) == 1
    assert world.balance(alice) == DEPOSIT_MICRO - 2 * UNIT


def test_excluded_account_can_leave(world, alice, home, match, now):
    number, batch, _ = world.place(
        *(world.sign(alice, home, accepted_at_s=now, nonce=nonce) for nonce in (1, 2))
    )
    world.exclude(alice, now + 30 * DAY_S)
    world.cash_out(alice, number, batch, 0, price_micro=UNIT // 2)
    deadline_s = now + 3_000
    consent = world.countersign(alice, UNIT, deadline_s, 0)
    word = Withdrawal(alice.account, UNIT, deadline_s, 0).word()
    world.sportsbook.withdrawGranted(consent, word, world.sender(alice))
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(won_at_home(match))
    world.settle(number, batch, 1, 1)
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT // 2
    world.sportsbook.requestExit(2**56 - 1, world.sender(alice))
    world.travel_to(world.now() + 1_300)
    world.sportsbook.exit(world.sender(alice))
    assert world.token.balanceOf(alice.address) == DEPOSIT_MICRO + UNIT // 2
    # Neither of the two left a trace on the exclusion.
    assert world.sportsbook.exclusionOf(alice.account)[1] == now + 30 * DAY_S
