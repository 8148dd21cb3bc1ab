"""Attacks on markets that are decided: what an auditor tried who had not seen the contracts.

a market
├── that is marked owes halves to the unit, listed twice or by several lists of one call
├── is void or decided by its last second alike, for all its bets
├── in play is void one by one to its last second, and then neither sold nor replaced
└── before the match and in play is one fixture to an accumulator
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import accounts

from protocol.market_id import Kind
from protocol.placed_event import SkipReason
from protocol.records import pack_markets
from tests.contracts.attack_checks import holds, reasons
from tests.contracts.events import payouts
from tests.contracts.receipts import at_odds, instead
from tests.contracts.world import reverts
from tests.support.batches import run
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import CASH_OUT_AGE_S, DEPOSIT_MICRO, DISPUTE_WINDOW_S, UNIT, VOID_AFTER_S


@pytest.fixture
def halves(world, now):
    """A market of which half is won, five odd bets on both sides in two batches, all final."""
    market = make_market(Kind.ASIAN_HANDICAP, -3, starts_at_s=now + 60)
    bettors = [world.stranger(20 + i) for i in range(5)]
    at_s = world.clock()
    slips = [
        world.sign(bettor, Pick(market, i % 2, 19_999), stake_micro=1 + 2 * i, accepted_at_s=at_s)
        for i, bettor in enumerate(bettors)
    ]
    batches = [world.place(*slips[:3]), world.place(*slips[3:])]
    world.end_match(market)
    return market, batches, bettors


def pays_half(record):
    """What a bet of `halves` pays: home is ahead by a quarter goal."""
    leg = record.legs[0]
    if leg.outcome == 1:
        return record.stake_micro // 2
    return record.stake_micro * (leg.odds_e4 + 10_000) // 20_000


def test_market_that_is_listed_twice_owes_halves_to_the_unit(world, halves):
    """Each entry of a list is released by itself, and what is owed is rounded up each time: bets of
    one market that refer to different entries leave neither a unit too much nor too little."""
    market, (first, second), bettors = halves
    batch = first.batch
    listed = pack_markets(batch.base_s, [market.pack()])
    twice = listed + listed[5:]
    records = [
        replace(r, legs=(replace(r.legs[0], market=i % 2),)) for i, r in enumerate(batch.records)
    ]
    number, _, _, _, proof = run(first.number, batch, 0, 2)
    part = (number, 0, twice, b"".join(r.pack() for r in records[:2]), proof)
    before = holds(world, *bettors)
    tx = world.sportsbook.settle([part], {"from": accounts[60]})
    expected = {i: pays_half(r) for i, r in enumerate(records[:2]) if pays_half(r)}
    assert payouts(tx) == expected
    after = holds(world, *bettors)
    assert after["pool_micro"] == before["pool_micro"] - sum(expected.values())
    world.settle(first.number, batch, 2, 1)
    holds(world, *bettors)
    world.settle(second.number, second.batch)
    assert holds(world, *bettors)["owed_micro"] == 0


def test_market_is_marked_and_released_by_the_lists_of_one_call(world, halves):
    """The first list of a call marks the market, the next ones release what is marked, and a run
    that shares the list of another, or was settled by an earlier one, changes nothing."""
    _, (first, second), bettors = halves
    runs = [
        run(first.number, first.batch, 1, 1),
        run(second.number, second.batch),
        run(first.number, first.batch, 0, 2),
        run(second.number, second.batch),
        run(first.number, first.batch),
    ]
    world.sportsbook.settle(runs, {"from": accounts[60]})
    book = holds(world, *bettors)
    assert (book["owed_micro"], book["locked_micro"]) == (0, 0)
    paid = [pays_half(r) for said in (first, second) for r in said.batch.records]
    stakes = [r.stake_micro for said in (first, second) for r in said.batch.records]
    assert [world.balance(b) - DEPOSIT_MICRO for b in bettors] == [
        p - s for p, s in zip(paid, stakes, strict=True)
    ]


@pytest.mark.parametrize("late_s", [0, 1])
def test_last_second_of_a_market_decides_all_its_bets_alike(world, alice, bob, now, late_s):
    """A result counts when it is published up to VOID_AFTER. A second later the market is void, and
    stays so for the bets that are left when the result comes after the first of them is settled."""
    market = make_market(starts_at_s=now + 60)
    slips = [
        world.sign(b, Pick(market, i, 20_000), stake_micro=100 * UNIT, accepted_at_s=now)
        for i, b in enumerate((alice, bob))
    ]
    number, batch, _ = world.place(*slips)
    end_s = market.starts_at_s + VOID_AFTER_S
    result = score(1, 0, now + 7_000)
    world.at(end_s - 1)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.at(end_s + late_s)
    if late_s:
        world.settle(number, batch, 0, 1)
    published = world.publish(result)
    assert late_s or published.timestamp == end_s
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S)
    world.settle(number, batch)
    won = 0 if late_s else 100 * UNIT
    assert [world.balance(b) - DEPOSIT_MICRO for b in (alice, bob)] == [won, -won]
    assert holds(world, alice, bob)["owed_micro"] == 0


def test_bet_in_play_of_the_last_second_is_void_and_nothing_else(world, alice, now):
    """In play, a market takes bets until it is void. The last one is settled at its stake a moment
    later; its receipt and a cash-out could otherwise take the stake again."""
    market = make_market(starts_at_s=now - VOID_AFTER_S + 30, in_play=True)
    end_s = market.starts_at_s + VOID_AFTER_S
    world.at(end_s)
    signed = world.sign(alice, Pick(market, 0), accepted_at_s=end_s - 1, min_odds_e4=10_001)
    was = world.place(at_odds(signed, 15_000))
    assert len(was.batch.records) == 1
    late = world.sign(alice, Pick(market, 0), accepted_at_s=end_s, nonce=2)
    assert reasons(world.place(late)) == [SkipReason.MARKET_CLOSED]
    world.settle(was.number, was.batch)
    assert world.balance(alice) == DEPOSIT_MICRO
    with reverts("BetNotOpen", was.number, 0):
        instead(world, was, signed)
    world.travel_to(end_s + CASH_OUT_AGE_S)
    with reverts("BetNotOpen", was.number, 0):
        world.cash_out(alice, was.number, was.batch, price_micro=UNIT)
    assert holds(world, alice)["owed_micro"] == 0


def test_fixture_before_the_match_and_in_play_is_one_to_an_accumulator(world, alice, now):
    """Two markets of a match that differ in every field but its name and start are not
    independent."""
    before = Pick(make_market(starts_at_s=now + 3_600), 0)
    for other in (
        make_market(starts_at_s=now + 3_600, in_play=True),
        make_market(Kind.TOTAL_GOALS, 10, starts_at_s=now + 3_600, in_play=True),
        make_market(Kind.PROPOSITION, starts_at_s=now + 3_600),
    ):
        said = world.place(world.sign(alice, before, Pick(other, 0), accepted_at_s=now))
        assert reasons(said) == [SkipReason.LEGS_INVALID]
