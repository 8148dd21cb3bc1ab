"""Tokens with 0 to 18 decimals. Everything is counted in micro-units; only tokens move in units of
their own. The bankroll's shares: test_decimals_of_shares.py.

a house on such a token
├── counts deposits of each kind in micro-units, and takes and pays what they are in the token
├── pays a fraction of a unit only once it is whole: withdrawals and fees of one are refused, an
│   exit leaves it in the account
├── refunds bonds and gives lost ones to the house
└── holds at least what it owes after every step
a token that keeps a fee
└── is counted in whole micro-units of what arrived; the rest is nobody's
constructors
├── revert for a token of more than 18 decimals, or one that does not say how many it has
└── revert for a bond that the token cannot move
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import Bankroll, FeeToken, Results, ScaledToken, accounts

from protocol.scale import Scale
from protocol.signatures import compact
from protocol.typed_data import Action, Request, Withdrawal
from tests.contracts.test_relay import FAR_S
from tests.contracts.token_signatures import authorization, permit
from tests.contracts.world import World, reverts
from tests.support.people import Bettor, council, key
from tests.support.signing import score, sign_raw, won_at_home
from tests.support.slips import NAME, Pick, make_market
from tests.support.terms import (
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EVERYTHING,
    EXIT_DELAY_S,
    NOTICE_S,
    UNIT,
)

# Odds at which a stake of a token wins a fraction that only a token of 6 decimals can pay.
THIRD_E4 = 13_337


def check_solvent(house: World) -> None:
    """What the sportsbook holds covers balances, open stakes and the house's money."""
    book = house.sportsbook
    balances = sum(book.accountAt(i + 1)[1] for i in range(book.accountCount()))
    pool, owed, locked = book.book()[:3]
    assert pool >= owed + locked
    held = house.token.balanceOf(book) * house.scale.micro_per_unit
    assert held >= (balances + pool) * house.scale.units_per_micro


def moved(house: World, holder: Any, before: int) -> int:
    """Units of the token that somebody got since."""
    check_solvent(house)
    return int(house.token.balanceOf(holder) - before)


def win(house: World, bettor: Bettor, nonce: int, stake_micro: int, odds_e4: int) -> int:
    """A bet of the bettor's is placed and won; what it is paid."""
    name, now_s = f"{NAME} {nonce}", house.now()
    match = make_market(starts_at_s=now_s + 3_600, name=name)
    pick = Pick(match, 0, odds_e4, name=name)
    slip = house.sign(bettor, pick, stake_micro=stake_micro, accepted_at_s=now_s, nonce=nonce)
    placed = house.place(slip)
    check_solvent(house)
    house.travel_to(match.starts_at_s + 7_200)
    house.publish_final(score(1, 0, match.starts_at_s + 7_000, name=name))
    house.settle(placed.number, placed.batch)
    check_solvent(house)
    return stake_micro * odds_e4 // 10_000


def withdraw(house: World, bettor: Bettor, amount_micro: int) -> int:
    """By the house's consent; units of the token that arrived."""
    sequence = house.sportsbook.accountAt(bettor.account)[4]
    signature = house.countersign(bettor, amount_micro, FAR_S, sequence)
    word = Withdrawal(bettor.account, amount_micro, FAR_S, sequence).word()
    before = house.token.balanceOf(bettor.address)
    house.sportsbook.withdrawGranted(signature, word, house.sender(bettor))
    return moved(house, bettor.address, before)


def leave(house: World, bettor: Bettor, amount_micro: int) -> int:
    """By an exit; units of the token that arrived."""
    asked = house.sportsbook.requestExit(amount_micro, house.sender(bettor))
    house.travel_to(asked.timestamp + EXIT_DELAY_S)
    before = house.token.balanceOf(bettor.address)
    house.sportsbook.exit(house.sender(bettor))
    return moved(house, bettor.address, before)


def test_scale_is_that_of_the_token(house):
    assert Scale.of_word(house.sportsbook.SCALE()) == house.scale
    assert house.scale.word() == house.sportsbook.SCALE()
    assert house.token.decimals() == house.bankroll.decimals() - 6


