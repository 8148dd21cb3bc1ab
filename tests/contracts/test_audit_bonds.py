"""Attacks on bonds, and from within a payment: what an auditor tried that earns nothing.

bonds
├── a critic who burns all gas stops no ruling
├── a dispute within a refund, and a ruling within a dispute, take no bond of others
├── a lost bond of a token that is not the house's stops no ruling
└── the allowance of a lost bond is nobody's
payments
└── who is paid a fee and provides in the middle of it finds whole books
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from brownie import Results, ScaledToken, accounts

from protocol.market_id import fixture_id
from protocol.scale import Scale
from protocol.signatures import compact
from protocol.typed_data import RESULTS_NAME, Action, Domain, Request, Result
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.intruding import do, intrude, prepare
from tests.contracts.node_state import set_code
from tests.contracts.test_relay import FAR_S
from tests.contracts.world import World, reverts
from tests.support import calls
from tests.support.people import council
from tests.support.signing import score, sign_raw, won_at_home
from tests.support.slips import NAME, make_market
from tests.support.terms import (
    BANKROLL_MICRO,
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EVERYTHING,
    EXIT_DELAY_S,
    NOBODY,
    NOTICE_S,
    UNIT,
)

SENDING, RECEIVING = 1, 2


# -- Bonds


@pytest.fixture
def disputed(hooked: World) -> tuple[Any, Any, Result]:
    match = make_market(starts_at_s=hooked.now() + 3_600)
    hooked.travel_to(match.starts_at_s + 7_200)
    result = won_at_home(match)
    hooked.publish(result)
    return intrude(hooked), match, result


@pytest.mark.parametrize("gas", [500_000, 2_000_000, 8_000_000])
def test_critic_who_burns_gas_cannot_stop_the_ruling(hooked, disputed, gas):
    """The critic's hook uses up all that a call leaves it, instead of refusing."""
    intruder, match, result = disputed
    do(hooked, intruder, hooked.results.dispute, match.fixture)
    set_code(intruder.address, b"\xfe")
    ruling = replace(result, home_full=0)
    tx = hooked.results.rule(ruling.word(), {"from": hooked.arbiter, "gas_limit": gas})
    assert tx.events["DisputeClosed"]["refunded"] is True
    assert hooked.results.bondsOwed(intruder) == BOND_MICRO
    assert hooked.sportsbook.resultOf(match.fixture)[3] == 0


def test_dispute_that_is_opened_while_the_last_is_refunded_has_its_bond(hooked, disputed):
    """A critic who was right disputes the ruling while his bond comes back."""
    intruder, match, result = disputed
    do(hooked, intruder, hooked.results.dispute, match.fixture)
    prepare(hooked, intruder, RECEIVING, hooked.results.dispute, match.fixture)
    hooked.rule(replace(result, home_full=0))
    assert intruder.succeeded()
    bond = hooked.results.disputeOf(match.fixture)[1]
    assert hooked.token.balanceOf(hooked.results) == bond
    hooked.rule(replace(result, home_full=0))
    assert hooked.token.balanceOf(hooked.results) == 0
    held = hooked.token.balanceOf(intruder) + hooked.sportsbook.house()
    assert held == 1_000 * UNIT + BANKROLL_MICRO


def test_arbiter_who_rules_within_his_own_dispute_takes_no_bond_of_others(hooked):
    """The arbiter is a contract: he disputes, and rules while his bond is on its way."""
    intruder = intrude(hooked)
    hooked.change_council(hooked.signer_keys, 2, intruder.address)
    match = make_market(starts_at_s=hooked.now() + 3_600)
    hooked.travel_to(match.starts_at_s + 7_200)
    result = won_at_home(match)
    hooked.publish(result, term=2)
    right = replace(result, home_full=0)
    prepare(hooked, intruder, SENDING, hooked.results.rule, right.word())
    do(hooked, intruder, hooked.results.dispute, match.fixture)
    # He has lost his own bond: the dispute was closed before it arrived.
    assert intruder.succeeded()
    assert hooked.results.disputeOf(match.fixture) == (NOBODY, BOND_MICRO)
    hooked.dispute(by=accounts[21])
    hooked.travel_to(hooked.sportsbook.resultOf(match.fixture)[7])
    hooked.results.closeDispute(match.fixture, {"from": accounts[60]})
    assert hooked.token.balanceOf(accounts[21]) == BOND_MICRO


