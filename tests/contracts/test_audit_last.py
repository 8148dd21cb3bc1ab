"""Attacks on what the second audit changed: cash-outs, commission, bonds, cancellations. A marked
test states what should hold, and does not yet.

cash-outs
├── free money falls by no more than the key's budget pays, in markets of every mode, by parts
├── a sale for nothing pays for what it uncovers, part by part
├── a key that is retired, or has enough left for the price alone, sells no cover
├── an accumulator covers nothing, and raises nothing when it is sold
├── sold in one block, bets that cover another pay as one by one
└── whoever is covered by an honest bet can make its cash-out fail, until more is left of the budget
commission
├── takes another sum from providers when it is taken before a market that is won is settled
├── is less when it is taken before a market that is lost is settled, or after the losers of one
└── moves no preview, with open bets and a market that is marked and settled in part
shares of a house that was lost
├── can be redeemed if they can be bought
└── a house that lost dust takes no money for ever
bonds
├── are paid by a ruling whose gas was estimated
├── are not taken by who deposits and has them paid to the house
├── the author who is paid within a ruling can dispute it, and no more
├── those that are paid in the middle of a dispute cost its author alone
├── two disputes within each other count each bond once
├── one that is paid to the house in the middle of a deposit is no deposit
├── a token that refuses, and a receiver who answers by the megabyte, leave them owed
└── nobody is owed one but its author and the house
cancellations
└── count for good when others follow
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from brownie import HookToken, TestToken, accounts, web3
from brownie.exceptions import VirtualMachineError

from protocol.market_id import Kind, fixture_id
from protocol.placed_batch import SkipReason, unpack_batch
from protocol.records import with_stake
from protocol.roles import Role
from protocol.typed_data import CashOut
from tests.contracts.test_commission import played, worth
from tests.contracts.test_decimals import win
from tests.contracts.test_enforce_instead import enforce_instead
from tests.contracts.test_reentrancy import RECEIVING, REFUSING, SENDING, do, intrude, prepare
from tests.contracts.token_code import deaf_to
from tests.contracts.world import World, reverts, set_code
from tests.support import calls
from tests.support.people import key, key_address
from tests.support.signing import score
from tests.support.slips import NAME, OTHER_NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BANKROLL_MICRO,
    BOND_MICRO,
    BUDGET_PERIOD_S,
    DEPOSIT_MICRO,
    EVERYTHING,
    RECEIPT_WINDOW_S,
    UNIT,
)

BY_STRANGER = 60
# States what should hold, and does not yet. A change that ends it takes the mark off.
open_limit = pytest.mark.xfail(strict=True, raises=AssertionError)
WON = "Won v Lost, 2025-05-25"

# -- Cash-outs


MARKETS = {
    "netted": (Kind.MATCH_RESULT, 0, False, 3),
    "netted in halves": (Kind.ASIAN_HANDICAP, 1, False, 2),
    "paired": (Kind.DOUBLE_CHANCE, 0, False, 3),
    "gross, of two": (Kind.PROPOSITION, 0, False, 2),
    "gross, by score": (Kind.CORRECT_SCORE, 8, False, 12),
    "gross, in play": (Kind.MATCH_RESULT, 0, True, 3),
}


SPARE = key(50)
BUDGET_MICRO = 10_000 * UNIT
# In which more comes back than any sale here spends.
REST_S = 20_000


def spare_left(world: World) -> int:
    return int(world.sportsbook.keyOf(key_address(SPARE))[4])


def remainder(tx: Any) -> tuple[int, Any]:
    """What is left of a bet that was sold by a part: its batch, or 0 and nothing."""
    said = tx.events["CashedOut"]
    if not said["rest"]:
        return 0, None
    record = with_stake(bytes(said["record"]), said["rest"])
    return said["next"], unpack_batch(bytes(said["markets"]), record)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", MARKETS)
def test_free_money_falls_by_no_more_than_the_budget_pays(world, mode, seed):
    """Bets of odd stakes are sold by random parts, dust among them, at random prices."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), BUDGET_MICRO)
    draw = random.Random(f"{mode} {seed}")
    kind, line_q, in_play, outcomes = MARKETS[mode]
    now_s = world.now()
    starts_at_s = now_s - 60 if in_play else now_s + 30 * REST_S
    market = make_market(kind, line_q, starts_at_s=starts_at_s, in_play=in_play)
    open_bets: list[Any] = []
    for i in range(6):
        bettor = world.stranger(100 + i)
        stake = draw.choice((1, 7, UNIT + 1, 333_333_333, 999_999_999))
        pick = Pick(market, draw.randrange(outcomes), draw.choice((10_001, 13_337, 20_000, 77_777)))
        slip = world.sign(bettor, pick, stake_micro=stake, accepted_at_s=world.clock())
        said = world.place(slip)
        assert len(said.batch.records) == 1
        open_bets.append((bettor, said.number, said.batch))
    for _ in range(14):
        if not open_bets:
            break
        world.travel_to(world.clock() + REST_S)
        assert spare_left(world) == BUDGET_MICRO
        bettor, number, batch = open_bets.pop(draw.randrange(len(open_bets)))
        stake = batch.records[0].stake_micro
        part = draw.choice((1, stake, max(1, stake // 2), draw.randint(1, stake)))
        price = draw.choice((0, part, draw.randint(0, part)))
        before, free = world.book()["locked_micro"], world.sportsbook.houseFree()
        terms = {"stake_micro": part, "price_micro": price, "house_key": SPARE}
        tx = world.cash_out(bettor, number, batch, **terms)
        raised = max(0, world.book()["locked_micro"] - before)
        assert raised == 0 or "netted" in mode or mode == "paired"
        assert raised <= part
        assert BUDGET_MICRO - spare_left(world) == price + raised
        # trust.md: a cash-out costs providers who leave now its price at most.
        assert free - world.sportsbook.houseFree() <= price
        number, batch = remainder(tx)
        if number:
            open_bets.append((bettor, number, batch))


def test_sale_for_nothing_pays_for_what_it_uncovers(world, alice, bob):
    """A friend gives his cover away by parts: all that the other bet locks again is charged."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), BUDGET_MICRO)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    rest = 500 * UNIT
    bets = [
        world.sign(who, Pick(market, i), stake_micro=rest, accepted_at_s=at_s)
        for i, who in enumerate((alice, bob))
    ]
    number, batch, _ = world.place(*bets)
    bet = 0
    assert world.book()["locked_micro"] == 0
    world.ripen()
    started_s = world.clock()
    for part in (1, 2, rest // 3, rest // 4, 0):
        terms = {"stake_micro": part or rest, "house_key": SPARE}
        tx = world.cash_out(alice, number, batch, bet, price_micro=0, **terms)
        rest -= terms["stake_micro"]
        (number, batch), bet = remainder(tx), 0
    assert world.book()["locked_micro"] == 500 * UNIT
    back = BUDGET_MICRO * (world.clock() - started_s) // BUDGET_PERIOD_S
    assert 500 * UNIT - back <= BUDGET_MICRO - spare_left(world) <= 500 * UNIT


def test_sale_by_a_key_that_is_retired_or_spent_is_refused(world, alice, bob):
    """The price alone would be within the budget."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), 500 * UNIT)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    bets = [
        world.sign(who, Pick(market, i), stake_micro=300 * UNIT, accepted_at_s=at_s)
        for i, who in enumerate((alice, bob))
    ]
    number, batch, _ = world.place(*bets)
    world.ripen()
    terms = {"price_micro": 201 * UNIT, "house_key": SPARE}
    with reverts("BudgetExceeded", 500 * UNIT, 501 * UNIT):
        world.cash_out(alice, number, batch, **terms)
    world.retire(key_address(SPARE))
    with reverts("CashOutUnsigned", key_address(SPARE)):
        world.cash_out(alice, number, batch, price_micro=0, house_key=SPARE)


def test_accumulator_raises_nothing_when_it_is_sold(world, alice, bob):
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), BUDGET_MICRO)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    picks = (Pick(market, 0, 20_000), pick_elsewhere(at_s + 50_000, 0, 20_000))
    world.place(world.sign(bob, Pick(market, 1), stake_micro=100 * UNIT, accepted_at_s=at_s))
    was = world.place(world.sign(alice, *picks, stake_micro=100 * UNIT, accepted_at_s=at_s))
    world.ripen()
    before = world.book()
    world.cash_out(alice, was.number, was.batch, price_micro=70 * UNIT, house_key=SPARE)
    assert BUDGET_MICRO - spare_left(world) == 70 * UNIT
    assert before["locked_micro"] - world.book()["locked_micro"] == 300 * UNIT
    assert world.book()["accumulators_micro"] == 0


