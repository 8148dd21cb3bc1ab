"""The operator's part of what the house wins.

commission
├── is limited, and belongs to somebody
├── is charged on profit above a high-water mark alone, once, and before anybody comes or goes
├── is not charged again on profit that was lost and won back, nor on what open bets lock
├── is exactly its rate, whenever and however often it is charged
├── is paid only from what can be released, the rest later
├── is no part of what shares are worth, and its payment moves no price
├── stops no provider, if the token refuses its receiver
├── is lost with the house's last money, and not paid by the next deposit
└── does not exist at a rate of 0
"""

import pytest
from brownie import ZERO_ADDRESS as ZERO
from brownie import Bankroll, accounts

from tests.contracts.commission import earned, pay, played
from tests.contracts.world import World, reverts
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import BANKROLL_MICRO, DEPOSIT_MICRO, UNIT, VOID_AFTER_S

TENTH_BPS = 1_000


@pytest.fixture
def taxed():
    """A house whose operator has a tenth of what it wins."""
    return World(TENTH_BPS)


def test_commission_is_limited_and_belongs_to_somebody(world):
    by = {"from": world.owner}
    parts = (world.token, world.scale.word(), world.sportsbook)
    Bankroll.deploy(*parts, 2_000, world.partner, by)
    with reverts("CommissionTooHigh", 2_001, 2_000):
        world.deploy_book(commission=(2_001, world.partner.address))
    with reverts("CommissionTooHigh", 2_001, 2_000):
        Bankroll.deploy(*parts, 2_001, world.partner, by)
    with reverts("CommissionToNobody"):
        Bankroll.deploy(*parts, 1, ZERO, by)


