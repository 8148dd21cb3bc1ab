"""Attacks with one stolen key of the house (F8 of docs/attacks.md).

a stolen key
├── of receipts costs its budget at most, retired or not, whatever nets
├── of cash-outs costs its budget at most, and no bet can be made and sold in one block
├── of withdrawals costs the house nothing
└── of the operator costs its budget at most
"""

from __future__ import annotations

import pytest
from brownie import accounts

from protocol.market_id import Kind
from protocol.placed_event import SkipReason
from protocol.roles import Role
from protocol.typed_data import CashOut, Withdrawal
from tests.contracts.attack_checks import reasons
from tests.contracts.events import placed
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned
from tests.support.people import key, key_address
from tests.support.signing import quote_of, score
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BANKROLL_MICRO,
    CASH_OUT_AGE_S,
    DEPOSIT_MICRO,
    RECEIPT_BUDGET_MICRO,
    UNIT,
)

DAY_S = 86_400
FAR_S = 2**40 - 1


def both_sides(world, thief, secret, stake_micro, odds_e4, at_s, nonce):
    """Yes and No of one match by receipts, so that one of them wins."""
    market = make_market(Kind.BOTH_TEAMS_TO_SCORE, starts_at_s=at_s + 3_600)
    made = []
    for side in range(2):
        signed = world.sign(
            thief,
            Pick(market, side, odds_e4),
            stake_micro=stake_micro,
            accepted_at_s=at_s,
            nonce=nonce + side,
        )
        made.append(world.enforce(signed, world.receipt(signed, secret)))
    return market, made


@pytest.mark.parametrize("retired", [False, True])
def test_stolen_key_of_receipts_costs_its_budget_at_most(world, now, retired):
    """F8. A stolen key won the whole free bankroll by receipts for both sides of a match at 2,001,
    while caps were 1, placing was paused, and the key retired: it dated them back. Now all that its
    receipts can win above their stakes is its budget."""
    thief = world.stranger(1, 3_000 * UNIT)
    at_s = world.clock()
    if retired:
        world.at(at_s + 1)
        world.retire(world.receipt_signer.address)
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    stake = 40 * UNIT
    odds_e4 = 10_000 + RECEIPT_BUDGET_MICRO * 10_000 // (2 * stake)
    market, made = both_sides(world, thief, key(2), stake, odds_e4, at_s, 1)
    third = world.sign(thief, Pick(market, 0, 2**31), stake_micro=UNIT, accepted_at_s=at_s, nonce=3)
    with reverts("BudgetExceeded"):
        world.enforce(third, world.receipt(third, key(2)))
    world.travel_to(market.starts_at_s + 7_200)
    world.publish_final(score(1, 0, market.starts_at_s + 7_000))
    for number, batch, _ in made:
        world.settle(number, batch)
    gained = world.balance(thief) - 3_000 * UNIT
    assert gained == BANKROLL_MICRO - world.sportsbook.house()
    assert gained <= RECEIPT_BUDGET_MICRO // 2


def test_stolen_key_of_receipts_is_bounded_over_both_ways_of_using_it(world, now):
    """F8. Receipts and quotes are signed by one key, and share its budget."""
    thief = world.stranger(1, 3_000 * UNIT)
    at_s = world.clock()
    home = Pick(make_market(starts_at_s=at_s + 3_600), 0, 10_010_000)
    signed = world.sign(thief, home, stake_micro=100 * UNIT, accepted_at_s=at_s)
    world.enforce(signed)
    quote = quote_of(home, deadline_s=FAR_S, max_stake_micro=UNIT)
    left = world.sportsbook.keyOf(world.receipt_signer)[4]
    assert left < RECEIPT_BUDGET_MICRO // 1_000
    with reverts("BudgetExceeded"):
        world.place_quoted(thief, quote, pack_unsigned(thief, home, stake_micro=UNIT, nonce=2))


