"""Attacks on bonds that a ruling owes, and pays at once if the token moves.

bonds
├── are paid by a ruling whose gas was estimated
├── are not taken by who deposits and has them paid to the house
├── the author who is paid within a ruling can dispute it, and no more
├── those that are paid in the middle of a dispute cost its author alone
├── two disputes within each other count each bond once
├── one that is paid to the house in the middle of a deposit is no deposit
├── a token that refuses, and a receiver who answers by the megabyte, leave them owed
└── nobody is owed one but its author and the house
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from brownie import HookToken, TestToken, accounts, web3
from brownie.exceptions import VirtualMachineError

from tests.contracts.intruding import RECEIVING, REFUSING, SENDING, do, intrude, prepare
from tests.contracts.node_state import set_code
from tests.contracts.token_code import deaf_to
from tests.contracts.world import World, reverts
from tests.support.signing import score
from tests.support.slips import NAME, OTHER_NAME, make_market
from tests.support.terms import BANKROLL_MICRO, BOND_MICRO, EVERYTHING, UNIT

BY_STRANGER = 60


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
