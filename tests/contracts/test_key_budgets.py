"""How much each key of the house may commit.

a budget
├── is there at once, and again within a day, little by little
├── is spent by what a batch raises what is locked by: slips above it are left out
├── is spent by what a receipt or a quote pays above the stake, whatever it nets
├── is spent by the whole price of a cash-out
├── is each key's own
└── does not come back to a key that is retired
"""

from __future__ import annotations

import pytest

from protocol.placed_event import SkipReason
from protocol.roles import Role
from protocol.typed_data import CashOut
from tests.contracts.events import placed
from tests.contracts.test_keys import SPARE, spare
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned
from tests.support.people import key, key_address
from tests.support.signing import quote_of
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BUDGET_PERIOD_S,
    NO_CAP,
    NOTICE_S,
    RECEIPT_BUDGET_MICRO,
    RECEIPT_WINDOW_S,
    UNIT,
)

DAY_S = 86_400


def left_of(world, address):
    return world.sportsbook.keyOf(address)[4]


@pytest.fixture
def spent(world):
    """A second key of each role with a budget of 10 units, whose notice is over; their secrets by
    role, and the time."""
    secrets = {role: key(SPARE + int(role)) for role in (Role.OPERATOR, Role.RECEIPTS)}
    secrets[Role.CASH_OUTS] = key(SPARE + int(Role.CASH_OUTS))
    for role, secret in secrets.items():
        world.grant(key_address(secret), role, 10 * UNIT)
    world.travel_to(world.clock() + NOTICE_S)
    return secrets


# -- Budgets: a leaky bucket


def receipt(world, bettor, secret, stake_micro, nonce, *picks):
    """Enforce a slip of this stake at even odds by this key."""
    at_s = world.clock()
    picks = picks or (Pick(make_market(starts_at_s=at_s + DAY_S), 0),)
    signed = world.sign(bettor, *picks, stake_micro=stake_micro, accepted_at_s=at_s, nonce=nonce)
    return world.enforce(signed, world.receipt(signed, secret))


