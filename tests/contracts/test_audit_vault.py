"""Attacks on the bankroll by what ERC-4626 says of a vault, with a commission that is owed.

whoever calls
├── for nothing charges and moves nothing, also while deposits are shut
├── takes what the maxima say and not a unit more, at the price that was previewed
├── a hundred times for dust gains nothing, and nobody loses
└── while the token is shut, or refuses the receiver, finds everything as it was
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from brownie import accounts

from tests.contracts.commission import (
    RATE_BPS,
    SCALES,
    earned,
    end,
    house_that_owes,
    pay,
    played,
    provider_with,
)
from tests.contracts.test_audit_commission_again import NIGHT, bet, by_nobody, least, leave, worth
from tests.contracts.world import World, reverts
from tests.support.terms import UNIT


def state(world: World) -> tuple[int, ...]:
    """What is free and owed, what 1 of shares costs and is worth, and what can be deposited."""
    bank = world.bankroll
    one = 10 ** bank.decimals()
    return (
        world.sportsbook.houseFree(),
        bank.commissionOwed(),
        bank.previewMint(one),
        bank.previewRedeem(one),
        bank.maxDeposit(accounts[62]),
        bank.totalSupply(),
    )


def test_calls_for_nothing_charge_and_move_nothing_while_deposits_are_shut():
    world = house_that_owes()
    bank, nobody = world.bankroll, accounts[62]
    bet(world, 43, odds_e4=20_000, stake_micro=world.sportsbook.houseFree() - 300 * UNIT)
    before = state(world)
    assert bank.maxDeposit(nobody) == 0
    bank.deposit(0, nobody, by_nobody())
    bank.mint(0, nobody, by_nobody())
    for owner in (nobody, world.owner):
        bank.withdraw(0, nobody, owner, by_nobody())
        bank.redeem(0, nobody, owner, by_nobody())
    assert state(world) == before


def check_maxima_of_leaving(world: World, who: Any) -> None:
    bank, by, step = world.bankroll, {"from": who}, least(world)
    most = bank.maxWithdraw(who)
    assert bank.withdraw.call(most, who, who, by) == bank.previewWithdraw(most)
    assert bank.previewWithdraw(most) <= bank.balanceOf(who)
    with reverts("ERC4626ExceededMaxWithdraw"):
        bank.withdraw.call(most + step, who, who, by)
    shares = bank.maxRedeem(who)
    assets = bank.redeem.call(shares, who, who, by)
    assert most - step <= assets == bank.previewRedeem(shares)
    with reverts("ERC4626ExceededMaxRedeem"):
        bank.redeem.call(shares + 1, who, who, by)


def check_maxima_of_coming(world: World, who: Any) -> None:
    bank, by = world.bankroll, {"from": who}
    most = bank.maxDeposit(who)
    shares = bank.deposit.call(most, who, by)
    assert 0 < shares == bank.previewDeposit(most) == bank.maxMint(who)
    assert bank.mint.call(shares, who, by) == bank.previewMint(shares) <= most
    with reverts("ERC4626ExceededMaxDeposit"):
        bank.deposit.call(most + least(world), who, by)
    with reverts("ERC4626ExceededMaxMint"):
        bank.mint.call(shares + 1, who, by)


@SCALES
def test_maxima_can_be_taken_and_no_more_while_commission_is_owed(decimals):
    """After each of five matches with a bet of its own and one that stays open, by fractions of a
    unit; a provider comes and leaves in between."""
    world = World(RATE_BPS, "ScaledToken", decimals)
    draw, bank = random.Random(decimals), world.bankroll
    guest = provider_with(world, 70, 5_432 * UNIT)
    world.token.mint(guest, world.scale.to_units(10**11 * UNIT), {"from": world.owner})
    owed = 0
    for i, home in enumerate((0, 2, 0, 0, 2)):
        name = f"Played {i} v Over, 2025-06-08"
        terms = {"odds_e4": 10_001 + draw.randrange(20_000), "name": name}
        bets, match = bet(world, 41 + i, stake_micro=1 + draw.randrange(90_000 * UNIT), **terms)
        end(world, match, home, name)
        world.settle(bets.number, bets.batch)
        bank.deposit(0, accounts[62], by_nobody())
        open_micro, name = 1 + draw.randrange(20_000 * UNIT), f"Open {i} v Shut, 2025-06-09"
        bets, _ = bet(world, 60 + i, odds_e4=31_337, stake_micro=open_micro, name=name)
        assert len(bets.batch.records) == 1
        owed += bank.commissionOwed() > 0
        for who in (guest, world.owner):
            check_maxima_of_leaving(world, who)
        check_maxima_of_coming(world, guest)
        if i % 2:
            pay(world)
        bank.redeem(bank.maxRedeem(guest) // draw.randrange(2, 9), guest, guest, {"from": guest})
        bank.deposit(world.scale.to_units(draw.randrange(3_000) * UNIT), guest, {"from": guest})
    assert owed > 1


@SCALES
def test_dust_that_comes_and_leaves_gains_nothing(decimals):
    """By the least that each function moves, with a price that is no whole number, while the
    commission is charged and paid."""
    world = World(RATE_BPS, "ScaledToken", decimals)
    played(world, 13_337, 0, hours=41, stake_micro=777 * UNIT)
    played(world, 13_337, 2, hours=42, stake_micro=3 * UNIT)
    bank, guest = world.bankroll, provider_with(world, 70, UNIT)
    world.token.mint(guest, world.scale.to_units(1_000 * UNIT), {"from": world.owner})
    by, step = {"from": guest}, least(world)
    owned, had = worth(world, world.owner), world.token.balanceOf(guest) + worth(world, guest)
    for i in range(25):
        bank.deposit((1 + i % 3) * step, guest, by)
        bank.mint(1 + i, guest, by)
        bank.withdraw(step, guest, guest, by)
        bank.redeem(1 + 7 * i, guest, guest, by)
        if i % 7 == 0:
            pay(world)
    assert worth(world, world.owner) >= owned
    assert world.token.balanceOf(guest) + worth(world, guest) <= had


@SCALES
def test_token_that_refuses_the_receiver_stops_nobody_until_all_have_left(decimals):
    world = house_that_owes(decimals)
    bank, by, units = world.bankroll, {"from": world.owner}, world.scale.to_units(10 * UNIT)
    world.token.setBlocked(world.partner, True, by)
    with reverts("Blocked", world.partner.address):
        pay(world)
    world.token.mint(world.owner, 10 * units, by)
    bank.deposit(units, world.owner, by)
    bank.mint(bank.previewDeposit(units), world.owner, by)
    bank.withdraw(units, world.owner, world.owner, by)
    bank.redeem(bank.balanceOf(world.owner) // 5, world.owner, world.owner, by)
    played(world, 20_000, 0, hours=47, stake_micro=5 * UNIT)
    leave(world, world.owner)
    world.token.setBlocked(world.partner, False, by)
    pay(world)
    assert world.token.balanceOf(world.partner) == world.scale.to_units(2_001 * UNIT)


def test_token_that_is_shut_for_a_while_changes_nothing():
    """Bets go on, and their profit is owed when the token moves again."""
    world = house_that_owes()
    bank, by = world.bankroll, {"from": world.owner}
    bets, match = bet(world, 43, odds_e4=20_000, stake_micro=1_000 * UNIT)
    before = state(world)
    world.token.setPaused(True, by)
    calls = (
        (bank.payCommission, ()),
        (bank.deposit["uint,address"], (UNIT, world.owner)),
        (bank.withdraw["uint,address,address"], (UNIT, world.owner, world.owner)),
    )
    for method, arguments in calls:
        with reverts("Paused"):
            method(*arguments, by)
    assert state(world) == before
    end(world, match, 0, NIGHT)
    world.settle(bets.number, bets.batch)
    world.token.setPaused(False, by)
    pay(world)
    assert earned(world) == world.token.balanceOf(world.partner) == 2_200 * UNIT


@pytest.mark.parametrize("decimals", [0, 6, 18])
def test_conversions_are_no_worse_than_what_is_paid(decimals):
    """ERC-4626: totalAssets and the conversions are for all alike, and answer in every state: with
    nothing, with a profit that is owed, with an open bet, and when all is lost."""
    world = house_that_owes(decimals)
    bank, one = world.bankroll, 10 ** world.bankroll.decimals()
    unit = max(least(world), world.scale.units_per_micro)

    def check() -> None:
        assert bank.convertToAssets(one) + unit >= bank.previewRedeem(one)
        assert bank.convertToAssets(one) <= bank.previewMint(one)
        total = world.scale.to_micro_down(bank.totalAssets())
        house, owed = world.sportsbook.house(), bank.commissionOwed()
        assert 0 <= max(0, house - owed) - total < world.scale.micro_per_unit

    check()
    bets, match = bet(world, 43, odds_e4=20_000, stake_micro=world.sportsbook.houseFree())
    check()
    end(world, match, 2, NIGHT)
    world.settle(bets.number, bets.batch)
    assert (bank.totalAssets(), bank.commissionOwed()) == (0, 0)
    check()
    assert bank.maxRedeem(world.owner) == bank.maxWithdraw(world.owner) == 0
