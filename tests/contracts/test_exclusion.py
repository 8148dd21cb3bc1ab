"""Bettors who shut their own account to bets.

excludeSelf
├── shuts the account to bets and deposits from its block on, until its end
├── lasts at least RECEIPT_WINDOW
├── can be put off, never brought forward, whoever asks
├── keeps its beginning when it is put off, and begins again after its end
├── leaves slips that were accepted before: they are placed and enforced
├── kills slips that were accepted during it, also when it is over or another one has begun
├── is lifted from the account RECEIPT_WINDOW after it is over
└── leaves the way out: withdrawal, exit, cash-out and settlement
"""

from __future__ import annotations

import pytest
from brownie import web3

from protocol.placed_event import SkipReason
from protocol.typed_data import Withdrawal
from tests.contracts.node_state import account_slot
from tests.contracts.world import reverts
from tests.support.signing import won_at_home
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, EXIT_DELAY_S, RECEIPT_WINDOW_S, UNIT

DAY_S = 86_400


def exclusion_of(world, bettor):
    return world.sportsbook.restrictionOf(bettor.account)[:2]


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
    assert exclusion_of(world, alice) == (tx.timestamp, now + DAY_S)
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


def test_own_deposit_lifts_an_exclusion_that_is_over(world, alice, now):
    """With a nonce that was used above those that she cancelled."""
    home = Pick(make_market(starts_at_s=now + 2 * DAY_S), 0)
    world.place(world.sign(alice, home, accepted_at_s=now, nonce=9))
    world.exclude(alice, now + DAY_S)
    world.travel_to(now + DAY_S)
    world.sportsbook.cancelNonces(4, world.sender(alice))
    world.travel_to(world.clock() + RECEIPT_WINDOW_S + 1)
    balance = world.balance(alice)
    world.token.mint(alice.address, UNIT, {"from": world.owner})
    world.token.approve(world.sportsbook, UNIT, world.sender(alice))
    world.sportsbook.deposit(UNIT, world.sender(alice))
    assert world.balance(alice) == balance + UNIT
    usable = [n for n in range(12) if world.sportsbook.isUsable(alice.account, n)]
    assert usable == [5, 6, 7, 8, 10, 11]


def test_bet_counts_again_at_the_end_without_a_deposit(world, alice, now):
    home = Pick(make_market(starts_at_s=now + DAY_S), 0)
    world.exclude(alice, now + 3_600)
    world.travel_to(now + 3_600)
    signed = world.sign(alice, home, accepted_at_s=now + 3_600)
    assert len(world.place(signed).batch.records) == 1


def test_exclusion_cannot_be_shortened(world, alice, now):
    world.exclude(alice, now + DAY_S)
    for until_s in (now + DAY_S, now + DAY_S - 1, now + 900, 0):
        with reverts("ExclusionTooShort", until_s, now + DAY_S + 1):
            world.exclude(alice, until_s)
    assert exclusion_of(world, alice)[1] == now + DAY_S
    world.exclude(alice, now + DAY_S + 1)


def test_exclusion_that_is_put_off_keeps_its_beginning(world, alice, now):
    first = world.exclude(alice, now + 3_600)
    world.travel_to(now + 1_800)
    world.exclude(alice, now + 2 * DAY_S)
    assert exclusion_of(world, alice) == (first.timestamp, now + 2 * DAY_S)


def test_exclusion_after_an_exclusion_begins_again(world, alice, now):
    world.exclude(alice, now + 3_600)
    world.travel_to(now + 7_200)
    second = world.exclude(alice, now + DAY_S)
    assert exclusion_of(world, alice) == (second.timestamp, now + DAY_S)
    assert world.sportsbook.restrictionOf(alice.account)[2] == now + 3_600


def test_exclusion_lasts_at_least_for_the_receipt_window(world, alice, now):
    """Shorter, a slip accepted during it could still be enforced after it."""
    for length_s in (RECEIPT_WINDOW_S - 1, 1, 0):
        at_s = world.clock() + 1
        world.at(at_s)
        with reverts("ExclusionTooShort", at_s + length_s, at_s + RECEIPT_WINDOW_S):
            world.exclude(alice, at_s + length_s)
    at_s = world.clock() + 1
    world.at(at_s)
    world.exclude(alice, at_s + RECEIPT_WINDOW_S)


def test_exclusion_that_runs_out_is_put_off_by_a_window_at_least(world, alice, now):
    first = world.exclude(alice, now + 3_600)
    world.at(now + 3_590)
    with reverts("ExclusionTooShort", now + 3_601, now + 3_590 + RECEIPT_WINDOW_S):
        world.exclude(alice, now + 3_601)
    world.exclude(alice, now + 3_600 + RECEIPT_WINDOW_S)
    assert exclusion_of(world, alice) == (first.timestamp, now + 3_600 + RECEIPT_WINDOW_S)


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


