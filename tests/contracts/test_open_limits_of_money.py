"""What docs/attacks.md lists as open limits on money: each test states what should hold, and does
not yet. A change that ends one takes its mark off."""

from __future__ import annotations

import pytest
from brownie import accounts

from tests.support.people import council
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import BANKROLL_MICRO, EVERYTHING, NOTICE_S

pytestmark = pytest.mark.xfail(strict=True)


def test_provider_who_comes_before_a_bond_is_lost_gets_nothing_of_it(world, match):
    """The arbiter's ruling is seen coming; a provider is there for a block."""
    world.set_limits(receipt_reserve_micro=0)
    world.travel_to(match.starts_at_s + 7_200)
    result = score(1, 0, match.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    late = accounts[70]
    world.token.mint(late, BANKROLL_MICRO, {"from": world.owner})
    world.token.approve(world.bankroll, EVERYTHING, {"from": late})
    world.bankroll.deposit(BANKROLL_MICRO, late, {"from": late})
    world.rule(result)
    world.bankroll.redeem(world.bankroll.balanceOf(late), late, late, {"from": late})
    assert world.token.balanceOf(late) <= BANKROLL_MICRO


def test_receipt_of_before_a_council_is_decided_by_that_council(world, alice):
    """A slip was accepted in the last minute of a council and is enforced in the first of the
    next: an accepted bet on a fixture that nobody had bet on."""
    next_ = council(world.signer_keys, 3, world.arbiter.address)
    proposed = world.results.propose(next_, {"from": world.owner})
    world.travel_to(proposed.timestamp + NOTICE_S)
    accepted_s = world.clock()
    game = make_market(starts_at_s=accepted_s + 3_600)
    slip = world.sign(alice, Pick(game, 0), accepted_at_s=accepted_s)
    world.results.appoint(next_, {"from": accounts[60]})
    world.enforce(slip)
    assert world.sportsbook.resultOf(game.fixture)[8] == 1