def test_house_key_takes_nothing_in_one_block(world, now):
    """F8b. One key signed a receipt, a cash-out at all that it could win, and a withdrawal: the
    bankroll was gone in one block. Now there is a key for each, and no bet is young enough."""
    thief = world.stranger(1, 3_000 * UNIT)
    at_s = world.clock()
    home = Pick(make_market(starts_at_s=at_s + DAY_S), 0, 20_010_000)
    signed = world.sign(thief, home, stake_micro=UNIT, accepted_at_s=at_s)
    number, batch, _ = world.enforce(signed)
    offer = CashOut(thief.account, number, 0, UNIT, 2_001 * UNIT, world.clock(), FAR_S)
    terms = {"price_micro": offer.price_micro, "offered_at_s": offer.offered_at_s}
    with reverts("CashOutTooEarly", at_s + CASH_OUT_AGE_S):
        world.cash_out(thief, number, batch, **terms)
    world.ripen()
    # Alone, the key of receipts cannot sign it at any age.
    with reverts("CashOutUnsigned", world.receipt_signer.address):
        house = world.sign_cash_out(offer, key(2))
        world.cash_out(thief, number, batch, **terms, house=house)
    consent = world.countersign(thief, UNIT, FAR_S, 0, key(2))
    with reverts("WithdrawalUnsigned", world.receipt_signer.address):
        word = Withdrawal(thief.account, UNIT, FAR_S, 0).word()
        world.sportsbook.withdrawGranted(consent, word, world.sender(thief))


def test_stolen_key_of_cash_outs_costs_its_budget_at_most(world):
    """F8. A cash-out at the highest price paid all that the bet of a friend could win."""
    secret, budget = key(50), 100 * UNIT
    world.replace_key(Role.CASH_OUTS, key_address(secret), budget)
    thief = world.stranger(1, 3_000 * UNIT)
    at_s = world.clock()
    picks = [Pick(make_market(starts_at_s=at_s + DAY_S), 0, 60_000) for _ in range(6)]
    number, batch, _ = world.place(
        *(
            world.sign(thief, pick, stake_micro=10 * UNIT, accepted_at_s=at_s, nonce=1 + i)
            for i, pick in enumerate(picks)
        )
    )
    offered_s = world.ripen()

    def sell(bet, price_micro):
        terms = (bet, 10 * UNIT, price_micro, offered_s, FAR_S)
        house = world.sign_cash_out(CashOut(thief.account, number, *terms), secret)
        offer = {"price_micro": price_micro, "offered_at_s": offered_s, "house": house}
        world.cash_out(thief, number, batch, bet, **offer)

    before = world.balance(thief)
    sell(0, 60 * UNIT)
    for bet in range(1, 6):
        with reverts("BudgetExceeded"):
            sell(bet, 60 * UNIT)
    sell(1, 40 * UNIT)
    with reverts("BudgetExceeded"):
        sell(2, UNIT)
    assert world.balance(thief) - before == 100 * UNIT == budget


def test_stolen_key_of_withdrawals_costs_the_house_nothing(world, alice, bob, now):
    """F8. It lets an owner go who could go without it, after the exit delay; nobody else's money
    moves."""
    for amount in (DEPOSIT_MICRO + 1, 2**56 - 1):
        consent = world.countersign(alice, amount, FAR_S, 0)
        word = Withdrawal(alice.account, amount, FAR_S, 0).word()
        with reverts("BalanceInsufficient", alice.account, DEPOSIT_MICRO, amount):
            world.sportsbook.withdrawGranted(consent, word, world.sender(alice))
    consent = world.countersign(bob, DEPOSIT_MICRO, FAR_S, 0)
    word = Withdrawal(bob.account, DEPOSIT_MICRO, FAR_S, 0).word()
    with reverts("NotOwnerOf", bob.account, alice.address):
        world.sportsbook.withdrawGranted(consent, word, world.sender(alice))
    assert world.sportsbook.house() == BANKROLL_MICRO


def test_stolen_key_of_the_operator_costs_its_budget_at_most(world):
    """F8. In batch after batch, on market after market, at whatever odds the friend signed."""
    secret, budget = key(50), 100 * UNIT
    world.replace_key(Role.OPERATOR, key_address(secret), budget)
    friend = world.stranger(1, 3_000 * UNIT)
    at_s, won = world.clock(), []
    for i in range(12):
        name = f"Home {i} v Away {i}, 2025-05-25"
        pick = pick_elsewhere(at_s + DAY_S, 0, 100_000, name=name)
        signed = world.sign(
            friend, pick, stake_micro=2 * UNIT, accepted_at_s=world.clock(), nonce=1 + len(won)
        )
        tx = world.sportsbook.placeBatch(pack(signed), {"from": accounts[50]})
        said = placed(tx)
        if said.batch.records:
            won.append((said, name))
        else:
            assert reasons(said) == [SkipReason.EXPOSURE_EXCEEDED]
    # Each risks 18 of the 100; what came back within the minute is not enough for a sixth.
    assert len(won) == 5
    world.travel_to(at_s + DAY_S + 7_200)
    world.publish_final(*(score(1, 0, at_s + DAY_S, name=name) for _, name in won))
    for said, _ in won:
        world.settle(said.number, said.batch)
    assert world.sportsbook.house() >= BANKROLL_MICRO - budget