def test_deposits_of_each_kind_move_units_and_count_micro_units(house, sender):
    carol_key, salt = key(12), b"\x07" * 32
    carol = accounts[12]
    units = house.scale.to_units
    house.token.mint(carol, units(20 * UNIT), {"from": house.owner})

    house.token.approve(house.sportsbook, units(5 * UNIT), {"from": carol})
    tx = house.sportsbook.deposit(5 * UNIT, {"from": carol})
    assert tx.events["Deposited"]["amount"] == 5 * UNIT
    check_solvent(house)

    before = house.token.balanceOf(house.owner)
    house.sportsbook.depositFor(carol, 3 * UNIT, {"from": house.owner})
    assert moved(house, house.owner, before) == -units(3 * UNIT)

    signature = permit(house, carol_key, units(4 * UNIT))
    house.sportsbook.depositWithPermit(carol, 4 * UNIT, FAR_S, *signature, {"from": sender})
    check_solvent(house)

    signature = authorization(house, carol_key, units(7 * UNIT), UNIT, salt)
    terms = (carol, 7 * UNIT, UNIT, 0, FAR_S, salt, *signature)
    house.sportsbook.depositWithAuthorization(*terms, {"from": sender})
    assert moved(house, sender, 0) == units(UNIT)

    account = house.sportsbook.accountOf(carol)
    assert house.sportsbook.accountAt(account)[1] == (5 + 3 + 4 + 6) * UNIT
    assert house.token.balanceOf(carol) == units((20 - 5 - 4 - 7) * UNIT)


def test_deposit_of_a_fraction_is_refused(house, sender):
    unit = house.scale.micro_per_unit
    if unit == 1:
        house.sportsbook.depositFor(accounts[12], 1, {"from": house.owner})
        check_solvent(house)
        return
    for amount in (1, unit - 1, UNIT + 1):
        with reverts("AmountUneven", amount, unit):
            house.sportsbook.deposit(amount, {"from": house.owner})
        with reverts("AmountUneven", amount, unit):
            house.sportsbook.depositFor(accounts[12], amount, {"from": house.owner})
        with reverts("AmountUneven", amount, unit):
            house.sportsbook.depositWithPermit(
                house.owner, amount, FAR_S, 27, bytes(32), bytes(32), {"from": house.owner}
            )
    # The fee of an authorization, as what it deposits.
    signature = authorization(house, key(0), house.scale.to_units(UNIT), 1, bytes(32))
    for amount, fee, uneven in ((UNIT, 1, 1), (UNIT + 1, 1, UNIT + 1)):
        terms = (house.owner, amount, fee, 0, FAR_S, bytes(32), *signature)
        with reverts("AmountUneven", uneven, unit):
            house.sportsbook.depositWithAuthorization(*terms, {"from": sender})


def test_fraction_is_paid_once_it_is_whole(house):
    """Alice wins a third of a token three times."""
    alice = house.open_account(10, UNIT)
    units, unit = house.scale.to_units, house.scale.micro_per_unit
    paid = win(house, alice, 1, UNIT, THIRD_E4)
    assert house.balance(alice) == paid == 1_333_700
    whole = paid - paid % unit
    if unit > 1:
        for uneven in (1, whole + 1, paid):
            with reverts("AmountUneven", uneven, unit):
                withdraw(house, alice, uneven)
    assert withdraw(house, alice, unit) == units(unit)
    assert house.balance(alice) == paid - unit
    # An exit takes what is whole, and leaves the fraction for later.
    assert leave(house, alice, 2**63) == units(whole - unit)
    assert house.balance(alice) == paid - whole
    assert leave(house, alice, 2**63) == 0
    assert house.sportsbook.exitOf(alice.account)[0] == 0
    house.open_account(10, UNIT)
    rest = paid - whole + win(house, alice, 2, UNIT, 10**4 + 6_663)
    assert house.balance(alice) == rest
    assert leave(house, alice, rest + 1) == units(rest - rest % unit)
    assert house.balance(alice) == rest % unit


def test_exit_of_a_fraction_takes_the_whole_units_of_what_was_asked(house):
    alice = house.open_account(10, 5 * UNIT)
    unit = house.scale.micro_per_unit
    asked = 2 * UNIT + UNIT // 2 + 1
    whole = asked - asked % unit
    assert leave(house, alice, asked) == house.scale.to_units(whole)
    assert house.balance(alice) == 5 * UNIT - whole


def relay(house: World, bettor: Bettor, asked: Request, sender: Any) -> Any:
    signature = compact(sign_raw(house.domain, asked, bettor.key))
    return house.sportsbook.relay(asked.arguments(), signature, {"from": sender})


def leave_by_relay(house: World, bettor: Bettor, amount_micro: int, sender: Any) -> Any:
    asked = Request(bettor.account, Action.REQUEST_EXIT, amount_micro, 0, 0, FAR_S)
    return relay(house, bettor, asked, sender)


def test_relay_pays_a_fee_that_is_whole(house, sender):
    alice, unit = house.open_account(10, 9 * UNIT), house.scale.micro_per_unit
    requested = leave_by_relay(house, alice, 9 * UNIT, sender)
    house.travel_to(requested.timestamp + EXIT_DELAY_S)
    if unit > 1:
        uneven = Request(alice.account, Action.EXIT, 0, unit + 1, 1, FAR_S)
        with reverts("AmountUneven", unit + 1, unit):
            relay(house, alice, uneven, sender)
    relay(house, alice, Request(alice.account, Action.EXIT, 0, unit, 1, FAR_S), sender)
    assert moved(house, sender, 0) == house.scale.to_units(unit)
    assert moved(house, alice.address, 0) == house.scale.to_units(9 * UNIT - unit)
    assert house.balance(alice) == 0