def test_allowances_of_results_and_bankroll_are_nobodys():
    """They have no end. The token blocks the sportsbook while a bond is lost, so that there is
    something to take: others deposit it."""
    house = World(token_contract="DollarToken")
    game = make_market(starts_at_s=house.now() + 3_600)
    house.travel_to(game.starts_at_s + 7_200)
    result = score(1, 0, game.starts_at_s + 7_000)
    house.publish(result)
    house.dispute()
    house.token.setBlocked(house.sportsbook, True, {"from": house.owner})
    house.rule(result)
    house.token.setBlocked(house.sportsbook, False, {"from": house.owner})
    assert house.results.bondsOwed(house.sportsbook) == BOND_MICRO
    house.token.mint(house.bankroll, BOND_MICRO, {"from": house.owner})
    by = {"from": accounts[60]}
    for holder in (house.results.address, house.bankroll.address):
        for v in (0, 27, 28):
            terms = (holder, BOND_MICRO, FAR_S, v, bytes(32), bytes(32))
            with reverts("PermitInvalid"):
                house.sportsbook.depositWithPermit(*terms, by)
    house.results.payBonds(house.sportsbook, by)
    assert house.sportsbook.house() == BANKROLL_MICRO + BOND_MICRO


def test_bond_of_another_token_than_the_house_stops_no_ruling(world, now):
    """Results are deployed with bonds of another token, which no constructor refuses: a lost bond
    stays where it is, and the ruling counts."""
    token, by = ScaledToken.deploy(2, {"from": world.owner}), {"from": world.owner}
    first = council(world.signer_keys, 2, world.arbiter.address)
    terms = (DISPUTE_WINDOW_S, NOTICE_S, BOND_MICRO, first)
    results = Results.deploy(world.owner, token, *terms, by)
    book = world.deploy_book(world.token, results)
    results.setSportsbook(book, by)
    world.token.mint(results, BOND_MICRO, by)
    token.mint(world.owner, Scale.of_decimals(2).to_units(BOND_MICRO), by)
    token.approve(results, EVERYTHING, by)
    world.travel_to(now + 9_000)
    result = Result(fixture_id(NAME), 1, 0, 0, 1, 0, now)
    domain = Domain(CHAIN_ID, results.address, RESULTS_NAME)
    results.publish(*calls.publish(domain, [result], world.signer_keys[:2]), by)
    results.dispute(result.fixture, by)
    results.rule(result.word(), {"from": world.arbiter})
    assert results.bondsOwed(book) == BOND_MICRO
    with reverts("ERC20InsufficientAllowance"):
        results.payBonds(book, by)
    assert book.house() == 0
    assert world.token.balanceOf(results) == BOND_MICRO


# -- Within a payment


def test_relayer_who_is_a_provider_finds_whole_books_while_it_is_paid(hooked):
    """While an exit's fee is paid, who sent it deposits into the bankroll and the sportsbook."""
    intruder = intrude(hooked)
    alice = hooked.open_account(10, 50 * UNIT)
    asked = hooked.sportsbook.requestExit(50 * UNIT, hooked.sender(alice))
    hooked.travel_to(asked.timestamp + EXIT_DELAY_S)
    leave_ = Request(alice.account, Action.EXIT, 0, 5 * UNIT, 0, FAR_S)
    signed = compact(sign_raw(hooked.domain, leave_, alice.key))
    prepare(hooked, intruder, RECEIVING, hooked.bankroll.deposit, 100 * UNIT, intruder)
    do(hooked, intruder, hooked.sportsbook.relay, leave_.arguments(), signed)
    assert intruder.succeeded()
    assert hooked.token.balanceOf(alice.address) == 45 * UNIT
    assert hooked.sportsbook.house() == BANKROLL_MICRO + 100 * UNIT
    assert hooked.token.balanceOf(hooked.sportsbook) == BANKROLL_MICRO + 100 * UNIT
