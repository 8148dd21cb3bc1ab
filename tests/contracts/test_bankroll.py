"""The house's money, in shares.

deposit, mint
├── move tokens into the sportsbook and count them as the house's
├── revert when the token keeps a fee
├── leave a donor nothing but the donation's loss: it moves no share price
└── cannot be robbed of the first deposit by a donation or by dust
withdraw, redeem
├── pay what is not locked by open bets and not kept free for receipts, to the last unit
├── pay all when nothing has to stay free; then no bet is taken
├── revert above that, and say how much it is
├── leave what open bets lock to those who stay
└── let a holder's approved spender do it, and nobody else
deposit, mint, withdraw, redeem with a bound on the price (ERC-5143)
└── revert when the price is worse than the bound, and go on when it is as good
share price
├── follows settled profit and loss, and open bets not at all
├── gains nobody who settles winners, joins, and settles losers
├── gains nobody who settles losers, and leaves
└── after all is lost: old shares are worth nothing, new money belongs to new shares
fund, release
└── revert for anybody but the bankroll
shares
├── can be handed on, and spent by whom their holder approved, as tokens can
└── cost what previews say, rounded for the house
"""

import pytest
from brownie import ZERO_ADDRESS as ZERO
from brownie import Bankroll, FeeToken, accounts

from protocol.placed_event import SkipReason
from tests.contracts.world import reverts
from tests.support.deployment import Limits
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    BANKROLL_MICRO,
    DEPOSIT_MICRO,
    MAX_MICRO,
    NO_CAP,
    RECEIPT_BUDGET_MICRO,
    UNIT,
)


@pytest.fixture
def provider(world):
    """Somebody with tokens and an approval."""
    account = accounts[70]
    world.token.mint(account, BANKROLL_MICRO, {"from": world.owner})
    world.token.approve(world.bankroll, 2**255, {"from": account})
    return account


def another(world, token):
    """A second sportsbook without bets or money, and its bankroll."""
    book = world.deploy_book(token, limits=Limits(receipt_reserve_micro=0))
    return book, Bankroll.at(book.BANKROLL())


def finish(world, placed, match, home, away):
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(home, away, match.starts_at_s + 7_000))
    world.settle(placed.number, placed.batch)


def test_deposit_counts_as_house_money(world, provider):
    held = world.token.balanceOf(world.sportsbook)
    tx = world.bankroll.deposit(5 * UNIT, provider, {"from": provider})
    assert dict(tx.events["HouseFunded"]) == {"amount": 5 * UNIT}
    assert world.sportsbook.house() == BANKROLL_MICRO + 5 * UNIT == world.bankroll.totalAssets()
    assert world.token.balanceOf(world.sportsbook) == held + 5 * UNIT
    assert world.token.balanceOf(world.bankroll) == 0
    assert world.bankroll.balanceOf(provider) == 5 * UNIT * 10**6
    assert world.bankroll.decimals() == 12


def test_mint_takes_what_the_shares_cost(world, provider):
    before = world.token.balanceOf(provider)
    world.bankroll.mint(3 * UNIT * 10**6, provider, {"from": provider})
    assert world.token.balanceOf(provider) == before - 3 * UNIT


def test_deposit_reverts_for_token_with_fee(world):
    by = {"from": world.owner}
    token = FeeToken.deploy(6, by)
    _, bank = another(world, token)
    token.mint(world.owner, 1_000, by)
    token.approve(bank, 1_000, by)
    with reverts("ERC20InsufficientBalance"):
        bank.deposit(1_000, world.owner, by)
    # What was donated to the bankroll does not make up for the fee.
    token.mint(bank, 100, by)
    with reverts("TokenTakesFee", 1_000, 990):
        bank.deposit(1_000, world.owner, by)


