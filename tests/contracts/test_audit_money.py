"""Attacks on what people and providers hold: deposits, keys, shares, bonds.

deposits
├── a permit is deposited once, whoever sends it first
├── an authorization counts in one sportsbook, for its owner, and not past an exclusion
└── tokens that are given until the book is full stop no payment
restrictions
└── an exclusion to the end of time leaves the way out
keys
└── dust by the second keeps no budget from coming back
bankroll
├── who leaves first is paid as who leaves last, commission or not
├── tokens that are released to the house itself move no price
├── settling in the middle of a redemption or a deposit gains nothing
└── a sole provider who leaves with bets open costs the next one no more than a share
results
└── whoever closes a dispute with little gas closes nothing
"""

from __future__ import annotations

import pytest
from brownie import accounts
from brownie.exceptions import VirtualMachineError
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from protocol.roles import Role
from protocol.typed_data import Action
from tests.contracts.intruding import do, intrude, prepare
from tests.contracts.test_relay import relay, request
from tests.contracts.token_signatures import authorization, permit
from tests.contracts.world import World, reverts
from tests.support.batches import run
from tests.support.people import key, key_address
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    BANKROLL_MICRO,
    BOND_MICRO,
    BUDGET_PERIOD_S,
    DEPOSIT_MICRO,
    EXIT_DELAY_S,
    MAX_MICRO,
    RECEIPT_WINDOW_S,
    UNIT,
)

DAY_S = 86_400
FAR_S = 2**40 - 1
RECEIVING = 2
FEE_MICRO = 3_000


# -- Deposits


def test_permit_is_deposited_once_whoever_is_first(world, sender):
    """She has an allowance without limit left over; somebody sends her permit before she does."""
    carol = world.stranger(9, 1)
    world.token.mint(carol.address, 10 * UNIT, {"from": world.owner})
    by = world.sender(carol)
    world.token.approve(world.sportsbook, 2**256 - 1, by)
    signature = permit(world, carol.key, UNIT)
    deposit = (carol.address, UNIT, FAR_S, *signature)
    world.sportsbook.depositWithPermit(*deposit, {"from": sender})
    with reverts("ERC20InsufficientAllowance"):
        world.sportsbook.depositWithPermit(*deposit, by)
    with reverts("PermitInvalid", carol.address):
        world.sportsbook.depositWithPermit(*deposit, {"from": sender})
    assert world.balance(carol) == UNIT + 1
    assert world.token.balanceOf(carol.address) == 9 * UNIT


def test_authorization_counts_for_its_owner_in_one_sportsbook(sender):
    """Sent to the token, to another sportsbook, for another owner, or while she is excluded, it
    moves nothing and stays what it was."""
    dollars = World(token_contract="DollarToken")
    other = dollars.deploy_book()
    carol, salt = dollars.stranger(10, 1), b"\x07" * 32
    dollars.token.mint(carol.address, UNIT, {"from": dollars.owner})
    signature = authorization(dollars, carol.key, UNIT, FEE_MICRO, salt)
    nonce = keccak(encode(["uint64", "bytes32"], [FEE_MICRO, salt]))
    by = {"from": sender}
    with reverts("AuthorizationInvalid"):
        terms = (carol.address, dollars.sportsbook, UNIT, 0, FAR_S, nonce, *signature)
        dollars.token.receiveWithAuthorization(*terms, by)
    terms = (UNIT, FEE_MICRO, 0, FAR_S, salt, *signature)
    with reverts("AuthorizationInvalid"):
        other.depositWithAuthorization(carol.address, *terms, by)
    with reverts("AuthorizationInvalid"):
        dollars.sportsbook.depositWithAuthorization(sender, *terms, by)
    until_s = dollars.clock() + 2 * RECEIPT_WINDOW_S
    dollars.exclude(carol, until_s)
    with reverts("AccountExcluded", carol.account, until_s):
        dollars.sportsbook.depositWithAuthorization(carol.address, *terms, by)
    assert dollars.token.balanceOf(sender) == 0
    dollars.travel_to(until_s)
    dollars.sportsbook.depositWithAuthorization(carol.address, *terms, by)
    assert dollars.balance(carol) == 1 + UNIT - FEE_MICRO
    assert dollars.token.balanceOf(sender) == FEE_MICRO


