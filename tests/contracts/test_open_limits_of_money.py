"""What docs/attacks.md lists as open limits on money: each test states what should hold, and does
not yet. A change that ends one takes its mark off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from brownie import (
    TestToken,
    accounts,
)
from eth_utils.crypto import keccak

from tests.contracts.test_audit_scales import disputed, hooked, profit_of, worth  # noqa: F401
from tests.contracts.test_decimals import leave, win
from tests.contracts.test_reentrancy import do
from tests.contracts.world import World, reverts, set_code
from tests.support.people import council
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    BANKROLL_MICRO,
    BOND_MICRO,
    EVERYTHING,
    NOTICE_S,
    UNIT,
    VOID_AFTER_S,
)

REFUSING, NEVER = 3, 0


pytestmark = pytest.mark.xfail(strict=True)


@pytest.fixture(params=[0, 2, 18])
def house(request: Any) -> World:
    return World(token_contract="ScaledToken", decimals=request.param)


def deaf_to(token: str, signature: str) -> bytes:
    """Code that runs a token's, but for one function, which reverts."""
    selector = keccak(text=signature)[:4].hex()
    forward = bytes.fromhex("3660006000376000600036600073" + token[2:] + "5af4")
    answer = bytes.fromhex("3d600060003e")
    ok = 15 + len(forward) + len(answer) + 7
    head = bytes.fromhex(f"60003560e01c63{selector}1460{ok + 5:02x}57")
    tail = bytes.fromhex(f"60{ok:02x}573d6000fd5b3d6000f35b60006000fd")
    return head + forward + answer + tail


def test_commission_is_not_starved_by_an_open_bet():
    """Somebody stakes nine times the house at odds of 1.0001, and has the commission taken: it is
    paid in shares at the price of a deposit, for which those stakes count."""
    house = World(2_000)
    profit_of(house, 10_000 * UNIT, 41)
    now_s = house.now()
    name = "Left v Right, 2025-05-25"
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    whale = house.stranger(42, 9 * BANKROLL_MICRO)
    pick = Pick(game, 0, 10_001, name)
    bets = house.place(house.sign(whale, pick, stake_micro=9 * BANKROLL_MICRO, accepted_at_s=now_s))
    house.bankroll.takeCommission({"from": accounts[60]})
    house.travel_to(now_s + 3_600 + VOID_AFTER_S + 1)
    house.settle(bets.number, bets.batch)
    house.bankroll.takeCommission({"from": accounts[60]})
    assert worth(house, house.partner) >= 1_900 * UNIT


def test_bond_of_a_won_dispute_is_not_lost_by_a_second_ruling():
    """The token is paused while the arbiter rules for the critic; he rules the same once more,
    because the dispute is still there."""
    house = World(token_contract="DollarToken")
    game = make_market(starts_at_s=house.now() + 3_600)
    house.travel_to(game.starts_at_s + 7_200)
    result = score(1, 0, game.starts_at_s + 7_000)
    house.publish(result)
    house.dispute()
    house.token.setPaused(True, {"from": house.owner})
    right = replace(result, home_full=0)
    house.rule(right)
    house.token.setPaused(False, {"from": house.owner})
    house.rule(right)
    assert house.token.balanceOf(accounts[20]) == BOND_MICRO


def test_critic_who_refuses_the_bond_keeps_nobody_from_disputing_the_ruling(
    hooked,  # noqa: F811
    disputed,  # noqa: F811
):
    """The arbiter makes it worse, and others may say so with a bond of their own."""
    intruder, match, result = disputed
    do(hooked, intruder, hooked.results.dispute, match.fixture)
    intruder.prepare(REFUSING, intruder, b"", {"from": hooked.owner})
    hooked.rule(replace(result, home_full=5))
    hooked.dispute(by=accounts[21])
    assert hooked.results.disputeOf(match.fixture)[0] == accounts[21].address


def test_provider_who_comes_before_a_bond_is_lost_gets_nothing_of_it(world, match):
    """The arbiter's ruling is seen coming; a provider is there for a block."""
    world.set_limits(receipt_reserve_micro=0)
    world.travel_to(match.starts_at_s + 7_200)
    result = score(1, 0, match.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    late = accounts[70]
    world.token.mint(late, BANKROLL_MICRO, {"from": world.owner})
    world.token.approve(world.bankroll, EVERYTHING, {"from": late})
    world.bankroll.deposit(BANKROLL_MICRO, late, {"from": late})
    world.rule(result)
    world.bankroll.redeem(world.bankroll.balanceOf(late), late, late, {"from": late})
    assert world.token.balanceOf(late) <= BANKROLL_MICRO


def test_ruling_does_not_depend_on_an_approval(world, match):
    """While a real dollar is paused, or one of two is blocked, `approve` reverts as well."""
    world.travel_to(match.starts_at_s + 7_200)
    result = score(1, 0, match.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    code = TestToken.deploy({"from": world.owner}).address
    set_code(world.token.address, deaf_to(code, "approve(address,uint256)"))
    world.rule(result)
    assert world.results.disputeOf(match.fixture)[0] == accounts[20].address


@pytest.mark.parametrize(("decimals", "busts"), [(18, 3), (6, 8)])
def test_bankroll_outlives_being_lost_again_and_again(decimals, busts):
    """The house loses all it has, and the same provider puts the same in again."""
    house = World(token_contract="ScaledToken", decimals=decimals)
    house.set_limits(receipt_reserve_micro=0)
    by, bank = {"from": house.owner}, house.bankroll
    stake = BANKROLL_MICRO
    bettor = house.open_account(10, stake)
    for i in range(busts):
        free = house.sportsbook.houseFree()
        assert free == BANKROLL_MICRO
        win(house, bettor, 1 + i, BANKROLL_MICRO, 20_000)
        assert house.sportsbook.house() == 0
        house.token.mint(house.owner, house.scale.to_units(BANKROLL_MICRO), by)
        bank.deposit(house.scale.to_units(BANKROLL_MICRO), house.owner, by)


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


def test_receipt_of_before_a_council_is_decided_by_that_council(world, alice):
    """A slip was accepted in the last minute of a council and is enforced in the first of the
    next: an accepted bet on a fixture that nobody had bet on."""
    next_ = council(world.signer_keys, 3, world.arbiter.address)
    proposed = world.results.propose(next_, {"from": world.owner})
    world.travel_to(proposed.timestamp + NOTICE_S)
    accepted_s = world.clock()
    game = make_market(starts_at_s=accepted_s + 3_600)
    slip = world.sign(alice, Pick(game, 0), accepted_at_s=accepted_s)
    world.results.appoint(next_, {"from": accounts[60]})
    world.enforce(slip)
    assert world.sportsbook.resultOf(game.fixture)[8] == 1


def test_commission_is_at_most_its_rate_whenever_it_is_taken():
    """The receiver has it taken before, between and after two bets that the house wins, of which
    one is as large as the house."""
    house = World(2_000)
    house.leave_in_bankroll(10_000 * UNIT)
    start = house.sportsbook.house()
    by = {"from": accounts[60]}
    for i, micro in enumerate((9_000 * UNIT, 1_000 * UNIT, 9_000 * UNIT)):
        house.bankroll.takeCommission(by)
        profit_of(house, micro, 41 + i)
        house.bankroll.takeCommission(by)
    gained = house.sportsbook.house() - start
    assert gained == 19_000 * UNIT
    assert worth(house, house.partner) <= gained // 5


# -- Deployment