def test_donation_moves_no_share_price(world, provider):
    price = world.bankroll.convertToAssets(10**18)
    for target in (world.sportsbook, world.bankroll):
        world.token.transfer(target, BANKROLL_MICRO // 2, {"from": provider})
    assert world.bankroll.convertToAssets(10**18) == price
    assert world.sportsbook.house() == BANKROLL_MICRO


def test_first_deposit_cannot_be_inflated(world, provider):
    """One unit, a large donation, then a victim: the victim keeps all that was paid in."""
    by = {"from": world.owner}
    book, bank = another(world, world.token)
    attacker = provider
    world.token.approve(bank, 2**255, {"from": attacker})
    bank.deposit(1, attacker, {"from": attacker})
    world.token.transfer(book, 1_000 * UNIT, {"from": attacker})
    world.token.transfer(bank, 1_000 * UNIT, {"from": attacker})
    world.token.approve(bank, 2**255, by)
    bank.deposit(500 * UNIT, world.owner, by)
    assert bank.previewRedeem(bank.balanceOf(world.owner)) == 500 * UNIT
    bank.redeem(bank.balanceOf(attacker), attacker, attacker, {"from": attacker})
    bank.redeem(bank.balanceOf(world.owner), world.owner, world.owner, by)
    assert book.house() == 0


def test_withdraw_is_limited_to_what_is_not_locked_or_kept_for_receipts(world, alice, match, now):
    by = {"from": world.owner}
    pick = Pick(match, 0, 100_000)
    world.place(world.sign(alice, pick, stake_micro=DEPOSIT_MICRO, accepted_at_s=now))
    locked = 9 * DEPOSIT_MICRO
    free = BANKROLL_MICRO - locked
    out = free - RECEIPT_BUDGET_MICRO
    assert world.book()["locked_micro"] == locked
    assert world.bankroll.totalAssets() == BANKROLL_MICRO
    assert world.sportsbook.houseFree() == free
    assert world.bankroll.maxWithdraw(world.owner) == world.sportsbook.releasable() == out
    with reverts("ERC4626ExceededMaxWithdraw", world.owner.address, out + 1, out):
        world.bankroll.withdraw(out + 1, world.owner, world.owner, by)
    shares = world.bankroll.maxRedeem(world.owner)
    assert world.bankroll.previewRedeem(shares) == out
    assert world.bankroll.previewRedeem(shares + 1) == out + 1
    with reverts("ERC4626ExceededMaxRedeem"):
        world.bankroll.redeem(shares + 1, world.owner, world.owner, by)
    tx = world.bankroll.withdraw(out, provider_of(world), world.owner, by)
    assert dict(tx.events["HouseReleased"]) == {"to": provider_of(world), "amount": out}
    assert world.token.balanceOf(provider_of(world)) == out
    assert world.sportsbook.houseFree() == RECEIPT_BUDGET_MICRO
    assert world.sportsbook.house() == locked + RECEIPT_BUDGET_MICRO
    assert world.bankroll.maxWithdraw(world.owner) == world.sportsbook.releasable() == 0
    assert world.bankroll.previewRedeem(world.bankroll.maxRedeem(world.owner)) == 0


def test_reserve_below_which_the_house_stands_lets_nobody_out(world, alice, match, now):
    """And what is asked of the views does not revert."""
    world.set_limits(receipt_reserve_micro=NO_CAP)
    assert world.sportsbook.releasable() == 0
    assert world.bankroll.maxWithdraw(world.owner) == 0
    assert world.bankroll.previewRedeem(world.bankroll.maxRedeem(world.owner)) == 0
    with reverts("ERC4626ExceededMaxWithdraw", world.owner.address, 1, 0):
        world.bankroll.withdraw(1, world.owner, world.owner, {"from": world.owner})


def test_leaving_with_bets_open_leaves_what_they_lock_to_those_who_stay(
    world, alice, provider, match, now
):
    world.bankroll.deposit(BANKROLL_MICRO, provider, {"from": provider})
    world.place(world.sign(alice, Pick(match, 0, 100_000), stake_micro=UNIT, accepted_at_s=now))
    shares = world.bankroll.balanceOf(provider)
    before = world.token.balanceOf(provider)
    world.bankroll.redeem(shares, provider, provider, {"from": provider})
    paid = world.token.balanceOf(provider) - before
    assert paid == BANKROLL_MICRO - 9 * UNIT // 2
    assert world.sportsbook.house() == BANKROLL_MICRO + 9 * UNIT // 2


def two_sides(world, match, now):
    """A market with as much on home as on away, settled by nobody yet; home has won."""
    stake = DEPOSIT_MICRO
    home, away = world.open_account(90), world.open_account(91)
    number, batch, _ = world.place(
        world.sign(home, Pick(match, 0, 19_000), stake_micro=stake, accepted_at_s=now),
        world.sign(away, Pick(match, 2, 19_000), stake_micro=stake, accepted_at_s=now),
    )
    assert len(batch.records) == 2
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(1, 0, match.starts_at_s + 7_000))
    winner = next(i for i, r in enumerate(batch.records) if r.account == home.account)
    return number, batch, winner, 1 - winner


