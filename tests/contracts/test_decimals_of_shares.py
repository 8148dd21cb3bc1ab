"""The bankroll on tokens with 0 to 18 decimals.

shares
├── are priced in the token: the first ones cost a millionth of a unit
├── are given and taken at what was previewed, rounded against the caller
├── have maxima that can be taken, and no more
└── have a price, or say that they have none, however many tokens are given or lost
commission
└── is paid in whole units of the token
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts

from tests.contracts.conftest import DECIMALS
from tests.contracts.test_decimals import check_solvent, leave, moved, win
from tests.contracts.world import World, reverts
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    BANKROLL_MICRO,
    EVERYTHING,
    MAX_MICRO,
    UNIT,
)

VIRTUAL_SHARES = 10**6


# -- The bankroll


@pytest.fixture
def provider(house: World) -> Any:
    """Somebody with tokens and an approval; bets were won and lost by fractions before."""
    account = accounts[70]
    house.token.mint(account, house.scale.to_units(BANKROLL_MICRO), {"from": house.owner})
    house.token.approve(house.bankroll, EVERYTHING, {"from": account})
    win(house, house.open_account(10), 1, 3 * UNIT, 123_457)
    return account


def test_first_shares_cost_a_millionth_of_a_unit(house):
    units = house.scale.to_units(BANKROLL_MICRO)
    assert house.bankroll.balanceOf(house.owner) == units * 10**6
    assert house.bankroll.totalAssets() == units
    one = 10 ** house.bankroll.decimals()
    assert house.bankroll.previewMint(one) == house.scale.to_units(UNIT)
    assert house.bankroll.previewRedeem(one) == house.scale.to_units(UNIT)


def test_previews_are_what_happens(house, provider):
    bank, by, token = house.bankroll, {"from": provider}, house.token
    units = house.scale.to_units(UNIT)
    odd = 10 ** bank.decimals() // 7

    before = token.balanceOf(provider)
    shares = bank.previewDeposit(5 * units)
    bank.deposit(5 * units, provider, by)
    assert (moved(house, provider, before), bank.balanceOf(provider)) == (-5 * units, shares)

    before = token.balanceOf(provider)
    assets = bank.previewMint(20 * odd)
    bank.mint(20 * odd, provider, by)
    assert moved(house, provider, before) == -assets
    assert bank.balanceOf(provider) == shares + 20 * odd

    before, held = token.balanceOf(provider), bank.balanceOf(provider)
    shares = bank.previewWithdraw(2 * units)
    bank.withdraw(2 * units, provider, provider, by)
    assert (moved(house, provider, before), held - bank.balanceOf(provider)) == (2 * units, shares)

    before, held = token.balanceOf(provider), bank.balanceOf(provider)
    assets = bank.previewRedeem(15 * odd)
    bank.redeem(15 * odd, provider, provider, by)
    assert (moved(house, provider, before), held - bank.balanceOf(provider)) == (assets, 15 * odd)


def test_prices_round_against_the_caller(house, provider):
    """No deposit that is withdrawn at once gains anything."""
    bank, by = house.bankroll, {"from": provider}
    least = house.scale.units_per_micro
    for count in (1, 3, 1_001):
        before = house.token.balanceOf(provider)
        bank.deposit(count * least, provider, by)
        bank.redeem(bank.balanceOf(provider), provider, provider, by)
        assert -2 * least <= moved(house, provider, before) <= 0
    for shares in (1, 10 ** bank.decimals() // 3):
        before = house.token.balanceOf(provider)
        bank.mint(shares, provider, by)
        bank.redeem(shares, provider, provider, by)
        assert -2 * least <= moved(house, provider, before) <= 0


@pytest.mark.parametrize("house", [8, 18], indirect=True)
def test_assets_of_no_whole_micro_unit_are_refused(house, provider):
    bank, by, least = house.bankroll, {"from": provider}, house.scale.units_per_micro
    bank.deposit(9 * least, provider, by)
    for assets in (1, least - 1, 5 * least + 1):
        for ask in (bank.previewDeposit, bank.previewWithdraw):
            with reverts("AmountUneven", assets, least):
                ask(assets)
        with reverts("AmountUneven", assets, least):
            bank.deposit(assets, provider, by)
        with reverts("AmountUneven", assets, least):
            bank.withdraw(assets, provider, provider, by)
    # What shares are worth is rounded to them.
    assert bank.previewMint(1) == least
    assert bank.previewRedeem(10**6 * least - 1) == 0


def test_maxima_can_be_taken_and_no_more(house, provider, alice_bets):
    bank, owner = house.bankroll, house.owner
    by, least = {"from": owner}, house.scale.units_per_micro
    most, free = bank.maxWithdraw(owner), house.sportsbook.releasable()
    assert most == house.scale.to_units(free - free % house.scale.micro_per_unit)
    with reverts("ERC4626ExceededMaxWithdraw", owner.address, most + least, most):
        bank.withdraw(most + least, owner, owner, by)
    shares = bank.maxRedeem(owner)
    assert bank.previewRedeem(shares) == most
    assert bank.previewRedeem(shares + 1) == most + least
    bank.redeem(shares, owner, owner, by)
    check_solvent(house)
    assert house.sportsbook.releasable() < house.scale.micro_per_unit
    # Nothing can be released: shares would be given away.
    assert bank.maxWithdraw(owner) == bank.maxRedeem(owner) == 0
    with reverts("ERC4626ExceededMaxRedeem", owner.address, 1, 0):
        bank.redeem(1, owner, owner, by)


@pytest.fixture
def alice_bets(house: World, provider: Any) -> None:
    """Open bets, which lock money by fractions of a unit."""
    alice, now_s = house.open_account(11), house.now()
    match = make_market(starts_at_s=now_s + 3_600)
    slip = house.sign(alice, Pick(match, 0, 51_113), stake_micro=7_777_777, accepted_at_s=now_s)
    assert len(house.place(slip).batch.records) == 1
    check_solvent(house)


def test_deposits_end_at_56_bits_of_micro_units(house):
    owner, units = house.owner, house.scale.to_units
    unit = house.scale.micro_per_unit
    held = house.scale.to_micro_down(house.token.balanceOf(house.sportsbook))
    space = (MAX_MICRO - held) // unit * unit
    assert house.bankroll.maxDeposit(owner) == units(space)
    by = {"from": owner}
    house.token.mint(owner, units(space), by)
    with reverts("DepositTooLarge", held + space + unit):
        house.sportsbook.deposit(space + unit, by)
    least = units(unit)
    with reverts("ERC4626ExceededMaxDeposit", owner.address, units(space) + least, units(space)):
        house.bankroll.deposit(units(space) + least, owner, by)
    shares = house.bankroll.maxMint(owner)
    house.bankroll.mint(shares, owner, by)
    assert house.bankroll.maxDeposit(owner) == 0
    check_solvent(house)


def test_maxima_are_nothing_when_donations_fill_the_house(house):
    house.token.mint(house.sportsbook, house.scale.to_units(2 * 10**17), {"from": house.owner})
    assert house.bankroll.maxDeposit(house.owner) == house.bankroll.maxMint(house.owner) == 0


@pytest.mark.parametrize("decimals", DECIMALS)
def test_commission_is_worth_its_part_of_the_profit(decimals):
    house = World(commission_bps=2_000, token_contract="ScaledToken", decimals=decimals)
    alice, now_s = house.open_account(10, 500 * UNIT), house.now()
    match = make_market(starts_at_s=now_s + 3_600)
    slip = house.sign(alice, Pick(match, 2), stake_micro=500 * UNIT, accepted_at_s=now_s)
    placed = house.place(slip)
    house.end_match(match)
    house.settle(placed.number, placed.batch)
    assert house.bankroll.netDeposits() == BANKROLL_MICRO
    tx = house.bankroll.payCommission({"from": house.owner})
    said = tx.events["CommissionCharged"]
    assert said["highWaterMark"] == 500 * UNIT == house.bankroll.highWaterMark()
    assert tx.events["CommissionPaid"]["amount"] == 100 * UNIT == said["owed"]
    assert house.token.balanceOf(house.partner) == house.scale.to_units(100 * UNIT)


@pytest.mark.parametrize("decimals", [0, 2])
def test_commission_of_less_than_a_unit_waits(decimals):
    """A fifth of 1.000007 is 0.200001, of which the token can pay 0.20, or nothing."""
    house = World(commission_bps=2_000, token_contract="ScaledToken", decimals=decimals)
    alice, now_s = house.open_account(10, 2 * UNIT), house.now()
    match = make_market(starts_at_s=now_s + 3_600)
    slip = house.sign(alice, Pick(match, 2), stake_micro=UNIT + 7, accepted_at_s=now_s)
    placed = house.place(slip)
    house.end_match(match)
    house.settle(placed.number, placed.batch)
    whole = 200_000 if decimals == 2 else 0
    assert house.bankroll.commissionOwed() == 200_001
    house.bankroll.payCommission({"from": house.owner})
    assert house.bankroll.commissionOwed() == 200_001 - whole
    assert house.token.balanceOf(house.partner) == whole // 10_000
    check_solvent(house)


# -- Constructors


@pytest.mark.parametrize("house", [0], indirect=True)
def test_views_answer_however_many_tokens_are_given(house):
    """A token without decimals, worth nothing, is given by the trillion."""
    alice = house.open_account(10, 5 * UNIT)
    house.token.mint(house.sportsbook, 2**240, {"from": house.owner})
    assert leave(house, alice, 2**63) == 5
    house.bankroll.withdraw(1, house.owner, house.owner, {"from": house.owner})
    with reverts("DepositTooLarge"):
        house.sportsbook.deposit(UNIT, {"from": house.owner})
    assert house.bankroll.maxDeposit(house.owner) == 0
    assert house.bankroll.maxMint(house.owner) == 0


@pytest.mark.parametrize(("decimals", "busts"), [(18, 1), (6, 4)])
def test_bankroll_that_is_lost_too_often_says_so(decimals, busts):
    """The house loses all it has, and the same provider puts the same in again, until there are too
    many shares that are worth nothing."""
    house = World(token_contract="ScaledToken", decimals=decimals)
    house.set_limits(receipt_reserve_micro=0)
    by, bank = {"from": house.owner}, house.bankroll
    bettor = house.open_account(10, BANKROLL_MICRO)
    again = (house.scale.to_units(BANKROLL_MICRO), house.owner)
    for i in range(busts + 1):
        assert house.sportsbook.houseFree() == BANKROLL_MICRO
        win(house, bettor, 1 + i, BANKROLL_MICRO, 20_000)
        assert house.sportsbook.house() == 0
        house.token.mint(house.owner, again[0], by)
        if i < busts:
            assert bank.maxDeposit(house.owner) >= again[0]
            bank.deposit(*again, by)
    supply = bank.totalSupply()
    most = bank.maxDeposit(house.owner)
    assert most < again[0]
    assert supply + bank.previewDeposit(most) < 2**256
    with reverts("BankrollLost", supply + VIRTUAL_SHARES, 0):
        bank.previewDeposit(again[0])
    with reverts("BankrollLost", supply + VIRTUAL_SHARES, 0):
        bank.previewWithdraw(again[0])
    with reverts("ERC4626ExceededMaxDeposit"):
        bank.deposit(*again, by)
