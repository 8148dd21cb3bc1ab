"""Attacks on who provides the house's money (F4 of docs/attacks.md).

the price of leaving
├── is the same in whatever order bets are settled
└── is at least what the provider says, or nobody leaves
"""

from __future__ import annotations

from itertools import permutations

import pytest
from brownie import accounts

from tests.contracts.world import reverts
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, UNIT


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_order_of_settling_moves_no_redemption(world, now, order):
    """F4. Somebody settled the winners alone; what a provider could then redeem fell from 1,000 to
    0, and the others kept the rest. Now a decided market owes what it pays, from its first
    settlement on."""
    bank, provider = world.bankroll, accounts[70]
    world.token.mint(provider, 2_000 * UNIT, {"from": world.owner})
    world.token.approve(bank, 2_000 * UNIT, {"from": provider})
    bank.deposit(2_000 * UNIT, provider, {"from": provider})
    match = make_market(starts_at_s=now + 3_600)
    bettors = [world.stranger(i, DEPOSIT_MICRO) for i in range(3)]
    at_s = world.clock()
    odds = (20_000, 30_000, 40_000)
    number, batch, _ = world.place(
        *(
            world.sign(
                bettor, Pick(match, i, odds[i]), stake_micro=DEPOSIT_MICRO, accepted_at_s=at_s
            )
            for i, bettor in enumerate(bettors)
        )
    )
    world.end_match(match)
    shares = bank.balanceOf(provider)
    worths = [bank.previewRedeem(shares)]
    for bet in order:
        world.settle(number, batch, bet, 1)
        worths.append(bank.previewRedeem(shares))
    # The first settlement ends the worst case, and no other one changes anything.
    worth = worths[-1]
    assert worths[0] < worth
    assert worths[1:] == [worth] * 3
    before = world.token.balanceOf(provider)
    bank.redeem(shares, provider, provider, worth, {"from": provider})
    assert world.token.balanceOf(provider) - before == worth


def test_redemption_that_is_worth_less_than_it_says_is_refused(world, alice, now):
    """F4. Whoever saw a redemption could make it worth less before it was mined. Now it can have a
    minimum."""
    bank, owner = world.bankroll, world.owner
    shares = UNIT * 10**6
    seen = bank.previewRedeem(shares)
    match = make_market(starts_at_s=now + 3_600)
    world.place(world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=now))
    with reverts("PriceMoved"):
        bank.redeem(shares, owner, owner, seen, {"from": owner})