def test_joining_between_winners_and_losers_gains_nothing(world, provider, match, now):
    number, batch, winner, loser = two_sides(world, match, now)
    world.settle(number, batch, winner, 1)
    before = world.token.balanceOf(provider)
    world.bankroll.deposit(UNIT, provider, {"from": provider})
    world.settle(number, batch, loser, 1)
    shares = world.bankroll.balanceOf(provider)
    world.bankroll.redeem(shares, provider, provider, {"from": provider})
    assert world.token.balanceOf(provider) <= before


def test_leaving_between_losers_and_winners_gains_nothing(world, provider, match, now):
    by = {"from": provider}
    world.bankroll.deposit(BANKROLL_MICRO, provider, by)
    number, batch, winner, loser = two_sides(world, match, now)
    before = world.token.balanceOf(provider)
    fair = BANKROLL_MICRO + DEPOSIT_MICRO // 20
    world.settle(number, batch, loser, 1)
    world.bankroll.redeem(world.bankroll.balanceOf(provider), provider, provider, by)
    assert world.token.balanceOf(provider) - before <= fair
    world.settle(number, batch, winner, 1)
    assert world.sportsbook.house() >= fair


def provider_of(world):
    return accounts[71].address


def test_redeem_takes_all_when_nothing_is_locked(world):
    by = {"from": world.owner}
    world.set_limits(receipt_reserve_micro=0)
    before = world.token.balanceOf(world.owner)
    world.bankroll.redeem(world.bankroll.balanceOf(world.owner), world.owner, world.owner, by)
    assert world.token.balanceOf(world.owner) == before + BANKROLL_MICRO
    assert world.book()["pool_micro"] == 0


def test_redeem_by_spender_needs_allowance(world, provider):
    with reverts("ERC20InsufficientAllowance"):
        world.bankroll.redeem(10**6, provider, world.owner, {"from": provider})
    world.bankroll.approve(provider, 10**6, {"from": world.owner})
    before = world.token.balanceOf(provider)
    world.bankroll.redeem(10**6, provider, world.owner, {"from": provider})
    assert world.token.balanceOf(provider) == before + 1


def test_share_price_follows_settled_bets_alone(world, alice, match, now):
    placed = world.place(
        world.sign(alice, Pick(match, 0, 30_000), stake_micro=UNIT, accepted_at_s=now)
    )
    assert world.bankroll.totalAssets() == BANKROLL_MICRO
    finish(world, placed, match, 0, 1)
    assert world.bankroll.totalAssets() == BANKROLL_MICRO + UNIT
    later = world.now()
    next_match = make_market(starts_at_s=later + 3_600, name="Leeds v Hull, 2025-05-25")
    pick = Pick(next_match, 0, 30_000, "Leeds v Hull, 2025-05-25")
    number, batch, _ = world.place(
        world.sign(alice, pick, stake_micro=UNIT, accepted_at_s=later, nonce=2)
    )
    world.travel_to(next_match.starts_at_s + 7_200)
    won = score(1, 0, next_match.starts_at_s + 7_000, name="Leeds v Hull, 2025-05-25")
    world.publish_final(won)
    world.settle(number, batch)
    assert world.bankroll.totalAssets() == BANKROLL_MICRO - UNIT


def test_losing_everything_leaves_old_shares_worthless(world, alice, provider):
    now = world.leave_in_bankroll(DEPOSIT_MICRO)
    match = make_market(starts_at_s=now + 3_600)
    placed = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=now)
    )
    finish(world, placed, match, 1, 0)
    assert world.balance(alice) == 2 * DEPOSIT_MICRO
    assert world.bankroll.totalAssets() == world.book()["pool_micro"] == 0
    old = world.bankroll.balanceOf(world.owner)
    assert old > 0
    assert world.bankroll.previewRedeem(old) == 0
    world.bankroll.deposit(100 * UNIT, provider, {"from": provider})
    worth = world.bankroll.previewRedeem(world.bankroll.balanceOf(provider))
    assert 100 * UNIT - 2 <= worth <= 100 * UNIT
    assert world.bankroll.previewRedeem(old) <= 1


def test_fund_and_release_revert_for_anybody_else(world):
    for call in (
        lambda by: world.sportsbook.fund(1, by),
        lambda by: world.sportsbook.release(world.owner, 1, by),
    ):
        with reverts("NotBankroll", world.owner.address):
            call({"from": world.owner})


def test_release_checks_what_is_free_by_itself(world, alice, match, now):
    """A bankroll that forgot its own limits still could not take what bets lock, nor what is kept
    for receipts."""
    world.place(world.sign(alice, Pick(match, 0), stake_micro=UNIT, accepted_at_s=now))
    most = BANKROLL_MICRO - UNIT - RECEIPT_BUDGET_MICRO
    by = {"from": world.bankroll.address}
    with reverts("BankrollLocked", most, most + 1):
        world.sportsbook.release.call(provider_of(world), most + 1, by)
    world.sportsbook.release.call(provider_of(world), most, by)


