"""The operator's part of what the house wins.

commission
├── is limited, and belongs to somebody
├── is taken of profit above a high-water mark alone, once, and before anybody comes or goes
├── is not taken again of profit that was lost and won back, nor of what open bets lock for a while
├── is at most its rate, whenever it is taken
└── does not exist at a rate of 0
"""

import pytest
from brownie import ZERO_ADDRESS as ZERO
from brownie import Bankroll, accounts

from tests.contracts.world import World, reverts
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import BANKROLL_MICRO, DEPOSIT_MICRO, UNIT, VOID_AFTER_S

TENTH_BPS = 1_000


@pytest.fixture
def taxed():
    """A house whose operator has a tenth of what it wins."""
    return World(TENTH_BPS)


def played(world, odds_e4, home_goals, *, hours, stake_micro=DEPOSIT_MICRO):
    """A new bettor bets on home in a match of its own, which ends so; the bet is settled."""
    now = world.now()
    bettor = world.stranger(hours, stake_micro)
    name = f"Home {hours} v Away {hours}, 2025-05-25"
    game = make_market(starts_at_s=now + 3_600, name=name)
    pick = Pick(game, 0, odds_e4, name)
    placed = world.place(world.sign(bettor, pick, stake_micro=stake_micro, accepted_at_s=now))
    world.travel_to(game.starts_at_s + 7_200)
    world.publish_final(score(home_goals, 1, game.starts_at_s + 7_000, name=name))
    world.settle(placed.number, placed.batch)


def worth(world, holder):
    return world.bankroll.previewRedeem(world.bankroll.balanceOf(holder))


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
    tx = taxed.bankroll.takeCommission({"from": accounts[60]})
    said = dict(tx.events["CommissionTaken"])
    assert (said["profit"], said["commission"]) == (DEPOSIT_MICRO, DEPOSIT_MICRO // 10)
    assert DEPOSIT_MICRO // 10 - 1 <= worth(taxed, taxed.partner) <= DEPOSIT_MICRO // 10
    assert taxed.bankroll.profitTaken() == DEPOSIT_MICRO
    again = taxed.bankroll.takeCommission({"from": accounts[60]})
    assert "CommissionTaken" not in again.events


def test_commission_is_not_taken_of_what_open_bets_could_win(taxed):
    played(taxed, 20_000, 0, hours=1)
    now = taxed.now()
    bettor = taxed.stranger(2)
    name = "Left v Right, 2025-05-25"
    game = make_market(starts_at_s=now + 3_600, name=name)
    pick = Pick(game, 0, 20_000, name)
    taxed.place(taxed.sign(bettor, pick, stake_micro=DEPOSIT_MICRO, accepted_at_s=now))
    tx = taxed.bankroll.takeCommission({"from": accounts[60]})
    assert "CommissionTaken" not in tx.events


def test_commission_is_not_taken_again_of_what_was_lost_and_won_back(taxed):
    played(taxed, 20_000, 0, hours=1)
    taxed.bankroll.takeCommission({"from": accounts[60]})
    shares = taxed.bankroll.balanceOf(taxed.partner)
    played(taxed, 20_000, 2, hours=2)
    played(taxed, 20_000, 0, hours=3)
    taxed.bankroll.takeCommission({"from": accounts[60]})
    assert taxed.bankroll.balanceOf(taxed.partner) == shares
    played(taxed, 20_000, 0, hours=4, stake_micro=UNIT)
    tx = taxed.bankroll.takeCommission({"from": accounts[60]})
    assert tx.events["CommissionTaken"]["commission"] == UNIT // 10


@pytest.mark.parametrize("move", ["deposit", "withdraw"])
def test_commission_is_taken_before_anybody_comes_or_goes(taxed, move):
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
    assert tx.events["CommissionTaken"]["commission"] == DEPOSIT_MICRO // 10
    # Money that comes or goes is no profit and no loss.
    assert "CommissionTaken" not in taxed.bankroll.takeCommission(by).events


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
    assert worth(taxed, taxed.partner) >= DEPOSIT_MICRO // 10 - 1


def test_commission_is_not_taken_at_a_rate_of_0(world):
    played(world, 20_000, 0, hours=1)
    assert "CommissionTaken" not in world.bankroll.takeCommission({"from": world.owner}).events
    assert world.bankroll.totalSupply() == BANKROLL_MICRO * 10**6


def test_commission_is_no_more_when_it_is_taken_while_bets_are_open():
    """A bankroll of 1,000 has won 9,000. Bets lock nearly all of that, and are void in the end;
    somebody has the commission taken after each."""
    world = World(2 * TENTH_BPS)
    by, bankroll = {"from": world.owner}, world.bankroll
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
        bankroll.takeCommission(by)
        world.settle(bets.number, bets.batch)
    bankroll.takeCommission(by)
    assert world.sportsbook.house() == 10_000 * UNIT
    assert 0 < worth(world, world.partner) <= 9_000 * UNIT // 5


def test_commission_is_at_most_its_rate_whenever_it_is_taken():
    """The receiver has it taken before, between and after three bets that the house wins, of which
    two are nearly as large as the house."""
    rate = 2 * TENTH_BPS / 10_000
    house = World(2 * TENTH_BPS)
    house.leave_in_bankroll(10_000 * UNIT)
    start = house.sportsbook.house()
    by = {"from": accounts[60]}
    for i, micro in enumerate((9_000 * UNIT, 1_000 * UNIT, 9_000 * UNIT)):
        house.bankroll.takeCommission(by)
        played(house, 20_000, 0, hours=41 + i, stake_micro=micro)
        house.bankroll.takeCommission(by)
    end = house.sportsbook.house()
    assert end - start == 19_000 * UNIT
    # The receiver's shares win with the house as well: the providers keep what they would if each
    # micro-unit of profit was shared by itself.
    kept = start * (end / start) ** (1 - rate)
    assert 0 < worth(house, house.partner) <= end - kept