def test_tokens_given_until_the_book_is_full_stop_no_payment(world, alice, bob, match, now):
    """No deposit is possible then, and no bond can go to the house; all else goes on."""
    bets = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=UNIT, accepted_at_s=now),
        world.sign(bob, Pick(match, 2), stake_micro=UNIT, accepted_at_s=now),
    )
    asked = world.sportsbook.requestExit(DEPOSIT_MICRO, world.sender(bob))
    held = world.token.balanceOf(world.sportsbook)
    world.token.mint(world.sportsbook, MAX_MICRO + 1 - held, {"from": world.owner})
    with reverts("DepositTooLarge"):
        world.sportsbook.depositFor(alice.address, 1, {"from": world.owner})
    with reverts("ERC4626ExceededMaxDeposit"):
        world.bankroll.deposit(1, world.owner, {"from": world.owner})
    world.travel_to(max(asked.timestamp + EXIT_DELAY_S, match.starts_at_s + 7_200))
    result = score(1, 0, match.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    world.rule(result)
    assert world.results.bondsOwed(world.sportsbook) == BOND_MICRO
    world.travel_to(world.sportsbook.resultOf(match.fixture)[7])
    world.settle(bets.number, bets.batch)
    assert world.balance(alice) == DEPOSIT_MICRO + UNIT
    world.bankroll.withdraw(UNIT, world.owner, world.owner, {"from": world.owner})
    world.sportsbook.exit(world.sender(bob))
    assert world.token.balanceOf(bob.address) == DEPOSIT_MICRO - UNIT


# -- Restrictions


def test_exclusion_to_the_end_of_time_leaves_the_way_out(world, alice, sender):
    """An account is excluded for as long as a time can be, and cancelled; then it leaves."""
    world.exclude(alice, FAR_S)
    for until_s in (FAR_S, FAR_S - 1, 0):
        with pytest.raises(VirtualMachineError):
            world.exclude(alice, until_s)
    world.sportsbook.cancelNonces(9, world.sender(alice))
    asked = relay(world, alice, request(alice, Action.REQUEST_EXIT, DEPOSIT_MICRO), sender)
    world.travel_to(asked.timestamp + EXIT_DELAY_S)
    world.sportsbook.exit(world.sender(alice))
    assert world.token.balanceOf(alice.address) == DEPOSIT_MICRO


# -- Keys


def test_dust_by_the_second_keeps_no_budget_from_coming_back(world, alice):
    """Every use of a key rounds what came back; a bettor has receipts of next to nothing enforced
    as often as there are blocks."""
    secret, budget = key(30), 864 * UNIT
    address = key_address(secret)
    world.replace_key(Role.RECEIPTS, address, budget)
    match = make_market(starts_at_s=world.clock() + DAY_S)

    def enforce(stake_micro, nonce):
        at_s = world.clock()
        signed = world.sign(
            alice, Pick(match, 0), stake_micro=stake_micro, accepted_at_s=at_s, nonce=nonce
        )
        world.enforce(signed, world.receipt(signed, secret))

    enforce(budget, 1)
    start_s = world.clock()
    for nonce in range(2, 22):
        enforce(1, nonce)
    passed_s = world.clock() - start_s
    left = world.sportsbook.keyOf(address)[4]
    came_back = budget * passed_s // BUDGET_PERIOD_S
    assert came_back - 2 * 20 <= left <= came_back


# -- Bankroll


@pytest.fixture
def provider(world):
    """Somebody with tokens and an approval."""
    return funded(world)


def funded(world):
    account = accounts[70]
    world.token.mint(account, BANKROLL_MICRO, {"from": world.owner})
    world.token.approve(world.bankroll, 2**255, {"from": account})
    return account


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("commission", ["before", "between", "never"])
def test_who_leaves_first_is_paid_as_who_leaves_last(first, commission):
    """Two providers of equal shares, profit on which commission is due, and open bets."""
    world = World(2_000)
    world.set_limits(receipt_reserve_micro=0)
    other = funded(world)
    world.bankroll.deposit(BANKROLL_MICRO, other, {"from": other})
    now = world.now()
    loser, open_ = world.stranger(31, 90_000 * UNIT), world.stranger(32)
    match = make_market(starts_at_s=now + 3_600)
    lost = world.place(
        world.sign(loser, Pick(match, 0, 11_000), stake_micro=90_000 * UNIT, accepted_at_s=now)
    )
    world.end_match(match, 0, 1)
    world.settle(lost.number, lost.batch)
    now = world.now()
    later = make_market(starts_at_s=now + 3_600, name="Leeds v Hull, 2025-05-25")
    pick = Pick(later, 0, 200_000, "Leeds v Hull, 2025-05-25")
    world.place(world.sign(open_, pick, stake_micro=DEPOSIT_MICRO, accepted_at_s=now))
    if commission == "before":
        world.bankroll.payCommission({"from": accounts[60]})
    paid = []
    for leaver in [(world.owner, other), (other, world.owner)][first]:
        by, had = {"from": leaver}, world.token.balanceOf(leaver)
        world.bankroll.redeem(world.bankroll.balanceOf(leaver), leaver, leaver, by)
        paid.append(world.token.balanceOf(leaver) - had)
        if commission == "between":
            world.bankroll.payCommission({"from": accounts[60]})
    pool = 2 * BANKROLL_MICRO + 90_000 * UNIT + DEPOSIT_MICRO
    free = pool - 20 * DEPOSIT_MICRO
    commission = (free - 2 * BANKROLL_MICRO) // 5
    fair = (free - commission) // 2
    assert all(fair - 2 <= each <= fair + 2 for each in paid), (paid, fair)


@pytest.mark.parametrize("to", ["sportsbook", "bankroll"])
def test_shares_redeemed_to_the_house_itself_move_no_price(world, provider, to):
    """A provider names the sportsbook or the bankroll as receiver, to count money twice."""
    world.bankroll.deposit(BANKROLL_MICRO, provider, {"from": provider})
    price = world.bankroll.convertToAssets(10**18)
    target = getattr(world, to)
    world.bankroll.redeem(10**12, target, provider, {"from": provider})
    assert price <= world.bankroll.convertToAssets(10**18) <= price + 1
    assert world.token.balanceOf(world.sportsbook) >= world.sportsbook.house()


@pytest.mark.parametrize("move", ["deposit", "redeem"])
def test_settling_within_a_move_of_the_bankroll_gains_nothing(hooked, move):
    """The intruder settles a won bet while its tokens leave or arrive."""
    hooked.leave_in_bankroll(10_000 * UNIT)
    intruder = intrude(hooked, 10_000 * UNIT)
    do(hooked, intruder, hooked.bankroll.deposit, 5_000 * UNIT, intruder)
    erin = hooked.stranger(13)
    now = hooked.now()
    match = make_market(starts_at_s=now + 3_600)
    bets = hooked.place(
        hooked.sign(erin, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=now)
    )
    hooked.end_match(match)
    settle = (hooked.sportsbook.settle, [run(bets.number, bets.batch)])
    before = hooked.token.balanceOf(intruder)
    if move == "deposit":
        prepare(hooked, intruder, 1, *settle)
        do(hooked, intruder, hooked.bankroll.deposit, 1_000 * UNIT, intruder)
    else:
        prepare(hooked, intruder, RECEIVING, *settle)
        do(hooked, intruder, hooked.bankroll.redeem, 1_000 * UNIT * 10**6, intruder, intruder)
    assert intruder.succeeded()
    assert hooked.balance(erin) == 2 * DEPOSIT_MICRO
    held = hooked.token.balanceOf(intruder) - before
    # The intruder's third of the house bears its third of the loss, and no less.
    worth = hooked.bankroll.previewRedeem(hooked.bankroll.balanceOf(intruder))
    assert held + worth <= 5_000 * UNIT - DEPOSIT_MICRO // 3 + 1
    assert hooked.token.balanceOf(hooked.sportsbook) >= hooked.sportsbook.house()


def test_sole_provider_gives_no_shares_away_while_bets_lock_everything(world, alice):
    """They would be redeemed for nothing, and what bets lock would belong to nobody."""
    now = world.leave_in_bankroll(DEPOSIT_MICRO)
    match = make_market(starts_at_s=now + 3_600)
    bets = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=now)
    )
    by, shares = {"from": world.owner}, world.bankroll.balanceOf(world.owner)
    assert world.bankroll.previewRedeem(shares) == 0
    with reverts("ERC4626ExceededMaxRedeem"):
        world.bankroll.redeem(shares, world.owner, world.owner, by)
    world.end_match(match, 0, 1)
    world.settle(bets.number, bets.batch)
    world.bankroll.redeem(shares, world.owner, world.owner, by)
    assert world.sportsbook.house() <= 1


# -- Results


def test_dispute_is_not_closed_with_too_little_gas(world, match):
    """A transfer that runs out of gas must not pass for a token that refuses."""
    world.travel_to(match.starts_at_s + 7_200)
    world.publish(score(1, 0, match.starts_at_s + 7_000))
    world.dispute()
    world.travel_to(world.sportsbook.resultOf(match.fixture)[7])
    enough = 0
    for gas in range(30_000, 500_000, 5_000):
        by = {"from": accounts[60], "gas": gas}
        try:
            world.results.closeDispute.call(match.fixture, by)
        except (VirtualMachineError, ValueError):
            assert not enough
        else:
            enough = enough or gas
    world.results.closeDispute(match.fixture, {"from": accounts[60], "gas_limit": enough})
    assert world.token.balanceOf(accounts[20]) == BOND_MICRO
    assert world.results.bondsOwed(accounts[20]) == 0
