"""Attacks on the commission that is owed in tokens, by a second auditor.

commission
├── is there in full when all providers have left, and stays theirs who come then
├── gains nothing for a guest, in whatever order others settle and have it paid
├── is struck off by no more than what is lost, whenever it is charged in between
├── takes no more than its rate of a bond that nobody's shares had a part in
├── is paid to a provider at the worst moment without lowering another's price
├── is not for the token, which could not pass it on
├── is what bets are covered by when providers have left it behind (known limit)
└── of providers who come after a loss begins when it is made up (known limit)
deposits
├── are open to the unit: while the house is free to pay all that it owes
├── wait for a bet of dust when providers have left the commission behind (known limit)
├── are no cheaper in the middle of which money leaves and comes back
└── into a house of open bets and no shares are lost to nobody as far as IBankroll warns
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from brownie import Intruder, accounts

from protocol.market_id import MarketId
from tests.contracts.commission import (
    RATE_BPS,
    SCALES,
    WorldWithReceiver,
    earned,
    end,
    hooked_receiver,
    house_that_owes,
    pay,
    played,
    provider_with,
)
from tests.contracts.events import Placed
from tests.contracts.intruding import RECEIVING, SENDING, do, prepare
from tests.contracts.node_state import undone
from tests.contracts.world import World, reverts
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import BOND_MICRO, DEPOSIT_MICRO, EVERYTHING, UNIT

NIGHT = "Late v Later, 2025-06-08"


def by_nobody() -> dict[str, Any]:
    """Sent by somebody without tokens or shares."""
    return {"from": accounts[62]}


def least(world: World) -> int:
    """The fewest units of the token that are whole micro-units."""
    return int(world.scale.units_per_micro)


def worth(world: World, who: Any) -> int:
    return int(world.bankroll.previewRedeem(world.bankroll.balanceOf(who)))


def leave(world: World, who: Any) -> int:
    """A provider redeems all that can be redeemed; units of the token that arrived."""
    held = world.token.balanceOf(who)
    world.bankroll.redeem(world.bankroll.maxRedeem(who), who, who, {"from": who})
    return int(world.token.balanceOf(who) - held)


def bet(
    world: World, number: int, *, odds_e4: int, stake_micro: int, name: str = NIGHT
) -> tuple[Placed, MarketId]:
    """A stranger's bet on home, also of a fraction of a unit of the token."""
    unit = world.scale.micro_per_unit
    now_s = world.now()
    match = make_market(starts_at_s=now_s + 3_600, name=name)
    bettor = world.stranger(number, -(-stake_micro // unit) * unit)
    pick = Pick(match, 0, odds_e4, name)
    return world.place(
        world.sign(bettor, pick, stake_micro=stake_micro, accepted_at_s=now_s)
    ), match


def drawn_in_play(world: World, *stakes: tuple[int, int]) -> Placed:
    """Bets on home, draw and so on of a match in play, by odds and stake. It is drawn, which is
    final, and none is settled. The market is not marked."""
    now_s = world.now()
    match = make_market(starts_at_s=now_s - 60, in_play=True, name=NIGHT)
    slips = [
        world.sign(
            world.stranger(50 + i, stake_micro),
            Pick(match, i, odds_e4, NIGHT),
            stake_micro=stake_micro,
            accepted_at_s=now_s,
        )
        for i, (odds_e4, stake_micro) in enumerate(stakes)
    ]
    bets = world.place(*slips)
    assert len(bets.batch.records) == len(stakes)
    world.travel_to(now_s + 7_200)
    world.publish_final(score(1, 1, now_s + 7_000, name=NIGHT))
    return bets


# -- The commission


@SCALES
def test_commission_is_there_in_full_when_all_providers_have_left(decimals):
    world = house_that_owes(decimals)
    guest = provider_with(world, 70, 3_333 * UNIT)
    for who in (guest, world.owner):
        leave(world, who)
    assert world.bankroll.totalSupply() == 0
    late = provider_with(world, 71, 777 * UNIT)
    assert pay(world).events["CommissionPaid"]["amount"] == 2_000 * UNIT
    brought = world.scale.to_units(777 * UNIT)
    assert brought - 2 * least(world) <= leave(world, late) <= brought


def ends_of_a_guest(
    world: World, guest: Any, bets: Placed, steps: Sequence[str], is_paid_often: bool
) -> tuple[int, int, int]:
    """What a guest gains by coming and leaving, what the receiver gets, and what the provider
    has."""
    bank = world.bankroll
    for step in steps:
        if step == "come":
            bank.deposit(7_000 * UNIT, guest, {"from": guest})
        elif step == "leave":
            leave(world, guest)
        else:
            world.settle(bets.number, bets.batch, int(step), 1)
        if is_paid_often:
            pay(world)
    pay(world)
    return world.token.balanceOf(guest) - 7_000 * UNIT, earned(world), worth(world, world.owner)


def test_guest_gains_nothing_in_any_order_of_settling_and_paying():
    """A house with a profit that is not charged. Of two bets in play one has lost and one has won.
    Nor does anybody lose more than rounding to a guest; what the guest loses, the provider
    gains."""
    world = World(RATE_BPS)
    world.leave_in_bankroll(10_000 * UNIT)
    guest = provider_with(world, 70, 0)
    world.token.mint(guest, 7_000 * UNIT, {"from": world.owner})
    played(world, 20_000, 0, hours=41, stake_micro=5_000 * UNIT)
    bets = drawn_in_play(world, (20_000, 3_000 * UNIT), (40_000, 1_000 * UNIT))
    orders = [
        s for s in permutations(("come", "0", "1", "leave")) if "leave" in s[s.index("come") :]
    ]
    assert len(orders) == 12
    for i, steps in enumerate(orders):
        with undone():
            gained, commission, owned = ends_of_a_guest(world, guest, bets, steps, i % 2 == 0)
        assert gained <= 0
        assert commission == 1_000 * UNIT
        assert 13_999_999_998 <= owned + gained <= 14_000 * UNIT


def test_charging_between_settlements_strikes_off_nothing_that_can_be_paid():
    """One bet has lost, and another has won all but 2,500 of a house that owes 2,000. While both
    are open, 2,000 are not free."""
    world = house_that_owes()
    lost = world.sportsbook.house() - 500 * UNIT
    bets = drawn_in_play(world, (20_000, 2_000 * UNIT), (20_000, lost - 2_000 * UNIT))
    assert world.sportsbook.houseFree() < world.bankroll.commissionOwed()
    for steps in permutations(("0", "1", "charge")):
        with undone():
            for step in steps:
                if step == "charge":
                    world.bankroll.deposit(0, accounts[62], by_nobody())
                else:
                    world.settle(bets.number, bets.batch, int(step), 1)
            pay(world)
            assert world.token.balanceOf(world.partner) == 2_000 * UNIT


def test_bond_that_is_lost_while_there_are_no_shares_is_shared_with_nobody():
    """A fifth is commission, the rest is nobody's. Who comes then keeps what was brought."""
    world = World(RATE_BPS)
    world.set_limits(receipt_reserve_micro=0)
    leave(world, world.owner)
    now_s = world.now()
    world.travel_to(now_s + 7_200)
    result = score(1, 0, now_s + 7_000)
    world.publish(result)
    world.dispute()
    world.rule(result)
    late = provider_with(world, 70, 500 * UNIT)
    pay(world)
    assert earned(world) == BOND_MICRO // 5
    # A share costs 80 micro-units, and is not divisible.
    assert 500 * UNIT - 81 <= leave(world, late) <= 500 * UNIT


def test_receiver_who_is_a_provider_cannot_lower_the_price_of_others():
    """Whenever it is charged and paid, and the receiver leaves in parts: while bets are open, when
    one is settled, and at the end."""
    world = WorldWithReceiver(str(accounts[0]))
    world.leave_in_bankroll(6_000 * UNIT)
    other = provider_with(world, 70, 4_000 * UNIT)
    played(world, 20_000, 0, hours=41, stake_micro=5_000 * UNIT)
    bets = drawn_in_play(world, (20_000, 3_000 * UNIT), (40_000, 1_000 * UNIT))
    price = worth(world, other)
    for step in ("leave", "pay", "0", "leave", "pay", "1", "pay", "leave"):
        if step == "pay":
            pay(world)
        elif step == "leave":
            part = world.bankroll.maxRedeem(world.owner) // 2
            world.bankroll.redeem(part, world.owner, world.owner, {"from": world.owner})
        else:
            world.settle(bets.number, bets.batch, int(step), 1)
        assert worth(world, other) >= price - 1
        price = worth(world, other)
    assert world.bankroll.highWaterMark() == 5_000 * UNIT


def test_token_cannot_be_the_receiver(world):
    """A slip in the settings of a deployment: what it received would be nobody's."""
    with reverts("CommissionToNobody"):
        world.deploy_book(commission=(RATE_BPS, world.token.address))
    world.deploy_book(commission=(0, world.token.address))


@pytest.mark.parametrize("is_paid_first", [False, True])
def test_commission_that_providers_left_behind_covers_bets_until_it_is_paid(is_paid_first):
    """A provider keeps a millionth of a share, and so what the house wins with the receiver's
    2,000; a bettor wins them. Anybody can have them paid before."""
    for home in (0, 2):
        world = house_that_owes()
        shares = world.bankroll.balanceOf(world.owner)
        world.bankroll.redeem(shares - 10**6, world.owner, world.owner, {"from": world.owner})
        if is_paid_first:
            pay(world)
        bets, match = bet(world, 43, odds_e4=20_000, stake_micro=2_000 * UNIT)
        assert len(bets.batch.records) == (not is_paid_first)
        if is_paid_first:
            assert world.token.balanceOf(world.partner) == 2_000 * UNIT
            continue
        end(world, match, home, NIGHT)
        world.settle(bets.number, bets.batch)
        pay(world)
        # The next profit is charged too: a fifth of 2,000.
        assert earned(world) <= (2_400 * UNIT if home == 0 else 3)
        assert worth(world, world.owner) <= (800 * UNIT + 3 if home == 0 else 0)


def test_loss_of_providers_who_have_left_is_made_up_before_others_pay_commission():
    world = World(RATE_BPS)
    world.leave_in_bankroll(10_000 * UNIT)
    played(world, 20_000, 2, hours=41, stake_micro=4_000 * UNIT)
    leave(world, world.owner)
    provider_with(world, 70, 10_000 * UNIT)
    played(world, 20_000, 0, hours=42, stake_micro=5_000 * UNIT)
    assert world.bankroll.commissionOwed() == 1_000 * UNIT // 5


# -- Deposits


@SCALES
@pytest.mark.parametrize("short", [0, 1])
def test_deposits_are_open_while_all_that_is_owed_is_free(decimals, short):
    world = house_that_owes(decimals)
    bank, late = world.bankroll, provider_with(world, 70, 0)
    units = world.scale.to_units(UNIT)
    world.token.mint(late, 2 * units, {"from": world.owner})
    stake_micro = world.sportsbook.houseFree() - bank.commissionOwed() + short
    bet(world, 43, odds_e4=20_000, stake_micro=stake_micro)
    assert world.sportsbook.houseFree() == bank.commissionOwed() - short
    assert bank.maxWithdraw(world.owner) == bank.maxRedeem(world.owner) == 0
    by = {"from": late}
    if short:
        assert bank.maxDeposit(late) == bank.maxMint(late) == 0
        for refused in ((units, late), (units, late, 0)):
            with reverts("ERC4626ExceededMaxDeposit", late.address, units, 0):
                bank.deposit(*refused, by)
        for refused in ((1, late), (1, late, units)):
            with reverts("ERC4626ExceededMaxMint", late.address, 1, 0):
                bank.mint(*refused, by)
        return
    shares = bank.previewDeposit(units)
    bank.deposit(units, late, shares, by)
    assert bank.balanceOf(late) == shares
    assert bank.maxMint(late) > 0


def test_deposits_wait_for_a_bet_of_dust_when_the_commission_was_left_behind():
    """A house whose providers have left is shut for nine micro-units, until the match is over. No
    payment opens it; one before the bet leaves nothing to bet against."""
    world = house_that_owes()
    leave(world, world.owner)
    bets, match = bet(world, 43, odds_e4=20_000, stake_micro=9)
    assert world.bankroll.maxDeposit(accounts[62]) == 0
    pay(world)
    assert world.bankroll.commissionOwed() == 8
    assert world.bankroll.maxDeposit(accounts[62]) == 0
    end(world, match, 2, NIGHT)
    world.settle(bets.number, bets.batch)
    late = provider_with(world, 70, 500 * UNIT)
    assert leave(world, late) >= 500 * UNIT - 2


@pytest.mark.parametrize("first", ["payCommission", "redeem"])
def test_deposit_in_whose_middle_as_much_leaves_as_comes_back_is_no_cheaper(first):
    """What arrives looks right. In between, the commission is paid, or shares are redeemed at the
    lower price; its receiver deposits it again at the higher one."""
    world, other = hooked_receiver()
    by, bank, micro = {"from": world.owner}, world.bankroll, 50_000 * UNIT
    charge_by_nobody(world)
    bank.transfer(other, bank.balanceOf(world.owner) // 3, by)
    assert len(bet(world, 43, odds_e4=20_000, stake_micro=100_000 * UNIT)[0].batch.records) == 1
    guest = Intruder.deploy(by)
    do(world, guest, world.token.approve, bank, EVERYTHING)
    do(world, guest, world.token.setHooked, True)
    world.token.mint(guest, micro, by)
    shares = bank.balanceOf(other) // 2
    moved = bank.commissionOwed() if first == "payCommission" else bank.previewRedeem(shares)
    assert moved > 0
    if first == "payCommission":
        prepare(world, guest, SENDING, bank.payCommission)
    else:
        data = bank.redeem["uint,address,address"].encode_input(shares, other, other)
        prepare(world, guest, SENDING, other.execute, bank.address, data)
    prepare(world, other, RECEIVING, bank.deposit["uint,address"], moved, other)
    owned, expected = worth(world, world.owner), bank.previewDeposit(micro)
    do(world, guest, bank.deposit["uint,address"], micro, guest)
    assert guest.succeeded()
    assert other.succeeded()
    assert bank.balanceOf(guest) == expected
    assert worth(world, guest) <= micro
    assert worth(world, world.owner) >= owned


def charge_by_nobody(world: World) -> None:
    """Anybody's deposit of nothing charges, and pays nothing."""
    world.bankroll.deposit(0, accounts[62], by_nobody())
    assert world.bankroll.highWaterMark() == DEPOSIT_MICRO


@pytest.mark.parametrize("home", [0, 2])
def test_deposit_into_open_bets_without_shares_pays_no_commission_of_others(home):
    """The last provider has left 2,000 that are owed, and a bet of 1,000."""
    world = house_that_owes()
    bets, match = bet(world, 43, odds_e4=20_000, stake_micro=1_000 * UNIT)
    leave(world, world.owner)
    late = provider_with(world, 70, 1_000 * UNIT)
    end(world, match, home, NIGHT)
    world.settle(bets.number, bets.batch)
    pay(world)
    assert earned(world) == (2_200 if home == 0 else 2_000) * UNIT
    # The price was that of the best outcome: 1,800 that are nobody's.
    got = leave(world, late)
    assert got <= 1_000 * UNIT
    assert got >= (1_000 * UNIT - 1_801 if home == 0 else 1_000 * UNIT * 5 // 14 - 1_801)
