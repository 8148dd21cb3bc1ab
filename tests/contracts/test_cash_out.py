"""Bets that end before the match does, at a price that house and bettor signed. Which offers count
is in test_cash_out_offers.py.

cashOut
├── pays the price, frees what the bet locked, and leaves nothing to settle
├── of a part: what is left goes on as a bet of its own, and settles, and is cashed out again
├── of a part of an accumulator, of a bet among others, of one in a batch that is partly settled
├── of the one bet of a batch that lists markets of slips that were left out
├── takes a price of nothing, and one as high as the payout of the part that ends
├── takes a contract wallet's signature
├── works for anybody who sends it, and while paused
├── reverts for a bet younger than CASH_OUT_AGE
├── leaves what receipts may need, unless it frees money
├── reverts after settlement, and for a batch that never was
├── reverts for a stake of nothing or above the bet's, a price above what could be won
├── reverts for a run of several bets, or with markets that the bet does not need
└── reverts when the bankroll could not pay the rest
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import accounts

from protocol.market_id import Kind
from tests.contracts.cash_outs import offer_to, rest_of
from tests.contracts.events import payouts, placed, settled_bets
from tests.contracts.world import reverts
from tests.support.batches import pack_unsigned, run
from tests.support.people import key
from tests.support.signing import quote_of, won_at_home
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    BANKROLL_MICRO,
    CASH_OUT_AGE_S,
    DEPOSIT_MICRO,
    NO_CAP,
    RECEIPT_WINDOW_S,
    UNIT,
)

LEEDS = "Leeds v Hull, 2025-05-25"


def books(world):
    book = world.book()
    return book["pool_micro"], book["owed_micro"], book["locked_micro"]


def test_cash_out_ends_a_bet_for_its_price(world, alice, match, one):
    number, batch = one
    tx = world.cash_out(alice, number, batch, price_micro=12 * UNIT)
    said = dict(tx.events["CashedOut"])
    assert (said["batch"], said["bet"], said["price"]) == (number, 0, 12 * UNIT)
    assert (said["next"], said["rest"]) == (0, 0)
    assert world.balance(alice) == DEPOSIT_MICRO + 2 * UNIT
    assert books(world) == (BANKROLL_MICRO - 2 * UNIT, 0, 0)
    assert world.sportsbook.lockedOf(match.fixture) == 0
    found, stakes = world.sportsbook.exposureOf(int.from_bytes(match.pack(), "big"))
    assert (tuple(found), stakes) == ((0, 0, 0), 0)
    assert int(world.sportsbook.batches(number).hex(), 16) == 0
    assert world.book()["batch_count"] == number
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(won_at_home(match))
    with reverts("NothingToSettle"):
        world.settle(number, batch)


def test_cash_out_of_a_part_leaves_the_rest_open(world, alice, match, one):
    number, batch = one
    tx = world.cash_out(alice, number, batch, stake_micro=4 * UNIT, price_micro=5 * UNIT)
    following, rest = rest_of(tx)
    assert following == number + 1 == world.book()["batch_count"]
    assert rest.records[0] == replace(batch.records[0], stake_micro=6 * UNIT)
    assert bytes(world.sportsbook.batches(following)) == rest.commitment
    assert books(world) == (BANKROLL_MICRO + 5 * UNIT, 6 * UNIT, 12 * UNIT)
    assert world.sportsbook.lockedOf(match.fixture) == 12 * UNIT
    again = world.cash_out(alice, following, rest, stake_micro=UNIT, price_micro=UNIT)
    last, rest = rest_of(again)
    assert rest.records[0].stake_micro == 5 * UNIT
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(won_at_home(match))
    tx = world.settle(last, rest)
    assert payouts(tx) == {0: 15 * UNIT}
    assert world.balance(alice) == DEPOSIT_MICRO - 10 * UNIT + 6 * UNIT + 15 * UNIT
    assert books(world)[1:] == (0, 0)


def test_cash_out_ends_a_part_of_an_accumulator(world, alice, home, now):
    away = Pick(make_market(starts_at_s=now + 3_600, name=LEEDS), 2, 20_000, LEEDS)
    number, batch, _ = world.place(
        world.sign(alice, home, away, stake_micro=9 * UNIT, accepted_at_s=now)
    )
    assert world.book()["locked_micro"] == 45 * UNIT
    world.ripen()
    tx = world.cash_out(alice, number, batch, stake_micro=3 * UNIT, price_micro=4 * UNIT)
    assert books(world) == (BANKROLL_MICRO + 5 * UNIT, 6 * UNIT, 30 * UNIT)
    assert world.book()["accumulators_micro"] == 30 * UNIT
    following, rest = rest_of(tx)
    assert bytes(world.sportsbook.batches(following)) == rest.commitment
    world.cash_out(alice, following, rest, price_micro=0)
    assert books(world) == (BANKROLL_MICRO + 5 * UNIT, 0, 0)
    assert world.book()["accumulators_micro"] == 0


def test_bet_among_others_ends_and_the_others_stay(world, alice, bob, match, home, now):
    total = Pick(make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s), 0)
    number, batch, _ = world.place(
        world.sign(alice, home, accepted_at_s=now),
        world.sign(bob, total, accepted_at_s=now),
        world.sign(alice, total, accepted_at_s=now, nonce=2),
    )
    world.ripen()
    world.cash_out(bob, number, batch, 1, price_micro=UNIT // 2)
    assert world.sportsbook.settledBits(number) == 0b010
    with reverts("BetNotOpen", number, 1):
        world.cash_out(bob, number, batch, 1, price_micro=UNIT // 2)
    tx = world.cash_out(alice, number, batch, 2, stake_micro=UNIT // 4, price_micro=UNIT // 8)
    assert rest_of(tx)[0] == number + 1
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(won_at_home(match))
    assert settled_bets(world.settle(number, batch)) == [0]
    assert int(world.sportsbook.batches(number).hex(), 16) == 0
    assert world.sportsbook.settledBits(number) == 0


def test_bet_beside_slips_that_were_left_out_ends(world, alice, bob, match, home, now):
    """Its batch lists their markets too, which a bet that goes on must not drag along."""
    total = Pick(make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s), 0)
    number, batch, skips = world.place(
        world.sign(alice, home, stake_micro=2 * UNIT, accepted_at_s=now),
        world.sign(bob, total, stake_micro=DEPOSIT_MICRO + 1, accepted_at_s=now),
    )
    assert (len(batch.markets), len(batch.records), len(skips)) == (2, 1, 1)
    world.ripen()
    tx = world.cash_out(alice, number, batch, stake_micro=UNIT, price_micro=UNIT)
    following, rest = rest_of(tx)
    assert len(rest.markets) == 1
    wide = (following, 0, batch.market_bytes, rest.record_bytes, [rest.whole])
    with reverts("MarketsUnused", 2, 1):
        world.cash_out(alice, following, rest, price_micro=0, run_=wide)
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(won_at_home(match))
    assert payouts(world.settle(following, rest)) == {0: 3 * UNIT}


def test_run_with_markets_that_the_bet_does_not_need_is_refused(world, alice, match, one):
    number, batch = one
    wide = batch.market_bytes + batch.markets[0][:26]
    run_ = (number, 0, wide, batch.record_bytes, [batch.whole])
    with reverts("MarketsUnused", 2, 1):
        world.cash_out(alice, number, batch, price_micro=0, run_=run_)


def test_run_of_several_bets_is_refused(world, alice, home, now):
    signed = [world.sign(alice, home, accepted_at_s=now, nonce=n) for n in (1, 2, 3)]
    number, batch, _ = world.place(*signed)
    world.ripen()
    for first, bets in ((0, 2), (1, 2), (0, 3)):
        with reverts("RunNotOfBatch", number):
            world.cash_out(
                alice, number, batch, first, price_micro=0, run_=run(number, batch, first, bets)
            )


@pytest.mark.parametrize("stake_micro", [10 * UNIT, 1, 3])
def test_cash_out_price_is_at_most_what_the_part_could_win(world, alice, match, now, stake_micro):
    pick = Pick(match, 0, 13_333)
    number, batch, _ = world.place(
        world.sign(alice, pick, stake_micro=10 * UNIT, accepted_at_s=now)
    )
    world.ripen()
    most = stake_micro * 13_333 // 10_000
    with reverts("CashOutTooHigh", most + 1, most):
        world.cash_out(alice, number, batch, stake_micro=stake_micro, price_micro=most + 1)
    world.cash_out(alice, number, batch, stake_micro=stake_micro, price_micro=most)
    assert world.balance(alice) == DEPOSIT_MICRO - 10 * UNIT + most


def test_cash_out_stake_is_at_most_that_of_the_bet(world, alice, one):
    for stake_micro in (0, 10 * UNIT + 1, 2**64 - 1):
        with reverts("CashOutStakeInvalid", stake_micro, 10 * UNIT):
            world.cash_out(alice, *one, stake_micro=stake_micro, price_micro=0)


def test_bet_is_cashed_out_from_its_age_on(world, alice, home, now):
    """So that nobody can enforce a bet and cash it out in one block."""
    number, batch, _ = world.place(world.sign(alice, home, accepted_at_s=now))
    open_from_s = now + CASH_OUT_AGE_S
    world.at(open_from_s - 1)
    with reverts("CashOutTooEarly", open_from_s):
        world.cash_out(alice, number, batch, price_micro=UNIT)
    world.at(open_from_s)
    following, rest = rest_of(
        world.cash_out(alice, number, batch, stake_micro=UNIT // 2, price_micro=UNIT // 2)
    )
    # What is left is as old as the bet that it is a part of.
    world.cash_out(alice, following, rest, price_micro=UNIT // 2)


def test_bet_of_a_receipt_is_as_old_as_its_acceptance(world, alice, home, now):
    signed = world.sign(alice, home, accepted_at_s=now)
    world.travel_to(now + RECEIPT_WINDOW_S - 1)
    number, batch, _ = world.enforce(signed)
    with reverts("CashOutTooEarly", now + CASH_OUT_AGE_S):
        world.cash_out(alice, number, batch, price_micro=UNIT)
    world.at(now + CASH_OUT_AGE_S)
    world.cash_out(alice, number, batch, price_micro=UNIT)


def test_contract_wallet_cashes_out(world, match, home, now):
    wallet, bettor = world.open_wallet(key(30))
    quote = quote_of(home, deadline_s=2**40 - 1)
    terms = (quote.account, quote.nonce, quote.max_stake_micro, quote.deadline_s)
    data = pack_unsigned(bettor, home)
    call = world.sportsbook.placeQuoted.encode_input(data, terms, world.sign_quote(quote))
    number, batch, _ = placed(wallet.execute(world.sportsbook, call, {"from": accounts[30]}))
    at_s = world.ripen()
    offer = offer_to(bettor, number, at_s, stake_micro=UNIT)
    whole = world.sign_raw(offer, key(30))
    with reverts("GasTooLow"):
        world.sportsbook.cashOut(
            run(number, batch, 0, 1),
            (UNIT, UNIT, at_s, offer.deadline_s),
            world.sign_cash_out(offer),
            whole,
            {"from": accounts[60], "gas_limit": 150_000},
        )
    terms = {"price_micro": UNIT, "offered_at_s": at_s, "bettor_signature": whole}
    wallet.setMood(5, {"from": world.owner})
    with reverts("CashOutUnsigned", wallet.address):
        world.cash_out(bettor, number, batch, **terms)
    wallet.setMood(0, {"from": world.owner})
    world.cash_out(bettor, number, batch, **terms)
    assert world.balance(bettor) == DEPOSIT_MICRO


def test_bet_that_is_settled_cannot_be_cashed_out(world, alice, match, one):
    number, batch = one
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(won_at_home(match))
    world.settle(number, batch)
    with reverts("BetNotOpen", number, 0):
        world.cash_out(alice, number, batch, price_micro=UNIT)


def test_bet_of_a_batch_that_never_was_cannot_be_cashed_out(world, alice, one):
    _, batch = one
    with reverts("BetNotOpen", 77, 0):
        world.cash_out(alice, 77, batch, price_micro=UNIT)


def test_cash_out_works_while_paused(world, alice, one):
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    world.cash_out(alice, *one, price_micro=3 * UNIT)
    assert world.balance(alice) == DEPOSIT_MICRO - 7 * UNIT


# -- What has to stay free


def test_cash_out_leaves_what_receipts_may_need(world, alice, match, now):
    """A price above what a bet frees is paid from what is free beyond the reserve alone."""
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0, 30_000), stake_micro=UNIT, accepted_at_s=now)
    )
    world.set_limits(receipt_reserve_micro=BANKROLL_MICRO - 3 * UNIT)
    # The bet locks 2 units, so that 1 unit above the reserve is free; it frees 3 with its stake.
    book = world.book()
    assert world.sportsbook.houseFree() == BANKROLL_MICRO - 2 * UNIT
    assert world.sportsbook.releasable() == UNIT
    world.cash_out(alice, number, batch, price_micro=3 * UNIT)
    assert world.book()["pool_micro"] == book["pool_micro"] - 3 * UNIT
    assert world.sportsbook.releasable() == UNIT


def test_cash_out_that_costs_the_house_leaves_the_reserve(world, alice, bob, match, now):
    """Alice's stake covers Bob's bet: whatever she gets is paid from what is free."""
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 2, 10_001), stake_micro=9 * UNIT, accepted_at_s=now),
        world.sign(bob, Pick(match, 0, 30_000), stake_micro=9 * UNIT, accepted_at_s=now),
    )
    free, pool = world.sportsbook.houseFree(), world.book()["pool_micro"]
    place = next(i for i, r in enumerate(batch.records) if r.account == alice.account)
    world.set_limits(receipt_reserve_micro=free - 5 * UNIT + 1)
    with reverts("BankrollLocked", pool, pool + 1):
        world.cash_out(alice, number, batch, place, price_micro=5 * UNIT)
    world.set_limits(receipt_reserve_micro=free - 5 * UNIT)
    world.cash_out(alice, number, batch, place, price_micro=5 * UNIT)
    assert world.sportsbook.releasable() == 0
    assert world.sportsbook.houseFree() == free - 5 * UNIT


def test_cash_out_that_frees_money_goes_on_below_the_reserve(world, alice, one):
    world.set_limits(receipt_reserve_micro=NO_CAP)
    number, batch = one
    free = world.sportsbook.houseFree()
    # The bet locks 20 and its stake is 10: at 30 nothing is lost that was free.
    with reverts("CashOutTooHigh"):
        world.cash_out(alice, number, batch, price_micro=30 * UNIT + 1)
    world.cash_out(alice, number, batch, price_micro=30 * UNIT)
    assert world.sportsbook.houseFree() == free


def test_cash_out_never_takes_what_other_bets_lock(world, alice, bob):
    """Bob's bet is covered by Alice's stake on the other side: her way out is not paid from what
    he could win."""
    now = world.leave_in_bankroll(10 * UNIT)
    match = make_market(starts_at_s=now + 3_600)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 2, 11_000), stake_micro=10 * UNIT, accepted_at_s=now),
        world.sign(bob, Pick(match, 0, 30_000), stake_micro=10 * UNIT, accepted_at_s=now),
    )
    pool, stakes, locked = books(world)
    assert (pool, stakes, locked) == (30 * UNIT, 20 * UNIT, 10 * UNIT)
    place = next(i for i, r in enumerate(batch.records) if r.account == alice.account)
    world.ripen()
    with reverts("BankrollLocked", 30 * UNIT, 31 * UNIT):
        world.cash_out(alice, number, batch, place, price_micro=UNIT)
    world.cash_out(alice, number, batch, place, price_micro=0)
    assert books(world) == (30 * UNIT, 10 * UNIT, 20 * UNIT)