def test_two_sales_in_one_block_pay_as_one_by_one(world, alice, bob):
    """Both cover a third bet together; the second finds what the first has raised."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), BUDGET_MICRO)
    carol = world.stranger(5)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    bets = ((alice, 0, 20_000, 400), (bob, 0, 20_000, 400), (carol, 2, 18_000, 1_000))
    was = world.place(
        *(
            world.sign(who, Pick(market, i, odds), stake_micro=n * UNIT, accepted_at_s=at_s)
            for who, i, odds, n in bets
        )
    )
    assert world.book()["locked_micro"] == 0
    world.ripen()
    # The second is Ganache's; a node does not know the other's.
    web3.provider.make_request("evm_setAutomine", [False])
    web3.provider.make_request("miner_stop", [])
    try:
        txs = []
        for i, who in enumerate((alice, bob)):
            signed = _cash_out_later(world, who, was, i, 300 * UNIT)
            txs.append(signed)
        web3.provider.make_request("evm_mine", [])
    finally:
        web3.provider.make_request("evm_setAutomine", [True])
        web3.provider.make_request("miner_start", [])
    blocks = {web3.eth.get_transaction_receipt(tx)["blockNumber"] for tx in txs}
    assert len(blocks) == 1
    assert all(web3.eth.get_transaction_receipt(tx)["status"] == 1 for tx in txs)
    locked = world.book()["locked_micro"]
    assert locked == 800 * UNIT
    # A view on Ganache is a second later.
    back = BUDGET_MICRO // BUDGET_PERIOD_S + 1
    assert 0 <= 600 * UNIT + locked - (BUDGET_MICRO - spare_left(world)) <= back


def _cash_out_later(world: World, bettor: Any, was: Any, bet: int, price_micro: int) -> str:
    stake = was.batch.records[bet].stake_micro
    terms = (bet, stake, price_micro, world.clock(), 2**40 - 1)
    offer = CashOut(bettor.account, was.number, *terms)
    arguments = calls.cash_out(world.domain, offer, was.batch, SPARE, bettor.key)
    data = world.sportsbook.cashOut.encode_input(*arguments)
    sent = web3.eth.send_transaction(
        {
            "from": accounts[61 + bet].address,
            "to": world.sportsbook.address,
            "data": data,
            "gas": 2_000_000,
            "gasPrice": 2 * 10**9,
        }
    )
    return sent.hex()


def test_whoever_is_covered_makes_an_honest_cash_out_fail(world, alice, bob):
    """As much is left for cash-outs as alice is offered. Bob's fair bet, which her stake covers,
    comes between offer and transaction. It costs bob nothing but a bet at the house's odds, and
    alice her offer, until as much as her stake is left besides the price."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), 950 * UNIT)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    was = world.place(
        world.sign(alice, Pick(market, 0), stake_micro=1_000 * UNIT, accepted_at_s=at_s)
    )
    world.ripen()
    at_s = world.clock()
    world.place(world.sign(bob, Pick(market, 2), stake_micro=1_000 * UNIT, accepted_at_s=at_s))
    terms = {"price_micro": 950 * UNIT, "house_key": SPARE}
    with reverts("BudgetExceeded", 950 * UNIT, (950 + 1_000) * UNIT):
        world.cash_out(alice, was.number, was.batch, **terms)


