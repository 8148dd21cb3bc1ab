"""Attacks on tokens of few and many decimals, and on shares: what an auditor tried that earns
nothing.

tokens of other decimals
├── a bond lost on purpose makes no share so dear that the next provider loses a unit
├── small steps at an odd price, exits in parts, fractions that are staked: nobody gains
├── a fee that rounds to nothing lets in no more than arrived
├── a permit counts for its amount, an authorization for its fee
├── a pause leaves everything as it was
└── the limits that the bankroll names hold, with commission due and bets open
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import Bankroll, FeeToken, ScaledToken, accounts

from protocol.typed_data import Result
from tests.contracts.test_decimals import check_solvent, leave, win
from tests.contracts.test_disputes import OtherHouse
from tests.contracts.test_relay import FAR_S
from tests.contracts.token_signatures import authorization, permit
from tests.contracts.world import World, reverts
from tests.support.people import key, key_address
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import EVERYTHING, EXIT_DELAY_S, UNIT


def worth(house: Any, holder: Any) -> int:
    return int(house.bankroll.previewRedeem(house.bankroll.balanceOf(holder)))


def profit_of(house: World, micro: int, number: int) -> None:
    """A stranger loses a bet of so much."""
    name, now_s = f"Home {number} v Away, 2025-05-25", house.now()
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    loser = house.stranger(number, micro)
    pick = Pick(game, 0, 20_000, name)
    bets = house.place(house.sign(loser, pick, stake_micro=micro, accepted_at_s=now_s))
    house.travel_to(game.starts_at_s + 7_200)
    house.publish_final(score(0, 1, game.starts_at_s + 7_000, name=name))
    house.settle(bets.number, bets.batch)


@pytest.fixture(params=[0, 2, 18])
def house(request: Any) -> World:
    return World(token_contract="ScaledToken", decimals=request.param)


def test_bond_lost_on_purpose_makes_no_later_provider_lose_a_unit(world):
    """A sole provider of one unit of a token without decimals loses a bond of a hundred, so that
    the share is dear; the next provider's deposit must not round to his."""
    token = ScaledToken.deploy(0, {"from": world.owner})
    other = OtherHouse(world, token)
    bank = Bankroll.at(other.book.BANKROLL())
    thief, victim = accounts[70], accounts[71]
    for who in (thief, victim):
        token.mint(who, 1_000, {"from": world.owner})
        for spender in (bank, other.results):
            token.approve(spender, EVERYTHING, {"from": who})
    bank.deposit(1, thief, {"from": thief})
    now_s = world.now()
    for i in range(3):
        result = Result(bytes([i + 1]) * 16, 1, 0, 0, 1, 0, now_s)
        other.publish(result)
        other.results.dispute(result.fixture, {"from": thief})
        other.results.rule(result.word(), {"from": world.arbiter})
    assert other.book.house() == 301 * UNIT
    for amount in (1, 3, 149, 150):
        before = bank.balanceOf(victim)
        bank.deposit(amount, victim, {"from": victim})
        got = bank.previewRedeem(bank.balanceOf(victim) - before)
        assert got >= amount - 1
    wealth = token.balanceOf(thief) + bank.previewRedeem(bank.balanceOf(thief))
    assert wealth < 1_000


@pytest.mark.parametrize("house", [0, 2], indirect=True)
def test_provider_gains_nothing_by_many_small_steps_at_an_odd_price(house):
    """The pool holds fractions of a unit; a provider comes and goes by a unit and by a share."""
    win(house, house.open_account(10), 1, 3 * UNIT, 123_457)
    house.set_limits(receipt_reserve_micro=0)
    thief, bank = accounts[70], house.bankroll
    house.token.mint(thief, house.scale.to_units(1_000 * UNIT), {"from": house.owner})
    house.token.approve(bank, EVERYTHING, {"from": thief})
    units, by = house.scale.to_units(UNIT), {"from": thief}
    start = house.token.balanceOf(thief)
    price = bank.previewRedeem(10 ** (bank.decimals() + 6))
    one = 10**6
    steps = (
        lambda: bank.deposit(1, thief, by),
        lambda: bank.mint(one + 1, thief, by),
        lambda: bank.mint(one - 1, thief, by),
        lambda: bank.withdraw(1, thief, thief, by),
        lambda: bank.deposit(7 * units + 1, thief, by),
        lambda: bank.withdraw(1, thief, thief, by),
        lambda: bank.redeem(3 * one + 1, thief, thief, by),
        lambda: bank.withdraw(2, thief, thief, by),
        lambda: bank.redeem(one, thief, thief, by),
        lambda: bank.redeem(bank.balanceOf(thief), thief, thief, by),
    )
    for step in steps:
        step()
        wealth = house.token.balanceOf(thief) + worth(house, thief)
        assert wealth <= start
        check_solvent(house)
    assert bank.previewRedeem(10 ** (bank.decimals() + 6)) >= price


