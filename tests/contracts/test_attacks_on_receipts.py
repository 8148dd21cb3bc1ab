"""Attacks on accepted slips, which their receipts must be able to enforce (F3 of docs/attacks.md).

capacity for receipts
├── cannot be used up by batches, quotes, cash-outs or liquidity that leaves
├── is not locked by fixtures of the far future
└── and no later nonce kills a receipt
"""

from __future__ import annotations

import pytest

from protocol.placed_event import SkipReason
from tests.contracts.attack_checks import reasons
from tests.contracts.world import reverts
from tests.support.batches import pack_unsigned
from tests.support.signing import quote_of
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import DEPOSIT_MICRO, RECEIPT_BUDGET_MICRO, RECEIPT_WINDOW_S, UNIT

DAY_S = 86_400
FAR_S = 2**40 - 1


def receipt_of_alice(world, alice, at_s, stake_micro=500 * UNIT):
    """A slip that the house has accepted, and the operator leaves out."""
    match = make_market(starts_at_s=at_s + 30)
    return world.sign(alice, Pick(match, 0), stake_micro=stake_micro, accepted_at_s=at_s)


def test_dust_of_the_operator_leaves_room_for_a_receipt(world, alice, bob):
    """F3. One micro-unit in an accumulator at astronomic odds filled the free bankroll, and a
    winning receipt could not be enforced until it lapsed. Now what receipts may need stays free."""
    at_s = world.now()
    signed = receipt_of_alice(world, alice, at_s)
    world.travel_to(at_s + 100)
    free = world.sportsbook.releasable()
    odds = (4_000_000_000, 4_000_000_000, free * 10**12 // 4_000_000_000**2)
    picks = [
        pick_elsewhere(at_s + DAY_S, 0, odds_e4, name=f"A{i} v B{i}, 2025-05-25")
        for i, odds_e4 in enumerate(odds)
    ]
    dust_ = world.sign(bob, *picks, stake_micro=1, accepted_at_s=world.clock())
    assert len(world.place(dust_).batch.records) == 1
    assert world.sportsbook.releasable() < UNIT
    world.travel_to(at_s + RECEIPT_WINDOW_S - 5)
    world.enforce(signed)
    assert world.balance(alice) == DEPOSIT_MICRO - 500 * UNIT


def test_quotes_and_leaving_providers_leave_room_for_a_receipt(world, alice, bob):
    """F3, by other hands: a quote to the house's friend, and a provider who takes all there is."""
    at_s = world.now()
    signed = receipt_of_alice(world, alice, at_s)
    bank, owner = world.bankroll, world.owner
    bank.withdraw(bank.maxWithdraw(owner), owner, owner, {"from": owner})
    assert world.sportsbook.houseFree() == RECEIPT_BUDGET_MICRO
    home = pick_elsewhere(at_s + DAY_S)
    quote = quote_of(home, deadline_s=FAR_S, max_stake_micro=UNIT)
    with reverts("SlipRefused", int(SkipReason.EXPOSURE_EXCEEDED)):
        world.place_quoted(bob, quote, pack_unsigned(bob, home, stake_micro=1))
    world.enforce(signed)


def test_fixture_of_the_far_future_locks_nothing(world, alice, now):
    """F3. A bet on a fixture of the year 36812 stayed locked until the council voided it: no result
    was due in a lifetime. Now fixtures start within the horizon."""
    for start_s in (FAR_S, now + 401 * DAY_S):
        never = Pick(make_market(starts_at_s=start_s), 0)
        with reverts("StartTooFar"):
            world.place(world.sign(alice, never, accepted_at_s=now))


@pytest.mark.parametrize("ahead", [10, 11, 300, 2**24 - 1])
def test_later_nonce_kills_no_receipt(world, alice, ahead):
    """F3b. An API that had the client sign nonce 10 next killed its receipt of nonce 1, which
    fell out of the window. Now a slip that would push an unused nonce out is left out itself."""
    at_s = world.now()
    signed = receipt_of_alice(world, alice, at_s)
    elsewhere = pick_elsewhere(at_s + DAY_S)
    later = world.sign(alice, elsewhere, accepted_at_s=at_s, nonce=ahead)
    assert reasons(world.place(later)) == [SkipReason.NONCE_TOO_FAR]
    with reverts("SlipRefused", int(SkipReason.NONCE_TOO_FAR)):
        world.enforce(later)
    quote = quote_of(elsewhere, deadline_s=FAR_S)
    with reverts("SlipRefused", int(SkipReason.NONCE_TOO_FAR)):
        world.place_quoted(alice, quote, pack_unsigned(alice, elsewhere, nonce=ahead))
    world.travel_to(at_s + RECEIPT_WINDOW_S - 5)
    world.enforce(signed)