# -- Commission


RATE_BPS = 2_000


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


def shares_of_20_000(leaves_first: bool, odds_e4: int, home: int, stake: int) -> tuple[int, int]:
    """A house of 20,000 with a profit of 10,000; a bet on it is decided. Another provider leaves
    with a micro-unit before it is settled or after. What the provider's share of 1 and the
    receiver's shares are worth in the end."""
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
    world.bankroll.takeCommission({"from": accounts[BY_STRANGER]})
    return world.bankroll.previewRedeem(10**12), worth(world, world.partner)


@open_limit
def test_order_of_leaving_and_settling_a_won_market_moves_no_price():
    """trust.md: no order in which others settle or leave lowers the price of a share beyond
    rounding. The market has won 20,000 for the house. A share of 3.40 is one of 3.24 when the other
    leaves first, and the receiver has 7,600 of a profit of 30,000."""
    terms = (10_001, 0, 20_000 * UNIT)
    (price, got), (price_first, got_first) = (shares_of_20_000(x, *terms) for x in (False, True))
    assert abs(got - 6_000 * UNIT) <= 10
    assert abs(price_first - price) <= 10
    assert abs(got_first - got) <= 10


@open_limit
def test_order_of_leaving_and_settling_a_lost_market_moves_no_commission():
    """The market has lost 5,000, all that it locks. The receiver has 750 of a profit of 5,000."""
    terms = (60_000, 2, 1_000 * UNIT)
    (price, got), (price_first, got_first) = (shares_of_20_000(x, *terms) for x in (False, True))
    assert abs(price_first - price) <= 10
    assert abs(got_first - got) <= 10