@pytest.mark.parametrize("house", [0, 2], indirect=True)
def test_bettor_gains_no_fraction_by_leaving_in_parts(house):
    """Exits of parts that are no whole units, one after the other, and a fee for each."""
    alice = house.open_account(10, UNIT * 3)
    total = 3 * UNIT + win(house, alice, 1, UNIT, 13_337) - UNIT
    assert house.balance(alice) == total
    for asked in (1, UNIT - 1, UNIT + 1, UNIT + UNIT // 2, 2**63):
        leave(house, alice, asked)
        got = house.token.balanceOf(alice.address) * house.scale.micro_per_unit
        assert got + house.balance(alice) == total
    assert house.balance(alice) < house.scale.micro_per_unit


def test_fee_that_rounds_to_nothing_lets_in_no_more_than_arrived(world):
    """A token of two decimals keeps a hundredth, rounded down: deposits of 99 units pay none."""
    token = FeeToken.deploy(2, {"from": world.owner})
    book = world.deploy_book(token)
    bank, by = Bankroll.at(book.BANKROLL()), {"from": world.owner}
    token.mint(world.owner, 10**9, by)
    for spender in (book, bank):
        token.approve(spender, EVERYTHING, by)
    book.deposit(UNIT - 10_000, by)
    assert book.accountAt(1)[1] == UNIT - 10_000
    book.deposit(UNIT, by)
    assert book.accountAt(1)[1] == 2 * UNIT - 20_000
    bank.deposit(99, world.owner, by)
    with reverts("ERC20InsufficientBalance"):
        bank.deposit(100, world.owner, by)
    token.mint(bank, 50, by)
    with reverts("TokenTakesFee", 100, 99):
        bank.deposit(100, world.owner, by)
    held = book.accountAt(1)[1] + book.house()
    assert token.balanceOf(book) * 10_000 == held


def test_permit_counts_for_its_own_amount_alone(house):
    """What she permitted in units is taken for another amount in micro-units, and in part."""
    carol, sender = key(12), accounts[61]
    owner, unit = key_address(carol), house.scale.micro_per_unit
    units = house.scale.to_units(10 * UNIT)
    house.token.mint(owner, 3 * units, {"from": house.owner})
    signed = permit(house, carol, units)
    for amount in (UNIT, 20 * UNIT, 10 * UNIT + unit, 10 * UNIT + 1):
        with reverts("PermitInvalid|AmountUneven"):
            house.sportsbook.depositWithPermit(owner, amount, FAR_S, *signed, {"from": sender})
    # One that is not whole micro-units is for nothing.
    if house.scale.units_per_micro > 1:
        odd = permit(house, carol, units + 1)
        with reverts("PermitInvalid"):
            house.sportsbook.depositWithPermit(owner, 10 * UNIT, FAR_S, *odd, {"from": sender})
    house.sportsbook.depositWithPermit(owner, 10 * UNIT, FAR_S, *signed, {"from": sender})
    with reverts("PermitInvalid"):
        house.sportsbook.depositWithPermit(owner, 10 * UNIT, FAR_S, *signed, {"from": sender})
    assert house.token.allowance(owner, house.sportsbook) == 0
    check_solvent(house)


def test_fee_of_an_authorization_is_the_one_she_signed(house):
    """Who sends it asks for more, for less of the deposit, and for all of it."""
    carol, sender, salt = key(12), accounts[61], b"\x09" * 32
    owner, units = key_address(carol), house.scale.to_units
    house.token.mint(owner, units(20 * UNIT), {"from": house.owner})
    signed = authorization(house, carol, units(10 * UNIT), UNIT, salt)
    for amount, fee in ((10 * UNIT, 2 * UNIT), (9 * UNIT, UNIT), (10 * UNIT, 0), (11 * UNIT, UNIT)):
        with reverts("AuthorizationInvalid"):
            terms = (owner, amount, fee, 0, FAR_S, salt, *signed)
            house.sportsbook.depositWithAuthorization(*terms, {"from": sender})
    all_of_it = authorization(house, carol, units(10 * UNIT), 10 * UNIT, salt)
    with reverts("AmountZero"):
        terms = (owner, 10 * UNIT, 10 * UNIT, 0, FAR_S, salt, *all_of_it)
        house.sportsbook.depositWithAuthorization(*terms, {"from": sender})
    before = house.token.balanceOf(sender)
    house.sportsbook.depositWithAuthorization(
        owner, 10 * UNIT, UNIT, 0, FAR_S, salt, *signed, {"from": sender}
    )
    assert house.token.balanceOf(sender) - before == units(UNIT)
    check_solvent(house)


def test_pool_of_a_paused_token_is_whole_after_it(house):
    """Deposit, exit, withdrawal and redemption while nothing moves, and again after."""
    alice = house.open_account(10, 5 * UNIT)
    asked = house.sportsbook.requestExit(5 * UNIT, house.sender(alice))
    house.travel_to(asked.timestamp + EXIT_DELAY_S)
    by = {"from": house.owner}
    house.token.setPaused(True, by)
    units = house.scale.to_units
    for act, given, sent in (
        (house.sportsbook.exit, (), house.sender(alice)),
        (house.sportsbook.deposit, (UNIT,), by),
        (house.bankroll.deposit, (units(UNIT), house.owner), by),
        (house.bankroll.withdraw, (units(UNIT), house.owner, house.owner), by),
    ):
        with reverts("Paused"):
            act(*given, sent)
    house.token.setPaused(False, by)
    assert house.balance(alice) == 5 * UNIT
    house.sportsbook.exit(house.sender(alice))
    assert house.token.balanceOf(alice.address) == units(5 * UNIT)
    check_solvent(house)


def test_fraction_that_stays_is_staked_and_lost_to_the_house(house):
    """She bets the fraction of a unit that an exit left, and then has nothing at all."""
    alice = house.open_account(10, UNIT)
    paid = win(house, alice, 1, UNIT, 13_337)
    leave(house, alice, 2**63)
    rest = house.balance(alice)
    assert rest == paid % house.scale.micro_per_unit
    if not rest:
        return
    before = house.sportsbook.house()
    name, now_s = "Last v Chance, 2025-05-25", house.now()
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    pick = Pick(game, 2, 20_000, name)
    bets = house.place(house.sign(alice, pick, stake_micro=rest, accepted_at_s=now_s, nonce=2))
    house.travel_to(game.starts_at_s + 7_200)
    house.publish_final(score(1, 0, game.starts_at_s + 7_000, name=name))
    house.settle(bets.number, bets.batch)
    assert house.balance(alice) == 0
    assert house.sportsbook.house() == before + rest
    check_solvent(house)


# -- What the bankroll says of itself


@pytest.mark.parametrize("decimals", [0, 6, 18])
def test_limits_of_the_bankroll_hold_with_commission_due_and_bets_open(decimals):
    """Everybody takes exactly what the views name, while a fifth of the profit is due."""
    house = World(2_000, token_contract="ScaledToken", decimals=decimals)
    profit_of(house, 9_999 * UNIT, 41)
    now_s, name = house.now(), "Left v Right, 2025-05-25"
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    bettor = house.stranger(42, 700_000 * UNIT)
    pick = Pick(game, 0, 10_100, name)
    house.place(house.sign(bettor, pick, stake_micro=700_000 * UNIT - 7, accepted_at_s=now_s))
    bank, by, late = house.bankroll, {"from": house.owner}, accounts[70]
    units = house.scale.to_units
    house.token.mint(late, units(5_000 * UNIT), by)
    house.token.approve(bank, EVERYTHING, {"from": late})
    before = house.token.balanceOf(late)
    asked = bank.previewMint(7 * 10 ** bank.decimals() + 1)
    bank.mint(7 * 10 ** bank.decimals() + 1, late, {"from": late})
    assert before - house.token.balanceOf(late) == asked
    assert bank.highWaterMark() > 0
    check_solvent(house)
    free = bank.maxWithdraw(house.owner)
    shares = bank.maxRedeem(house.owner)
    with reverts("ERC4626ExceededMaxWithdraw"):
        bank.withdraw(free + house.scale.units_per_micro, house.owner, house.owner, by)
    with reverts("ERC4626ExceededMaxRedeem"):
        bank.redeem(shares + 1, house.owner, house.owner, by)
    before = house.token.balanceOf(house.owner)
    bank.redeem(shares, house.owner, house.owner, by)
    assert free == house.token.balanceOf(house.owner) - before
    assert bank.maxWithdraw(late) == 0 == bank.maxRedeem(late)
    check_solvent(house)