def test_commission_is_a_tenth_of_what_was_won(taxed):
    played(taxed, 20_000, 0, hours=1)
    assert taxed.bankroll.commissionOwed() == DEPOSIT_MICRO // 10
    tx = pay(taxed)
    said = dict(tx.events["CommissionCharged"])
    assert said == {"highWaterMark": DEPOSIT_MICRO, "owed": DEPOSIT_MICRO // 10}
    assert dict(tx.events["CommissionPaid"]) == {"amount": DEPOSIT_MICRO // 10, "owed": 0}
    assert earned(taxed) == taxed.token.balanceOf(taxed.partner) == DEPOSIT_MICRO // 10
    assert taxed.bankroll.highWaterMark() == DEPOSIT_MICRO
    assert taxed.bankroll.commissionOwed() == 0
    assert not pay(taxed).events


def test_commission_is_not_charged_on_what_open_bets_could_win(taxed):
    played(taxed, 20_000, 0, hours=1)
    now = taxed.now()
    bettor = taxed.stranger(2)
    name = "Left v Right, 2025-05-25"
    game = make_market(starts_at_s=now + 3_600, name=name)
    pick = Pick(game, 0, 20_000, name)
    taxed.place(taxed.sign(bettor, pick, stake_micro=DEPOSIT_MICRO, accepted_at_s=now))
    assert taxed.bankroll.commissionOwed() == 0
    assert not pay(taxed).events


def test_commission_is_not_charged_again_on_what_was_lost_and_won_back(taxed):
    played(taxed, 20_000, 0, hours=1)
    pay(taxed)
    played(taxed, 20_000, 2, hours=2)
    played(taxed, 20_000, 0, hours=3)
    assert not pay(taxed).events
    played(taxed, 20_000, 0, hours=4, stake_micro=UNIT)
    assert pay(taxed).events["CommissionPaid"]["amount"] == UNIT // 10


@pytest.mark.parametrize("move", ["deposit", "withdraw"])
def test_commission_is_charged_before_anybody_comes_or_goes(taxed, move):
    by = {"from": taxed.owner}
    played(taxed, 20_000, 0, hours=1)
    if move == "deposit":
        shares = taxed.bankroll.previewDeposit(UNIT)
        tx = taxed.bankroll.deposit(UNIT, taxed.owner, by)
        assert tx.events["Deposit"]["shares"] == shares
    else:
        shares = taxed.bankroll.previewWithdraw(UNIT)
        tx = taxed.bankroll.withdraw(UNIT, taxed.owner, taxed.owner, by)
        assert tx.events["Withdraw"]["shares"] == shares
    assert tx.events["CommissionCharged"]["owed"] == DEPOSIT_MICRO // 10
    # Money that comes or goes is no profit and no loss.
    assert "CommissionCharged" not in pay(taxed).events
    assert "CommissionCharged" not in pay(taxed).events


def test_provider_who_takes_all_leaves_the_commission_behind(taxed):
    by = {"from": taxed.owner}
    taxed.set_limits(receipt_reserve_micro=0)
    played(taxed, 20_000, 0, hours=1)
    shares = taxed.bankroll.balanceOf(taxed.owner)
    before = taxed.token.balanceOf(taxed.owner)
    taxed.bankroll.redeem(shares, taxed.owner, taxed.owner, by)
    paid = taxed.token.balanceOf(taxed.owner) - before
    fair = BANKROLL_MICRO + DEPOSIT_MICRO - DEPOSIT_MICRO // 10
    assert fair - 1 <= paid <= fair
    pay(taxed)
    assert taxed.token.balanceOf(taxed.partner) == DEPOSIT_MICRO // 10


def test_commission_is_not_charged_at_a_rate_of_0(world):
    played(world, 20_000, 0, hours=1)
    assert not pay(world).events
    assert (world.bankroll.highWaterMark(), world.bankroll.commissionOwed()) == (0, 0)
    assert world.bankroll.totalSupply() == BANKROLL_MICRO * 10**6


def test_commission_is_no_more_when_it_is_paid_while_bets_are_open():
    """A bankroll of 1,000 has won 9,000. Bets lock nearly all of that, and are void in the end;
    somebody has the commission paid after each."""
    world = World(2 * TENTH_BPS)
    now = world.leave_in_bankroll(1_000 * UNIT)
    name = "Left v Right, 2025-05-25"
    lost = make_market(starts_at_s=now + 3_600, name=name)
    loser, other = world.stranger(31, 9_000 * UNIT), world.stranger(32)
    pick = Pick(lost, 0, 11_000, name)
    bets = world.place(world.sign(loser, pick, stake_micro=9_000 * UNIT, accepted_at_s=now))
    world.travel_to(lost.starts_at_s + 7_200)
    world.publish_final(score(0, 1, lost.starts_at_s + 7_000, name=name))
    world.settle(bets.number, bets.batch)
    now, held = world.now(), []
    for i in range(9):
        name = f"Left {i} v Right, 2025-05-25"
        pick = Pick(make_market(starts_at_s=now + 3_600, name=name), 0, 9_870_000, name)
        held.append(world.place(world.sign(other, pick, accepted_at_s=now, nonce=1 + i)))
    world.travel_to(now + 3_600 + VOID_AFTER_S + 1)
    for bets in held:
        pay(world)
        world.settle(bets.number, bets.batch)
    pay(world)
    assert earned(world) == 9_000 * UNIT // 5
    assert world.sportsbook.house() + earned(world) == 10_000 * UNIT


def test_commission_is_its_rate_whenever_it_is_paid():
    """The receiver has it paid before, between and after three bets that the house wins, of which
    two are nearly as large as the house."""
    house = World(2 * TENTH_BPS)
    house.leave_in_bankroll(10_000 * UNIT)
    for i, micro in enumerate((9_000 * UNIT, 1_000 * UNIT, 9_000 * UNIT)):
        pay(house)
        played(house, 20_000, 0, hours=41 + i, stake_micro=micro)
        pay(house)
    assert earned(house) == 19_000 * UNIT // 5
    assert house.sportsbook.house() + earned(house) == 29_000 * UNIT


def test_commission_is_paid_as_far_as_it_can_be_released():
    """An open bet locks nearly all, and the reserve for receipts is not touched."""
    world = World(2 * TENTH_BPS)
    world.leave_in_bankroll(10_000 * UNIT)
    played(world, 20_000, 0, hours=1, stake_micro=10_000 * UNIT)
    world.bankroll.deposit(UNIT, world.owner, {"from": world.owner})
    now_s, name = world.now(), "Left v Right, 2025-05-25"
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    left_micro = world.sportsbook.releasable() - 500 * UNIT
    pick = Pick(game, 0, 20_000, name)
    bettor = world.stranger(2, left_micro)
    bets = world.place(world.sign(bettor, pick, stake_micro=left_micro, accepted_at_s=now_s))
    assert world.sportsbook.releasable() == 500 * UNIT
    assert dict(pay(world).events["CommissionPaid"]) == {
        "amount": 500 * UNIT,
        "owed": 1_500 * UNIT,
    }
    assert not pay(world).events
    world.travel_to(now_s + 3_600 + VOID_AFTER_S + 1)
    world.settle(bets.number, bets.batch)
    assert dict(pay(world).events["CommissionPaid"]) == {"amount": 1_500 * UNIT, "owed": 0}
    assert earned(world) == 2_000 * UNIT


def test_payment_of_commission_moves_no_price(taxed):
    played(taxed, 20_000, 0, hours=1)
    bank, one = taxed.bankroll, 10 ** taxed.bankroll.decimals()
    views = (bank.previewMint, bank.previewRedeem, bank.convertToAssets)
    before = [view(one) for view in views]
    assert before[0] > one // 10**6
    assert bank.totalAssets() == BANKROLL_MICRO + DEPOSIT_MICRO * 9 // 10
    pay(taxed)
    assert [view(one) for view in views] == before
    assert bank.totalAssets() == BANKROLL_MICRO + DEPOSIT_MICRO * 9 // 10


def test_receiver_whom_the_token_refuses_stops_no_provider():
    world = World(TENTH_BPS, "DollarToken")
    played(world, 20_000, 0, hours=1)
    world.token.setBlocked(world.partner, True, {"from": world.owner})
    with reverts("Blocked", world.partner.address):
        pay(world)
    by, bank = {"from": world.owner}, world.bankroll
    bank.deposit(UNIT, world.owner, by)
    bank.withdraw(UNIT, world.owner, world.owner, by)
    assert bank.commissionOwed() == DEPOSIT_MICRO // 10
    world.token.setBlocked(world.partner, False, {"from": world.owner})
    pay(world)
    assert world.token.balanceOf(world.partner) == DEPOSIT_MICRO // 10


def test_commission_is_not_paid_by_the_deposit_after_the_house_was_lost():
    """Of what is owed, 2,000, nothing is paid, and a bettor wins all but 300 of the house."""
    world = World(2 * TENTH_BPS)
    world.leave_in_bankroll(10_000 * UNIT)
    world.set_limits(receipt_reserve_micro=0)
    played(world, 20_000, 0, hours=1, stake_micro=10_000 * UNIT)
    by, bank = {"from": world.owner}, world.bankroll
    bank.deposit(UNIT, world.owner, by)
    played(world, 20_000, 2, hours=2, stake_micro=world.sportsbook.house() - 300 * UNIT)
    assert world.sportsbook.house() == 300 * UNIT == bank.commissionOwed()
    owner_shares = bank.balanceOf(world.owner)
    assert bank.maxRedeem(world.owner) == bank.maxWithdraw(world.owner) == 0
    late = accounts[70]
    world.token.mint(late, 1_000 * UNIT, by)
    world.token.approve(bank, 1_000 * UNIT, {"from": late})
    tx = bank.deposit(1_000 * UNIT, late, {"from": late})
    assert tx.events["CommissionCharged"]["owed"] == 300 * UNIT
    assert bank.previewRedeem(owner_shares) == 0
    pay(world)
    assert world.token.balanceOf(world.partner) == 300 * UNIT
    bank.redeem(bank.balanceOf(late), late, late, {"from": late})
    assert world.token.balanceOf(late) >= 1_000 * UNIT - 2


def test_commission_is_not_starved_by_an_open_bet():
    """Somebody stakes nine times the house at odds of 1.0001, and has the commission paid."""
    house = World(2 * TENTH_BPS)
    played(house, 20_000, 0, hours=41, stake_micro=10_000 * UNIT)
    now_s = house.now()
    name = "Left v Right, 2025-05-25"
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    whale = house.stranger(42, 9 * BANKROLL_MICRO)
    pick = Pick(game, 0, 10_001, name)
    bets = house.place(house.sign(whale, pick, stake_micro=9 * BANKROLL_MICRO, accepted_at_s=now_s))
    pay(house)
    house.travel_to(now_s + 3_600 + VOID_AFTER_S + 1)
    house.settle(bets.number, bets.batch)
    pay(house)
    assert earned(house) == 2_000 * UNIT