# -- What was accepted during an exclusion


@pytest.fixture
def during(world, alice, now):
    """A slip that the house, whose mirror lagged, accepted after an exclusion had begun."""
    world.at(now + 10)
    world.exclude(alice, now + 10 + RECEIPT_WINDOW_S)
    home = Pick(make_market(starts_at_s=now + DAY_S), 0)
    return world.sign(alice, home, accepted_at_s=now + 10)


def test_slip_accepted_during_an_exclusion_never_counts(world, alice, now, during):
    """Not during it, and not when it is over: it must not be an option for the bettor."""
    with reverts("SlipRefused", int(SkipReason.EXCLUDED)):
        world.enforce(during)
    assert [skip.reason for skip in world.place(during).skips] == [SkipReason.EXCLUDED]
    world.at(now + 10 + RECEIPT_WINDOW_S)
    with reverts("SlipRefused", int(SkipReason.EXCLUDED)):
        world.enforce(during)
    with reverts("SlipRefused", int(SkipReason.ACCEPTANCE_OUTSIDE_WINDOW)):
        world.enforce(during)


def test_deposit_after_an_exclusion_revives_no_slip(world, alice, now):
    """In version 2 a deposit ended the exclusion's memory, and the slip with it counted again."""
    world.at(now + 10)
    until_s = now + 10 + RECEIPT_WINDOW_S
    world.exclude(alice, until_s)
    home = Pick(make_market(starts_at_s=now + DAY_S), 0)
    last = world.sign(alice, home, accepted_at_s=until_s - 1)
    first = world.sign(alice, home, accepted_at_s=until_s)
    world.at(until_s)
    world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
    with reverts("SlipRefused", int(SkipReason.EXCLUDED)):
        world.enforce(last)
    world.enforce(first)


def test_exclusion_after_an_exclusion_revives_no_slip(world, alice, now):
    """The second one begins later than the slip was accepted."""
    world.at(now + 10)
    until_s = now + 10 + RECEIPT_WINDOW_S
    world.exclude(alice, until_s)
    home = Pick(make_market(starts_at_s=now + DAY_S), 0)
    last = world.sign(alice, home, accepted_at_s=until_s - 1)
    between = world.sign(alice, home, accepted_at_s=until_s)
    world.at(until_s + 5)
    second = world.exclude(alice, until_s + 5 + 2 * RECEIPT_WINDOW_S)
    assert world.sportsbook.restrictionOf(alice.account)[:3] == (
        *(second.timestamp, until_s + 5 + 2 * RECEIPT_WINDOW_S),
        until_s,
    )
    with reverts("SlipRefused", int(SkipReason.EXCLUDED)):
        world.enforce(last)
    # Between the two it was open.
    world.enforce(between)


def test_exclusion_is_lifted_when_no_slip_can_meet_it(world, alice, now):
    """The flag costs every slip a look at the restriction; it stays until the window is over."""
    world.at(now + 10)
    until_s = now + 10 + RECEIPT_WINDOW_S
    world.exclude(alice, until_s)
    home = Pick(make_market(starts_at_s=now + DAY_S), 0)

    def is_restricted():
        slot = account_slot(world.sportsbook, alice)
        word = web3.eth.get_storage_at(world.sportsbook.address, slot)
        return bool(int.from_bytes(word, "big") >> 63 & 1)

    for at_s, expected in (
        (until_s + RECEIPT_WINDOW_S, True),
        (until_s + RECEIPT_WINDOW_S + 1, False),
    ):
        signed = world.sign(alice, home, accepted_at_s=at_s, nonce=1 + at_s - until_s - 600)
        world.at(at_s)
        assert len(world.place(signed).batch.records) == 1
        assert is_restricted() is expected
    # The word says what was, and that it is over.
    assert exclusion_of(world, alice)[1] == until_s


def test_excluded_account_can_leave(world, alice, home, match, now):
    number, batch, _ = world.place(
        *(world.sign(alice, home, accepted_at_s=now, nonce=nonce) for nonce in (1, 2))
    )
    world.exclude(alice, now + 30 * DAY_S)
    world.ripen()
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
    world.travel_to(world.now() + EXIT_DELAY_S)
    world.sportsbook.exit(world.sender(alice))
    assert world.token.balanceOf(alice.address) == DEPOSIT_MICRO + UNIT // 2
    # Neither of the two left a trace on the exclusion.
    assert exclusion_of(world, alice)[1] == now + 30 * DAY_S
