"""Attacks with the operator's key: a budget for what its batches add to what the house could lose.

placeBatch
├── counts what each fixture locks more, whatever another locks less
├── still counts a market once whose bets cover each other
└── lets bets against honest ones take what the market's stakes cover, as docs/trust.md says
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import accounts

from protocol.roles import Role
from tests.contracts.events import placed
from tests.contracts.world import reverts
from tests.support.batches import pack
from tests.support.people import key, key_address
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import BANKROLL_MICRO, DEPOSIT_MICRO, UNIT

SPARE = 50


@pytest.fixture
def thief(world):
    """Holds an operator's key with a budget of 100."""
    world.replace_key(Role.OPERATOR, key_address(key(SPARE)), 100 * UNIT)
    return accounts[SPARE]


@pytest.fixture
def friend(world):
    return world.stranger(6)


def send(world, by, *signed):
    return placed(world.sportsbook.placeBatch(pack(*signed), {"from": by}))


def covering(world, friend, market, at_s):
    """Bets on the outcomes that an honest bet on the first does not win, which cover it."""
    odds_e4 = 500 * 10_000 // 245
    return [
        world.sign(
            friend,
            Pick(market, outcome, odds_e4),
            stake_micro=245 * UNIT,
            accepted_at_s=at_s,
            nonce=outcome,
        )
        for outcome in (1, 2)
    ]


def test_budget_is_not_netted_against_another_fixture(world, alice, thief, friend):
    """An honest bet locks 490. Bets that cover it free that much, for one at absurd odds on another
    match: nothing more would be locked at the end, and twice as much could be lost."""
    at_s = world.clock()
    market = make_market(starts_at_s=at_s + 3_600)
    world.place(
        world.sign(alice, Pick(market, 0, 500_000), stake_micro=10 * UNIT, accepted_at_s=at_s)
    )
    assert world.book()["locked_micro"] == 490 * UNIT
    at_s = world.clock()
    absurd = world.sign(
        friend, pick_elsewhere(at_s + 3_600, 0, 591 * 10_000), accepted_at_s=at_s, nonce=3
    )
    with reverts("BudgetExceeded", 100 * UNIT, 590 * UNIT):
        send(world, thief, *covering(world, friend, market, at_s), absurd)
    # What covers an honest bet takes none of it, and what fits is placed with it.
    fair = replace(absurd, picks=(replace(absurd.picks[0], odds_e4=101 * 10_000),))
    said = send(world, thief, *covering(world, friend, market, at_s), fair)
    assert len(said.batch.records) == 3
    assert world.sportsbook.keyOf(thief)[4] == 0


def test_bets_that_cover_each_other_count_once(world, alice, bob, thief):
    at_s = world.clock()
    market = make_market(starts_at_s=at_s + 3_600)
    sides = [
        world.sign(bettor, Pick(market, i), stake_micro=100 * UNIT, accepted_at_s=at_s)
        for i, bettor in ((0, alice), (2, bob))
    ]
    assert len(send(world, thief, *sides).batch.records) == 2
    assert world.sportsbook.keyOf(thief)[4] == 100 * UNIT


def test_stakes_of_a_market_are_what_its_bets_can_take(world, alice, bob, friend):
    """Honest bets lock nothing, and the key has no budget. A bet on the third outcome is paid from
    the stakes that lose, and from nothing else."""
    world.replace_key(Role.OPERATOR, key_address(key(SPARE)), 0)
    at_s = world.clock()
    market = make_market(starts_at_s=at_s + 3_600)
    honest = world.place(
        *(
            world.sign(bettor, Pick(market, i, 19_000), stake_micro=500 * UNIT, accepted_at_s=at_s)
            for i, bettor in enumerate((alice, bob))
        )
    )
    assert world.book()["locked_micro"] == 0

    def absurd(odds):
        return world.sign(friend, Pick(market, 2, odds * 10_000), accepted_at_s=world.clock())

    assert len(send(world, accounts[SPARE], absurd(1_002)).batch.records) == 0
    said = send(world, accounts[SPARE], absurd(1_001))
    assert len(said.batch.records) == 1
    world.end_match(market, 0, 1)
    world.settle(honest.number, honest.batch)
    world.settle(said.number, said.batch)
    assert world.sportsbook.house() == BANKROLL_MICRO
    assert world.balance(friend) == DEPOSIT_MICRO + 1_000 * UNIT