def shares_after_settling(losers_first: bool) -> int:
    """A house of 20,000 with a profit of 10,000. Of a market in play that is decided, one bet has
    lost 1 and another won 5,000; what the receiver's shares are worth in the end."""
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
        world.bankroll.takeCommission({"from": accounts[BY_STRANGER]})
    return worth(world, world.partner)


@open_limit
def test_order_of_settling_one_market_moves_no_commission():
    """A market in play is not marked. A stranger settles its losers, has the commission taken, and
    settles its winners, in one transaction if he likes: 750 of 1,000 are left of the commission."""
    got, got_first = (shares_after_settling(x) for x in (False, True))
    assert abs(got_first - got) <= 10


@pytest.mark.parametrize("decimals", [0, 2, 6, 18])
def test_previews_are_the_same_before_the_commission_is_taken_and_after(decimals):
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
            bank.maxDeposit(world.owner),
            bank.maxMint(world.owner),
            bank.maxWithdraw(world.owner),
            bank.maxRedeem(world.owner),
        ]

    before = prices()
    assert "CommissionTaken" in bank.takeCommission({"from": accounts[BY_STRANGER]}).events
    assert prices() == before
    # The rest of the marked market moves the price by its halves at most.
    due, house = worth(world, world.partner), world.sportsbook.house()
    world.settle(bets.number, bets.batch)
    assert 0 <= world.sportsbook.house() - house <= 5
    assert abs(worth(world, world.partner) - due) <= 2 * world.scale.to_units(10**6) // 10**6 + 1


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


# -- Bonds