def test_relay_takes_no_fee_from_a_fraction_that_stays(house, sender):
    """A fee is part of what leaves: whole units of what was asked."""
    alice, unit = house.open_account(10, 9 * UNIT), house.scale.micro_per_unit
    requested = leave_by_relay(house, alice, 2 * unit - 1, sender)
    whole = 2 * unit - 1 - (2 * unit - 1) % unit
    house.travel_to(requested.timestamp + EXIT_DELAY_S)
    with reverts("FeeTooHigh", 2 * unit, whole):
        relay(house, alice, Request(alice.account, Action.EXIT, 0, 2 * unit, 1, FAR_S), sender)
    relay(house, alice, Request(alice.account, Action.EXIT, 0, whole, 1, FAR_S), sender)
    assert moved(house, sender, 0) == house.scale.to_units(whole)
    assert moved(house, alice.address, 0) == 0
    assert house.balance(alice) == 9 * UNIT - whole


# -- Bonds


@pytest.mark.parametrize("changed", [True, False], ids=["refunded", "forfeited"])
def test_bond_is_paid_and_returned_in_the_token(house, changed):
    alice, now_s = house.open_account(10), house.now()
    match = make_market(starts_at_s=now_s + 3_600)
    house.place(house.sign(alice, Pick(match, 0), accepted_at_s=now_s))
    house.travel_to(match.starts_at_s + 7_200)
    house.publish(won_at_home(match))
    bond = house.scale.to_units(BOND_MICRO)
    tx = house.dispute()
    assert tx.events["ResultDisputed"]["bond"] == BOND_MICRO
    assert house.token.balanceOf(house.results) == bond
    assert house.token.balanceOf(accounts[20]) == 0
    before = house.sportsbook.house()
    house.rule(score(0 if changed else 1, 0, match.starts_at_s + 7_000))
    assert house.token.balanceOf(house.results) == 0
    assert house.token.balanceOf(accounts[20]) == (bond if changed else 0)
    assert house.sportsbook.house() - before == (0 if changed else BOND_MICRO)
    check_solvent(house)


def test_bond_that_the_token_cannot_move_is_refused(world):
    token = ScaledToken.deploy(2, {"from": world.owner})
    terms = (DISPUTE_WINDOW_S, NOTICE_S)
    signers = council(world.signer_keys, 2, world.arbiter.address)
    with reverts("AmountUneven", 12_345, 10_000):
        Results.deploy(world.owner, token, *terms, 12_345, signers, {"from": world.owner})


# -- Tokens that keep a fee


@pytest.fixture
def fee_house(world: World) -> tuple[Any, Any]:
    """A sportsbook on a token of 18 decimals that keeps a hundredth, and the token."""
    token = FeeToken.deploy(18, {"from": world.owner})
    book = world.deploy_book(token)
    token.mint(world.owner, 10**24, {"from": world.owner})
    token.approve(book, EVERYTHING, {"from": world.owner})
    return book, token


def test_fee_of_the_token_leaves_whole_micro_units(world, fee_house):
    book, token = fee_house
    by = {"from": world.owner}
    # 149 micro-units arrive as 147.51, of which 147 are counted.
    tx = book.deposit(149, by)
    assert tx.events["Deposited"]["amount"] == 147 == book.accountAt(1)[1]
    assert token.balanceOf(book) == 149 * 10**12 - 149 * 10**10
    # Two halves of a micro-unit make none.
    book.deposit(149, by)
    assert book.accountAt(1)[1] == 2 * 147
    asked = book.requestExit(2**63, by)
    world.travel_to(asked.timestamp + EXIT_DELAY_S)
    book.exit(by)
    assert token.balanceOf(book) == 2 * 51 * 10**10
    assert book.accountAt(1)[1] == 0


def test_fee_of_the_token_keeps_the_bankroll_shut(world, fee_house):
    book, token = fee_house
    bank, by = Bankroll.at(book.BANKROLL()), {"from": world.owner}
    token.approve(bank, EVERYTHING, by)
    token.mint(bank, 10**18, by)
    with reverts("TokenTakesFee", 10**18, 99 * 10**16):
        bank.deposit(10**18, world.owner, by)


# -- Constructors


def test_token_of_more_than_18_decimals_is_refused(world):
    token = ScaledToken.deploy(19, {"from": world.owner})
    with reverts("TokenDecimalsUnsupported", 19):
        world.deploy_book(token)


def test_token_without_decimals_is_refused(world):
    for token in (world.harness.address, accounts[30].address):
        with reverts("TokenDecimalsMissing", token):
            world.deploy_book(token)
