"""Attacks on the commission, and on the shares of a house that was lost.

commission
├── and prices are the same in whatever order others leave, have it paid, and settle what is decided
└── moves no preview when it is paid, with open bets and a market that is marked and settled in part
shares of a house that was lost
├── can be redeemed if they can be bought
└── a house that lost dust takes no money for ever
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts

from protocol.market_id import Kind
from tests.contracts.commission import earned, pay, played
from tests.contracts.test_decimals import win
from tests.contracts.world import World, reverts
from tests.support.signing import score
from tests.support.slips import OTHER_NAME, Pick, make_market
from tests.support.terms import BANKROLL_MICRO, EVERYTHING, UNIT

RATE_BPS = 2_000
WON = "Won v Lost, 2025-05-25"


def bet_that_is_decided(world: World, number: int, odds_e4: int, home: int, stake: int) -> Any:
    """A bet on home whose result is final, and which nobody has settled."""
    now_s = world.now()
    name = f"Decided {number} v Not settled, 2025-05-25"
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    bettor = world.stranger(number, stake)
    pick = Pick(game, 0, odds_e4, name)
    said = world.place(world.sign(bettor, pick, stake_micro=stake, accepted_at_s=now_s))
    assert len(said.batch.records) == 1
    world.travel_to(game.starts_at_s + 7_200)
    world.publish_final(score(home, 1, game.starts_at_s + 7_000, name=name))
    return said


def a_provider_of_a_dollar(world: World) -> Any:
    small = accounts[70]
    world.token.mint(small, UNIT, {"from": world.owner})
    world.token.approve(world.bankroll, EVERYTHING, {"from": small})
    world.bankroll.deposit(UNIT, small, {"from": small})
    return small


def ends_of_20_000(leaves_first: bool, odds_e4: int, home: int, stake: int) -> tuple[int, int]:
    """A house of 20,000 with a profit of 10,000; a bet on it is decided. Another provider leaves
    with a micro-unit before it is settled or after. What a share of 1 is worth in
    the end, and the commission."""
    world = World(RATE_BPS)
    world.leave_in_bankroll(10_000 * UNIT - UNIT)
    small = a_provider_of_a_dollar(world)
    played(world, 20_000, 0, hours=41, stake_micro=10_000 * UNIT)
    said = bet_that_is_decided(world, 43, odds_e4, home, stake)
    for step in ("leave", "settle") if leaves_first else ("settle", "leave"):
        if step == "leave":
            world.bankroll.withdraw(1, small, small, {"from": small})
        else:
            world.settle(said.number, said.batch)
    pay(world)
    return world.bankroll.previewRedeem(10**12), earned(world)


def test_order_of_leaving_and_settling_a_won_market_moves_no_price():
    """trust.md: no order in which others settle or leave lowers the price of a share beyond
    rounding. The market has won 20,000 for the house."""
    terms = (10_001, 0, 20_000 * UNIT)
    (price, got), (price_first, got_first) = (ends_of_20_000(x, *terms) for x in (False, True))
    assert abs(got - 6_000 * UNIT) <= 10
    assert abs(price_first - price) <= 10
    assert abs(got_first - got) <= 10


def test_order_of_leaving_and_settling_a_lost_market_moves_no_commission():
    """The market has lost 5,000, all that it locks."""
    terms = (60_000, 2, 1_000 * UNIT)
    (price, got), (price_first, got_first) = (ends_of_20_000(x, *terms) for x in (False, True))
    assert abs(price_first - price) <= 10
    assert abs(got_first - got) <= 10


def commission_after_settling(losers_first: bool) -> int:
    """A house of 20,000 with a profit of 10,000. Of a market in play that is decided, one bet has
    lost 1 and another won 5,000; the commission in the end."""
    world = World(RATE_BPS)
    world.leave_in_bankroll(10_000 * UNIT)
    played(world, 20_000, 0, hours=41, stake_micro=10_000 * UNIT)
    now_s = world.now()
    game = make_market(starts_at_s=now_s - 60, in_play=True, name=WON)
    bets = world.place(
        *(
            world.sign(
                world.stranger(50 + i, stake),
                Pick(game, i, odds_e4, WON),
                stake_micro=stake,
                accepted_at_s=now_s,
            )
            for i, (odds_e4, stake) in enumerate(((20_000, UNIT), (60_000, 1_000 * UNIT)))
        )
    )
    assert len(bets.batch.records) == 2
    world.travel_to(now_s + 7_200)
    world.publish_final(score(1, 1, now_s + 7_000, name=WON))
    for bet in (0, 1) if losers_first else (1, 0):
        world.settle(bets.number, bets.batch, bet, 1)
        pay(world)
    return earned(world)


def test_order_of_settling_one_market_moves_no_commission():
    """A market in play is not marked. A stranger settles its losers, has the commission paid, and
    settles its winners, in one transaction if he likes."""
    got, got_first = (commission_after_settling(x) for x in (False, True))
    assert abs(got_first - got) <= 10


@pytest.mark.parametrize("decimals", [0, 2, 6, 18])
def test_previews_are_the_same_before_the_commission_is_paid_and_after(decimals):
    """With commission due, an open bet, and a market that is marked and settled by half."""
    world = World(RATE_BPS, "ScaledToken", decimals)
    played(world, 20_000, 0, hours=41, stake_micro=10_000 * UNIT)
    now_s = world.now()
    game = make_market(Kind.ASIAN_HANDICAP, 3, starts_at_s=now_s + 3_600, name=WON)
    bets = world.place(
        *(
            world.sign(
                world.stranger(50 + i),
                Pick(game, i % 2, 13_337, WON),
                stake_micro=7_777_777 + i,
                accepted_at_s=now_s,
            )
            for i in range(5)
        )
    )
    assert len(bets.batch.records) == 5
    world.travel_to(game.starts_at_s + 7_200)
    world.publish_final(score(0, 1, game.starts_at_s + 7_000, name=WON))
    world.settle(bets.number, bets.batch, 0, 2)
    now_s = world.clock()
    other = make_market(starts_at_s=now_s + 3_600, name=OTHER_NAME)
    slip = world.sign(
        world.stranger(60),
        Pick(other, 0, 51_113, OTHER_NAME),
        stake_micro=1_777_777,
        accepted_at_s=now_s,
    )
    assert len(world.place(slip).batch.records) == 1
    assert world.book()["locked_micro"] > 0
    bank, one = world.bankroll, 10 ** world.bankroll.decimals()
    assets = 10_000 * world.scale.to_units(UNIT)

    def prices() -> list[int]:
        return [
            bank.previewMint(one),
            bank.previewRedeem(one),
            bank.previewDeposit(assets),
            bank.previewWithdraw(assets),
            bank.maxWithdraw(world.owner),
            bank.maxRedeem(world.owner),
        ]

    before, held = prices(), world.token.balanceOf(world.sportsbook)
    most, most_shares = bank.maxDeposit(world.owner), bank.maxMint(world.owner)
    assert "CommissionPaid" in pay(world).events
    assert prices() == before
    # What was paid is capacity again.
    paid = held - world.token.balanceOf(world.sportsbook)
    assert bank.maxDeposit(world.owner) == most + paid
    assert bank.maxMint(world.owner) >= most_shares
    # The rest of the marked market moves the price by its halves at most.
    due, house = earned(world), world.sportsbook.house()
    world.settle(bets.number, bets.batch)
    assert 0 <= world.sportsbook.house() - house <= 5
    assert abs(earned(world) - due) <= 2 * world.scale.to_units(10**6) // 10**6 + 1


# -- Shares of a house that was lost


@pytest.mark.parametrize(
    ("decimals", "again_micro"),
    [
        (18, 10_000 * UNIT),
        (18, 1),
        (2, UNIT),
    ],
)
def test_shares_that_can_be_bought_can_be_redeemed(decimals, again_micro):
    """The house is lost twice, and filled again in between; then somebody deposits what
    `maxDeposit` allows."""
    house = World(token_contract="ScaledToken", decimals=decimals)
    house.set_limits(receipt_reserve_micro=0)
    by, bank = {"from": house.owner}, house.bankroll
    bettor = house.open_account(10, BANKROLL_MICRO)
    for i in range(2):
        win(house, bettor, 1 + i, BANKROLL_MICRO, 20_000)
        assert house.sportsbook.house() == 0
        house.token.mint(house.owner, house.scale.to_units(BANKROLL_MICRO), by)
        if i == 0:
            bank.deposit(house.scale.to_units(BANKROLL_MICRO), house.owner, by)
    units = house.scale.to_units(again_micro)
    late = accounts[70]
    house.token.mint(late, units, by)
    house.token.approve(bank, EVERYTHING, {"from": late})
    if bank.maxDeposit(late) < units:
        with reverts("ERC4626ExceededMaxDeposit"):
            bank.deposit(units, late, {"from": late})
        return
    bank.deposit(units, late, {"from": late})
    assert bank.maxRedeem(late) > 0
    bank.redeem(bank.maxRedeem(late), late, late, {"from": late})
    assert house.token.balanceOf(late) >= units - 2 * house.scale.units_per_micro


def test_bankroll_that_lost_dust_takes_no_money_for_ever():
    """A house of 18 decimals that nobody has filled yet: a micro-unit is deposited and lost, four
    times. Then a provider deposits 10,000."""
    house = World(token_contract="ScaledToken", decimals=18)
    house.set_limits(receipt_reserve_micro=0)
    bank, dust = house.bankroll, house.scale.to_units(1)
    bank.redeem(bank.balanceOf(house.owner), house.owner, house.owner, {"from": house.owner})
    bettor = house.open_account(10, UNIT)
    griefer, late = accounts[71], accounts[70]
    for who, units in ((griefer, 4 * dust), (late, house.scale.to_units(10_000 * UNIT))):
        house.token.mint(who, units, {"from": house.owner})
        house.token.approve(bank, EVERYTHING, {"from": who})
    for i in range(4):
        bank.deposit(dust, griefer, {"from": griefer})
        win(house, bettor, 1 + i, 1, 20_000)
        assert house.sportsbook.house() == 0
    units = house.token.balanceOf(late)
    assert bank.maxDeposit(late) == 0
    with reverts("ERC4626ExceededMaxDeposit"):
        bank.deposit(units, late, {"from": late})