def disputed(world: World) -> Any:
    """A result that accounts[20] disputes."""
    game = make_market(starts_at_s=world.now() + 3_600)
    world.travel_to(game.starts_at_s + 7_200)
    result = score(1, 0, game.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    return result


def rule_with_estimated_gas(world: World, result: Any) -> Any:
    """As a wallet does that takes a node's estimate: the minimum gas with which the call succeeds,
    to 1.5 %, found by halving."""
    low, high = 21_000, 1_000_000
    while (high - low) / high >= 0.015:
        gas = (low + high) // 2
        try:
            world.results.rule.call(result.word(), {"from": world.arbiter, "gas": gas})
        except (VirtualMachineError, ValueError):
            low = gas
        else:
            high = gas
    return world.results.rule(result.word(), {"from": world.arbiter, "gas_limit": high})


@pytest.mark.parametrize("is_won", [True, False])
def test_ruling_whose_gas_is_estimated_pays_the_bond(world, is_won):
    result = disputed(world)
    tx = rule_with_estimated_gas(world, replace(result, home_full=0) if is_won else result)
    assert tx.events["DisputeClosed"]["refunded"] is is_won
    assert "BondsPaid" in tx.events


def test_bond_that_waits_for_the_house_is_not_taken_by_who_has_it_paid(world):
    """The arbiter's gas was what a node estimated. A stranger deposits, has the bond paid and
    redeems, which can be one transaction with borrowed tokens: 99 of 100 are his."""
    world.set_limits(receipt_reserve_micro=0)
    result = disputed(world)
    rule_with_estimated_gas(world, result)
    late = accounts[70]
    lent = 99 * BANKROLL_MICRO
    world.token.mint(late, lent, {"from": world.owner})
    world.token.approve(world.bankroll, EVERYTHING, {"from": late})
    world.bankroll.deposit(lent, late, {"from": late})
    if world.results.bondsOwed(world.sportsbook):
        world.results.payBonds(world.sportsbook, {"from": late})
    world.bankroll.redeem(world.bankroll.balanceOf(late), late, late, {"from": late})
    assert world.token.balanceOf(late) - lent <= 0


@pytest.fixture
def hooked() -> World:
    """A house of its own whose token calls back."""
    return World(token_contract="HookToken")


def publish_at(world: World, name: str = NAME) -> Any:
    game = make_market(starts_at_s=world.now() + 3_600, name=name)
    world.travel_to(game.starts_at_s + 7_200)
    result = score(1, 0, game.starts_at_s + 7_000, name=name)
    world.publish(result)
    return result


def publish_two(world: World) -> list[Any]:
    names = (NAME, OTHER_NAME)
    games = [make_market(starts_at_s=world.now() + 3_600, name=name) for name in names]
    world.travel_to(games[1].starts_at_s + 7_200)
    results = [
        score(1, 0, game.starts_at_s + 7_000, name=name)
        for game, name in zip(games, names, strict=True)
    ]
    for result in results:
        world.publish(result)
    return results


def test_author_who_is_paid_within_a_ruling_can_dispute_it_and_no_more(hooked):
    intruder, result = intrude(hooked), publish_at(hooked)
    do(hooked, intruder, hooked.results.dispute, result.fixture)
    prepare(hooked, intruder, RECEIVING, hooked.results.dispute, result.fixture)
    ruling = replace(result, home_full=3)
    hooked.rule(ruling)
    assert intruder.succeeded()
    assert hooked.results.disputeOf(result.fixture) == (intruder.address, BOND_MICRO)
    assert hooked.results.bondsOwed(intruder) == 0
    assert hooked.token.balanceOf(hooked.results) == BOND_MICRO
    assert hooked.sportsbook.resultOf(result.fixture)[3] == 3
    hooked.rule(ruling)
    assert hooked.sportsbook.house() == BANKROLL_MICRO + BOND_MICRO
    assert hooked.token.balanceOf(hooked.results) == 0


def test_bonds_that_are_paid_in_the_middle_of_a_dispute_cost_its_author_alone(hooked):
    """What leaves Results while a bond arrives is taken for a bond that did not arrive."""
    first, other = publish_two(hooked)
    honest = accounts[21]
    hooked.dispute(OTHER_NAME, by=honest)
    intruder = intrude(hooked)
    do(hooked, intruder, hooked.results.dispute, first.fixture)
    intruder.prepare(REFUSING, intruder, b"", {"from": hooked.owner})
    hooked.rule(replace(first, home_full=3))
    assert hooked.results.bondsOwed(intruder) == BOND_MICRO
    prepare(hooked, intruder, SENDING, hooked.results.payBonds, intruder)
    do(hooked, intruder, hooked.results.dispute, first.fixture)
    assert intruder.succeeded()
    assert hooked.results.disputeOf(first.fixture)[1] == 0
    assert hooked.token.balanceOf(hooked.results) == 2 * BOND_MICRO
    hooked.rule(replace(first, home_full=4))
    hooked.rule(replace(other, home_full=4))
    assert hooked.token.balanceOf(honest) == BOND_MICRO
    assert hooked.token.balanceOf(hooked.results) == BOND_MICRO


def test_nested_disputes_count_each_bond_once(hooked):
    first, other = publish_two(hooked)
    intruder = intrude(hooked)
    prepare(hooked, intruder, SENDING, hooked.results.dispute, other.fixture)
    do(hooked, intruder, hooked.results.dispute, first.fixture)
    assert intruder.succeeded()
    assert hooked.token.balanceOf(hooked.results) == 2 * BOND_MICRO
    hooked.rule(replace(first, home_full=3))
    hooked.rule(replace(other, home_full=3))
    assert hooked.token.balanceOf(intruder) == 1_000 * UNIT
    assert hooked.token.balanceOf(hooked.results) == 0


def test_bond_paid_to_the_house_in_the_middle_of_a_deposit_is_no_deposit(hooked):
    result = publish_at(hooked)
    hooked.dispute()
    real = web3.eth.get_code(hooked.token.address)
    stub = HookToken.deploy({"from": hooked.owner}).address
    moves = "transferFrom(address,address,uint256)"
    set_code(hooked.token.address, deaf_to(stub, moves))
    hooked.rule(result)
    set_code(hooked.token.address, bytes(real))
    assert hooked.results.bondsOwed(hooked.sportsbook) == BOND_MICRO
    intruder = intrude(hooked)
    for method, amount in (
        (hooked.bankroll.deposit, (50 * UNIT, intruder)),
        (hooked.sportsbook.deposit, (50 * UNIT,)),
    ):
        prepare(hooked, intruder, SENDING, hooked.results.payBonds, hooked.sportsbook)
        if method == hooked.bankroll.deposit:
            with reverts("TokenTakesFee", 50 * UNIT, 50 * UNIT + BOND_MICRO):
                do(hooked, intruder, method, *amount)
        else:
            do(hooked, intruder, method, *amount)
            account = hooked.sportsbook.accountOf(intruder)
            assert hooked.sportsbook.accountAt(account)[1] == 50 * UNIT
    held = hooked.token.balanceOf(hooked.sportsbook)
    assert held == BANKROLL_MICRO + BOND_MICRO + 50 * UNIT
    assert hooked.sportsbook.house() == BANKROLL_MICRO + BOND_MICRO


# Returns false.
SAYS_NO = bytes.fromhex("600060005260206000f3")


@pytest.mark.parametrize("is_won", [True, False])
def test_token_that_says_no_leaves_the_bond_owed(world, is_won):
    result = disputed(world)
    real = web3.eth.get_code(world.token.address)
    code = TestToken.deploy({"from": world.owner}).address
    moves = "transfer(address,uint256)" if is_won else "transferFrom(address,address,uint256)"
    set_code(world.token.address, deaf_to(code, moves, SAYS_NO))
    world.rule(replace(result, home_full=0) if is_won else result)
    to = accounts[20].address if is_won else world.sportsbook.address
    assert world.results.bondsOwed(to) == BOND_MICRO
    assert world.sportsbook.house() == BANKROLL_MICRO
    with reverts("SafeERC20FailedOperation", world.token.address):
        world.results.payBonds(to, {"from": accounts[BY_STRANGER]})
    set_code(world.token.address, bytes(real))
    world.results.payBonds(to, {"from": accounts[BY_STRANGER]})
    assert world.token.balanceOf(world.results) == 0
    assert world.sportsbook.house() == BANKROLL_MICRO + (0 if is_won else BOND_MICRO)


def test_receiver_who_answers_by_the_megabyte_stops_no_ruling(hooked):
    """Reverts with a million bytes, which nobody copies after the payment failed."""
    intruder, result = intrude(hooked), publish_at(hooked)
    do(hooked, intruder, hooked.results.dispute, result.fixture)
    set_code(intruder.address, bytes.fromhex("620fffff6000fd"))
    ruling = replace(result, home_full=0)
    tx = hooked.results.rule(ruling.word(), {"from": hooked.arbiter, "gas_limit": 10_000_000})
    assert "BondsPaid" not in tx.events
    assert hooked.results.bondsOwed(intruder) == BOND_MICRO
    assert hooked.sportsbook.resultOf(result.fixture)[3] == 0


def test_nobody_else_is_owed_a_bond(world):
    disputed(world)
    for holder in (world.results, world.sportsbook, world.bankroll, accounts[21]):
        with reverts("NoBondsOwed", holder.address):
            world.results.payBonds(holder, {"from": accounts[BY_STRANGER]})
    with reverts("NotBankroll", accounts[BY_STRANGER].address):
        world.sportsbook.fund(BOND_MICRO, {"from": accounts[BY_STRANGER]})


# -- Cancellations


@open_limit
@pytest.mark.parametrize("then", [0, 1, 6], ids=["of none", "of fewer", "of more"])
def test_cancelled_nonce_stays_cancelled_when_another_cancellation_follows(world, alice, then):
    """The house signs a receipt after the first cancellation, for a bet with a cancelled nonce."""
    now_s = world.now()
    home = Pick(make_market(starts_at_s=now_s + 86_400), 0)
    was = world.place(world.sign(alice, home, accepted_at_s=now_s, nonce=5))
    world.at(now_s + 10)
    world.sportsbook.cancelNonces(5, world.sender(alice))
    world.travel_to(now_s + 10 + RECEIPT_WINDOW_S - 5)
    better = replace(home, odds_e4=home.odds_e4 + 1)
    later = world.sign(alice, better, accepted_at_s=world.clock(), nonce=5)
    world.travel_to(now_s + 10 + RECEIPT_WINDOW_S + 1)
    world.sportsbook.cancelNonces(then, world.sender(alice))
    with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
        enforce_instead(world, was, later)
    assert fixture_id(NAME) == home.market.fixture
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT
