"""Attacks by and on the receiver of the commission that is owed in tokens.

commission
├── is paid once to a receiver who calls again, and whoever the receiver is
├── is not paid in the middle of a deposit
├── does not go to a part of the house
└── that is paid to a provider moves no price
"""

from __future__ import annotations

import pytest
from brownie import Intruder, accounts

from tests.contracts.commission import WorldWithReceiver, hooked_receiver, pay, played
from tests.contracts.intruding import RECEIVING, SENDING, do, prepare
from tests.contracts.world import reverts
from tests.support.terms import DEPOSIT_MICRO, EVERYTHING, UNIT


@pytest.mark.parametrize("call", ["payCommission", "deposit", "redeem"])
def test_receiver_who_calls_in_the_middle_of_the_payment_is_paid_once(call):
    world, intruder = hooked_receiver()
    bank, due = world.bankroll, DEPOSIT_MICRO // 5
    shares = 0
    if call == "redeem":
        bank.transfer(intruder, 10**12, {"from": world.owner})
        shares = bank.balanceOf(intruder)
    house = world.sportsbook.house()
    one = 10 ** bank.decimals()
    prices = bank.previewMint(one), bank.previewRedeem(one)
    arguments = {
        "payCommission": (),
        "deposit": (due, intruder),
        "redeem": (shares, intruder, intruder),
    }
    method = {
        "payCommission": bank.payCommission,
        "deposit": bank.deposit["uint,address"],
        "redeem": bank.redeem["uint,address,address"],
    }[call]
    prepare(world, intruder, RECEIVING, method, *arguments[call])
    expected = bank.previewRedeem(shares) if shares else 0
    pay(world)
    assert intruder.entered()
    assert intruder.succeeded()
    assert bank.commissionOwed() == 0
    brought = due if call == "deposit" else 0
    assert world.token.balanceOf(intruder) == due + expected - brought
    assert world.sportsbook.house() == house - due - expected + brought
    for before, after in zip(prices, (bank.previewMint(one), bank.previewRedeem(one)), strict=True):
        assert abs(after - before) <= 1


def test_payment_in_the_middle_of_a_deposit_is_refused_as_a_whole():
    """A payment between is counted as tokens that did not arrive."""
    world, _ = hooked_receiver()
    by, bank = {"from": world.owner}, world.bankroll
    guest = Intruder.deploy(by)
    do(world, guest, world.token.approve, bank, EVERYTHING)
    do(world, guest, world.token.setHooked, True)
    world.token.mint(guest, 50 * UNIT, by)
    prepare(world, guest, SENDING, bank.payCommission)
    with reverts("TokenTakesFee", 50 * UNIT, 0):
        do(world, guest, bank.deposit["uint,address"], 50 * UNIT, guest)
    assert bank.balanceOf(guest) == 0
    assert bank.commissionOwed() == DEPOSIT_MICRO // 5


@pytest.mark.parametrize("receiver", ["sportsbook", "bankroll"])
def test_part_of_the_house_cannot_be_the_receiver(receiver):
    """What it received would be nobody's."""
    with reverts("CommissionToNobody"):
        WorldWithReceiver(receiver)


def test_payment_to_a_provider_moves_no_price():
    world = WorldWithReceiver(str(accounts[0]))
    played(world, 20_000, 0, hours=41)
    bank, one = world.bankroll, 10**12
    prices = bank.previewMint(one), bank.previewRedeem(one)
    held = world.token.balanceOf(accounts[0])
    assert pay(world).events["CommissionPaid"]["amount"] == DEPOSIT_MICRO // 5
    assert world.token.balanceOf(accounts[0]) - held == DEPOSIT_MICRO // 5
    assert (bank.previewMint(one), bank.previewRedeem(one)) == prices
    assert not pay(world).events
