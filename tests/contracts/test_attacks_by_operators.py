"""Attacks with the operator's key: a budget for what its batches add to what the house could lose.

placeBatch
├── counts what each fixture locks more, whatever another locks less
├── still counts a market once whose bets cover each other; what is sold of them again counts for
│   the cash-outs' key
└── lets bets against honest ones take what the market's stakes cover, as docs/trust.md says
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import accounts

from protocol.market_id import Kind
from protocol.roles import Role
from tests.contracts.events import placed
from tests.contracts.world import reverts
from tests.support.batches import pack
from tests.support.people import CASH_OUT_SIGNER, key, key_address
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import BANKROLL_MICRO, BUDGET_PERIOD_S, DEPOSIT_MICRO, UNIT

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


def left_for_cash_outs(world):
    return world.sportsbook.keyOf(key_address(CASH_OUT_SIGNER))[4]


def test_cover_that_is_sold_again_counts_for_cash_outs(world, alice, thief, friend):
    """The thief covers an honest bet that locks 490, and places an absurd one in the same fixture:
    together nothing more is locked. Then the friend sells the cover to the honest house, which pays
    for what the honest bet locks again."""
    at_s = world.clock()
    market = make_market(starts_at_s=at_s + 4 * BUDGET_PERIOD_S)
    other = make_market(Kind.BOTH_TEAMS_TO_SCORE, starts_at_s=market.starts_at_s)
    world.place(
        world.sign(alice, Pick(market, 0, 500_000), stake_micro=10 * UNIT, accepted_at_s=at_s)
    )
    at_s = world.clock()
    absurd = world.sign(friend, Pick(other, 0, 4_910_000), accepted_at_s=at_s, nonce=3)
    was = send(world, thief, *covering(world, friend, market, at_s), absurd)
    assert world.sportsbook.keyOf(thief)[4] == 100 * UNIT
    for bet in (0, 1):
        # Until nothing is spent.
        world.travel_to(world.clock() + BUDGET_PERIOD_S)
        before = left_for_cash_outs(world)
        world.cash_out(friend, was.number, was.batch, bet, price_micro=240 * UNIT)
        assert before - left_for_cash_outs(world) == (240 + 245) * UNIT
    assert world.book()["locked_micro"] == 2 * 490 * UNIT


def test_cover_is_not_sold_beyond_the_budget_of_cash_outs(world):
    """In an empty market a friend bets on both sides, and absurdly on the draw; each covers the
    others. Without the sides the draw locks more than the house has for cash-outs."""
    spare, stake = key(SPARE), 400 * UNIT
    world.replace_key(Role.CASH_OUTS, key_address(spare), 1_000 * UNIT)
    friend = world.stranger(7, 3 * stake)
    at_s = world.clock()
    market = make_market(starts_at_s=at_s + 9_000)
    bets = ((0, 20_000, stake), (2, 20_000, stake), (1, 20_000 * stake // UNIT, UNIT))
    was = world.place(
        *(
            world.sign(
                friend,
                Pick(market, outcome, odds_e4),
                stake_micro=micro,
                accepted_at_s=at_s,
                nonce=1 + i,
            )
            for i, (outcome, odds_e4, micro) in enumerate(bets)
        )
    )
    assert len(was.batch.records) == 3
    assert world.book()["locked_micro"] == 0
    world.ripen()
    terms = {"price_micro": stake, "house_key": spare}
    world.cash_out(friend, was.number, was.batch, 0, **terms)
    assert world.sportsbook.keyOf(key_address(spare))[4] == 1_000 * UNIT - (2 * stake - UNIT)
    with reverts("BudgetExceeded"):
        world.cash_out(friend, was.number, was.batch, 1, **terms)


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