def test_fund_counts_what_arrived_from_the_caller(world):
    """The bankroll's word alone adds nothing."""
    by = {"from": world.bankroll.address}
    with reverts("ERC20InsufficientBalance"):
        world.sportsbook.fund.call(UNIT, by)


def test_shares_are_a_token_that_wallets_know(world, provider):
    bank, giver, taker = world.bankroll, {"from": provider}, accounts[71]
    assert (bank.name(), bank.symbol(), bank.asset()) == (
        "Fairline Bankroll",
        "fBANK",
        world.token.address,
    )
    bank.deposit(10 * UNIT, provider, giver)
    shares = bank.balanceOf(provider)
    bank.transfer(taker, shares // 2, giver)
    bank.approve(taker, shares // 4, giver)
    bank.transferFrom(provider, taker, shares // 8, {"from": taker})
    assert bank.allowance(provider, taker) == shares // 4 - shares // 8
    assert bank.balanceOf(taker) == shares // 2 + shares // 8
    bank.approve(taker, 2**256 - 1, giver)
    bank.transferFrom(provider, taker, 1, {"from": taker})
    assert bank.allowance(provider, taker) == 2**256 - 1
    with reverts("ERC20InsufficientBalance", provider.address, shares * 3 // 8 - 1, shares):
        bank.transfer(taker, shares, giver)
    with reverts("ERC20InvalidReceiver", ZERO):
        bank.transfer(ZERO, 1, giver)
    with reverts("ERC20InvalidSpender", ZERO):
        bank.approve(ZERO, 1, giver)


def test_prices_are_what_is_paid_and_rounded_for_the_house(world, provider):
    bank, by = world.bankroll, {"from": provider}
    assert bank.maxDeposit(provider) == MAX_MICRO - world.token.balanceOf(world.sportsbook)
    assert bank.maxMint(provider) == bank.previewDeposit(bank.maxDeposit(provider))
    assets, shares = 7 * UNIT + 1, bank.previewDeposit(7 * UNIT + 1)
    assert bank.convertToShares(assets) == shares
    assert bank.previewMint(shares) == assets
    before = world.token.balanceOf(provider)
    bank.mint(shares, provider, by)
    assert before - world.token.balanceOf(provider) == assets
    assert bank.previewMint(1) == 1
    assert bank.previewRedeem(1) == 0
    assert bank.maxRedeem(provider) == bank.balanceOf(provider) == shares
    assert bank.netDeposits() == BANKROLL_MICRO + assets
    assert (bank.COMMISSION_BPS(), bank.COMMISSION_TO()) == (0, world.partner.address)
    assert bank.SPORTSBOOK() == world.sportsbook.address


def test_bound_on_the_price_is_kept_to_the_unit(world, alice, provider, match, now):
    """Shares have just become dearer for who comes, and cheaper for who leaves."""
    bank, by = world.bankroll, {"from": provider}
    shares = bank.previewDeposit(UNIT)
    with reverts("PriceMoved", shares, shares + 1):
        bank.deposit(UNIT, provider, shares + 1, by)
    bank.deposit(UNIT, provider, shares, by)
    assert bank.balanceOf(provider) == shares
    assets = bank.previewMint(shares)
    with reverts("PriceMoved", assets, assets - 1):
        bank.mint(shares, provider, assets - 1, by)
    bank.mint(shares, provider, assets, by)
    world.place(world.sign(alice, Pick(match, 0, 50_000), stake_micro=UNIT, accepted_at_s=now))
    burnt = bank.previewWithdraw(UNIT // 2)
    assert burnt > shares // 2
    with reverts("PriceMoved", burnt, burnt - 1):
        bank.withdraw(UNIT // 2, provider, provider, burnt - 1, by)
    bank.withdraw(UNIT // 2, provider, provider, burnt, by)
    paid = bank.previewRedeem(shares)
    assert paid < UNIT
    with reverts("PriceMoved", paid, paid + 1):
        bank.redeem(shares, provider, provider, paid + 1, by)
    bank.redeem(shares, provider, provider, paid, by)


def test_house_without_money_accepts_no_bet(world, alice):
    now = world.leave_in_bankroll(0)
    match = make_market(starts_at_s=now + 3_600)
    assert world.sportsbook.house() == 0
    _, _, skips = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    assert [skip.reason for skip in skips] == [SkipReason.EXPOSURE_EXCEEDED]