def test_budget_is_there_at_once_and_not_a_unit_more(world, alice, spent):
    secret = spent[Role.RECEIPTS]
    address = key_address(secret)
    with reverts("BudgetExceeded", 10 * UNIT, 10 * UNIT + 1):
        receipt(world, alice, secret, 10 * UNIT + 1, 1)
    receipt(world, alice, secret, 4 * UNIT, 1)
    at_s = world.clock()
    assert left_of(world, address) == 6 * UNIT
    world.at(at_s + 1)
    with reverts("BudgetExceeded", 6 * UNIT + 10 * UNIT // BUDGET_PERIOD_S, 7 * UNIT):
        receipt(world, alice, secret, 7 * UNIT, 2)


@pytest.mark.parametrize("waited_s", [1, 3_600, DAY_S // 2, DAY_S - 1])
def test_budget_comes_back_by_the_second(world, alice, spent, waited_s):
    secret = spent[Role.RECEIPTS]
    receipt(world, alice, secret, 10 * UNIT, 1)
    assert left_of(world, key_address(secret)) == 0
    world.travel_to(world.clock() + waited_s)
    back = 10 * UNIT * waited_s // BUDGET_PERIOD_S
    assert 0 < back < 10 * UNIT
    assert left_of(world, key_address(secret)) == back


def test_budget_is_whole_again_after_a_day_and_does_not_grow(world, alice, spent):
    secret = spent[Role.RECEIPTS]
    receipt(world, alice, secret, 10 * UNIT, 1)
    for days in (1, 1, 300):
        world.travel_to(world.clock() + days * BUDGET_PERIOD_S)
        assert left_of(world, key_address(secret)) == 10 * UNIT
    receipt(world, alice, secret, 10 * UNIT, 2)
    assert left_of(world, key_address(secret)) == 0


def test_budget_of_a_thief_is_at_most_twice_within_a_day(world, alice, spent):
    """All at once, and then whatever comes back, as often as there is something."""
    secret, taken, nonce = spent[Role.RECEIPTS], 0, 1
    start_s = world.clock()
    receipt(world, alice, secret, 10 * UNIT, nonce)
    taken += 10 * UNIT
    for hours in range(1, 24):
        world.travel_to(start_s + hours * 3_600)
        left = left_of(world, key_address(secret))
        nonce += 1
        receipt(world, alice, secret, left, nonce)
        taken += left
    assert 19 * UNIT < taken <= 20 * UNIT


def test_receipts_spend_what_they_pay_above_the_stake_whatever_they_net(world, alice, spent):
    """Both sides of a match lock nothing together, and a thief wins one of them."""
    secret = spent[Role.RECEIPTS]
    match = make_market(starts_at_s=world.clock() + DAY_S)
    receipt(world, alice, secret, 4 * UNIT, 1, Pick(match, 0))
    receipt(world, alice, secret, 4 * UNIT, 2, Pick(match, 2))
    assert world.book()["locked_micro"] == 0
    assert 2 * UNIT <= left_of(world, key_address(secret)) < 2 * UNIT + UNIT // 100
    with reverts("BudgetExceeded"):
        receipt(world, alice, secret, 3 * UNIT, 3, Pick(match, 2))


@pytest.mark.parametrize("legs", [1, 2])
def test_receipt_of_one_leg_spends_as_one_of_two_does(world, alice, spent, legs):
    """4 for a stake of 2 at odds of 3, in one leg or in two."""
    secret = spent[Role.RECEIPTS]
    at_s = world.clock()
    odds = (30_000,) if legs == 1 else (15_000, 20_000)
    picks = [
        pick_elsewhere(at_s + DAY_S, 0, odds_e4, name=f"A{i} v B{i}, 2025-05-25")
        for i, odds_e4 in enumerate(odds)
    ]
    receipt(world, alice, secret, 2 * UNIT, 1, *picks)
    assert left_of(world, key_address(secret)) == 6 * UNIT


@pytest.mark.parametrize("legs", [1, 2])
def test_quotes_spend_the_budget_of_receipts(world, alice, spent, legs):
    secret = spent[Role.RECEIPTS]
    at_s = world.clock()
    picks = (Pick(make_market(starts_at_s=at_s + DAY_S), 0), pick_elsewhere(at_s + DAY_S))[:legs]
    quote = quote_of(*picks, deadline_s=2**40 - 1, max_stake_micro=NO_CAP)
    factor = 2**legs - 1

    def place(stake_micro, nonce):
        data = pack_unsigned(alice, *picks, stake_micro=stake_micro, nonce=nonce)
        world.place_quoted(alice, quote, data, world.sign_quote(quote, secret))

    most = 10 * UNIT // factor
    with reverts("BudgetExceeded", 10 * UNIT, (most + 1) * factor):
        place(most + 1, 1)
    place(most, 1)
    assert left_of(world, key_address(secret)) == 10 * UNIT - most * factor


def test_cash_outs_spend_their_whole_price(world, alice, now, spent):
    """To give a losing bet's stake back costs the house as much."""
    secret = spent[Role.CASH_OUTS]
    at_s = world.clock()
    home = Pick(make_market(starts_at_s=at_s + DAY_S), 0, 20_000)
    number, batch, _ = world.place(
        world.sign(alice, home, stake_micro=8 * UNIT, accepted_at_s=at_s, nonce=1),
        world.sign(alice, home, stake_micro=8 * UNIT, accepted_at_s=at_s, nonce=2),
    )
    offered_s = world.ripen()

    def end(bet, price_micro):
        terms = (bet, 8 * UNIT, price_micro, offered_s, 2**40 - 1)
        house = world.sign_cash_out(CashOut(alice.account, number, *terms), secret)
        world.cash_out(
            alice, number, batch, bet, price_micro=price_micro, offered_at_s=offered_s, house=house
        )

    with reverts("BudgetExceeded", 10 * UNIT, 10 * UNIT + 1):
        end(0, 10 * UNIT + 1)
    end(0, 8 * UNIT)
    assert left_of(world, key_address(secret)) == 2 * UNIT
    with reverts("BudgetExceeded"):
        end(1, 3 * UNIT)
    end(1, 2 * UNIT)


# -- Budgets: an operator's


def operate(world, secret, *signed):
    data = pack(*signed)
    return placed(world.sportsbook.placeBatch(data, {"from": key_address(secret)}))


@pytest.mark.parametrize("legs", [1, 2])
def test_operator_leaves_out_what_its_budget_does_not_cover(world, alice, spent, legs):
    """Slip by slip, as if the bankroll were no larger. What is left out is no reason to revert."""
    secret = spent[Role.OPERATOR]
    at_s = world.clock()
    picks = (Pick(make_market(starts_at_s=at_s + DAY_S), 0), pick_elsewhere(at_s + DAY_S))[:legs]
    stakes = (3, 4, 3, 1) if legs == 1 else (1, 3, 2, 1)
    stakes = [units * UNIT for units in stakes]
    # Even odds risk the stake; two legs risk three times the stake.
    factor = 2**legs - 1
    slips = [
        world.sign(alice, *picks, stake_micro=stake, accepted_at_s=at_s, nonce=1 + i)
        for i, stake in enumerate(stakes)
    ]
    budget, expected = 10 * UNIT, []
    for i, stake in enumerate(stakes):
        if stake * factor <= budget:
            budget -= stake * factor
            expected.append(1 + i)
    said = operate(world, secret, *slips)
    assert [record.nonce for record in said.batch.records] == expected
    assert {skip.reason for skip in said.skips} == {SkipReason.EXPOSURE_EXCEEDED}
    assert left_of(world, key_address(secret)) == budget
    assert world.book()["locked_micro"] == 10 * UNIT - budget


def test_operator_spends_by_how_much_it_raises_what_is_locked(world, alice, spent):
    """Two sides of a market that net cost it nothing, and what lowers it gives nothing back."""
    secret = spent[Role.OPERATOR]
    at_s = world.clock()
    match = make_market(starts_at_s=at_s + DAY_S)

    def bet(outcome, units, nonce):
        at_s = world.clock()
        return world.sign(
            alice, Pick(match, outcome), stake_micro=units * UNIT, accepted_at_s=at_s, nonce=nonce
        )

    operate(world, secret, bet(0, 8, 1), bet(2, 8, 2))
    assert world.book()["locked_micro"] == 0
    assert left_of(world, key_address(secret)) == 10 * UNIT
    operate(world, secret, bet(0, 10, 3))
    assert left_of(world, key_address(secret)) == 0
    operate(world, secret, bet(2, 10, 4))
    assert world.book()["locked_micro"] == 0
    assert left_of(world, key_address(secret)) < UNIT // 100
    skips = operate(world, secret, bet(0, 1, 5)).skips
    assert [skip.reason for skip in skips] == [SkipReason.EXPOSURE_EXCEEDED]


def test_budget_is_each_key_s_own(world, alice, spent):
    secret = spent[Role.OPERATOR]
    at_s = world.clock()
    home = Pick(make_market(starts_at_s=at_s + DAY_S), 0)
    slips = [
        world.sign(alice, home, stake_micro=10 * UNIT, accepted_at_s=at_s, nonce=nonce)
        for nonce in (1, 2)
    ]
    assert len(operate(world, secret, slips[0]).batch.records) == 1
    assert operate(world, secret, slips[1]).skips
    assert left_of(world, world.operator.address) == NO_CAP
    assert len(world.place(slips[1]).batch.records) == 1
    assert left_of(world, world.receipt_signer.address) == RECEIPT_BUDGET_MICRO


# -- Budgets of retired keys


def test_retired_key_has_what_was_left_of_its_budget_and_gets_no_more(world, alice, spent):
    """Whoever has stolen it can back-date receipts, and gets the rest; time gives no more."""
    secret = spent[Role.RECEIPTS]
    receipt(world, alice, secret, 6 * UNIT, 1)
    world.travel_to(world.clock() + 100)
    retired_s = world.retire(key_address(secret)).timestamp
    left = left_of(world, key_address(secret))
    assert 4 * UNIT < left < 4 * UNIT + UNIT // 10
    home = Pick(make_market(starts_at_s=retired_s + DAY_S), 0)

    def back_dated(stake_micro, nonce):
        signed = world.sign(
            alice, home, stake_micro=stake_micro, accepted_at_s=retired_s, nonce=nonce
        )
        world.enforce(signed, world.receipt(signed, secret))

    world.travel_to(retired_s + RECEIPT_WINDOW_S - 10)
    assert left_of(world, key_address(secret)) == left
    with reverts("BudgetExceeded", left, left + 1):
        back_dated(left + 1, 2)
    back_dated(left - UNIT, 2)
    assert left_of(world, key_address(secret)) == UNIT
    back_dated(UNIT, 3)
    with reverts("BudgetExceeded", 0, 1):
        back_dated(1, 4)
    world.travel_to(retired_s + 10 * DAY_S)
    assert left_of(world, key_address(secret)) == 0


def test_key_without_a_budget_commits_nothing(world, alice, now):
    """The least that can be granted; and an odd bet that pays its stake back and no more."""
    world.replace_key(Role.RECEIPTS, spare(), 0)
    with reverts("BudgetExceeded", 0, 1):
        receipt(world, alice, key(SPARE), 1, 1)
    at_s = world.clock()
    least = Pick(make_market(starts_at_s=at_s + DAY_S), 0, 10_001)
    receipt(world, alice, key(SPARE), 1, 1, least)
