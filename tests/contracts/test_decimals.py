"""Tokens with 0 to 18 decimals. Everything is counted in micro-units; only tokens move in units of
their own.

a house on such a token
├── counts deposits of each kind in micro-units, and takes and pays what they are in the token
├── pays a fraction of a unit only once it is whole: withdrawals and fees of one are refused, an
│   exit leaves it in the account
├── prices the bankroll's shares in the token, and its previews are what happens
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
    BANKROLL_MICRO,
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EVERYTHING,
    EXIT_DELAY_S,
    MAX_MICRO,
    NOTICE_S,
    UNIT,
)

DECIMALS = (0, 2, 6, 8, 18)
VIRTUAL_SHARES = 10**6
# Odds at which a stake of a token wins a fraction that only a token of 6 decimals can pay.
THIRD_E4 = 13_337


@pytest.fixture(params=DECIMALS)
def house(request: Any) -> World:
    """A house on a token of so many decimals, with permits and EIP-3009."""
    return World(token_contract="ScaledToken", decimals=request.param)


@pytest.fixture
def sender() -> Any:
    """Somebody without an account."""
    return accounts[61]


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
    with reverts("ERC4626ExceededMaxDeposit"):
        bank.deposit(*again, by)
