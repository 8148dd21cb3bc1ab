"""Attacks on the operator's budget: what an auditor tried that earns nothing.

placeBatch
├── nets no accumulator with what covers another bet
├── nets by what is placed before, not by what a batch brings later
└── counts a match that was put off by what its bets lock now
"""

from __future__ import annotations

import pytest
from brownie import accounts

from protocol.market_id import Kind
from protocol.placed_event import SkipReason
from protocol.roles import Role
from tests.contracts.events import payouts, placed
from tests.contracts.receipts import left
from tests.contracts.world import reverts
from tests.support.batches import pack
from tests.support.people import key, key_address
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import UNIT, VOID_AFTER_S

SPARE = 52


@pytest.fixture
def thief(world):
    """Holds an operator's key with a budget of 100."""
    world.replace_key(Role.OPERATOR, key_address(key(SPARE)), 100 * UNIT)
    return accounts[SPARE]


def send(world, by, *signed):
    return placed(world.sportsbook.placeBatch(pack(*signed), {"from": by}))


def honest(world, alice, market):
    """A bet that locks 490."""
    at_s = world.clock()
    world.place(
        world.sign(alice, Pick(market, 0, 500_000), stake_micro=10 * UNIT, accepted_at_s=at_s)
    )


def covering(world, friend, market, first_nonce=1):
    return [
        world.sign(
            friend,
            Pick(market, outcome, 500 * 10_000 // 245),
            stake_micro=245 * UNIT,
            accepted_at_s=world.clock(),
            nonce=first_nonce + outcome - 1,
        )
        for outcome in (1, 2)
    ]


def test_budget_nets_no_accumulator(world, alice, thief):
    """Bets that cover an honest one free 490; an accumulator locks that, with a leg on the same
    fixture."""
    friend = world.stranger(6)
    market = make_market(starts_at_s=world.clock() + 3_600)
    honest(world, alice, market)
    legs = (
        Pick(make_market(Kind.BOTH_TEAMS_TO_SCORE, starts_at_s=market.starts_at_s), 0, 491_000),
        pick_elsewhere(market.starts_at_s, 0, 100_000),
    )
    absurd = world.sign(friend, *legs, accepted_at_s=world.clock(), nonce=3)
    with reverts("BudgetExceeded", 100 * UNIT, 490 * UNIT):
        send(world, thief, *covering(world, friend, market), absurd)


def test_budget_nets_only_what_was_placed_before(world, alice, thief):
    """The same bets of one fixture, but the absurd one first."""
    friend = world.stranger(6)
    market = make_market(starts_at_s=world.clock() + 3_600)
    honest(world, alice, market)
    other = make_market(Kind.BOTH_TEAMS_TO_SCORE, starts_at_s=market.starts_at_s)
    absurd = world.sign(friend, Pick(other, 0, 4_910_000), accepted_at_s=world.clock(), nonce=3)
    said = send(world, thief, absurd, *covering(world, friend, market))
    assert [skip.reason for skip in said.skips] == [SkipReason.EXPOSURE_EXCEEDED]
    assert left(world, thief) == 100 * UNIT


def test_match_that_was_put_off_counts_what_is_locked_now(world, alice, bob, thief):
    """Its sum still has what its bets locked for the first date, which are void and paid."""
    first = make_market(starts_at_s=world.clock() + 60)
    was = world.place(
        world.sign(
            alice, Pick(first, 0, 500_000), stake_micro=10 * UNIT, accepted_at_s=world.clock()
        )
    )
    world.travel_to(first.starts_at_s + VOID_AFTER_S + 1)
    assert payouts(world.settle(was.number, was.batch)) == {0: 10 * UNIT}
    assert world.book()["locked_micro"] == 0
    second = make_market(starts_at_s=world.clock() + 3_600)
    said = send(
        world,
        thief,
        world.sign(bob, Pick(second, 0, 600_000), accepted_at_s=world.clock()),
    )
    assert len(said.batch.records) == 1
    assert left(world, thief) == 41 * UNIT
    # What covers it gives nothing back, and takes nothing.
    send(
        world,
        thief,
        world.sign(
            alice, Pick(second, 1), stake_micro=30 * UNIT, accepted_at_s=world.clock(), nonce=2
        ),
    )
    assert world.book()["locked_micro"] == 29 * UNIT
    assert 41 * UNIT <= left(world, thief) < 42 * UNIT
