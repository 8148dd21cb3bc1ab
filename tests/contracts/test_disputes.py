"""Contested results.

dispute
├── takes the bond, and puts finality off to three windows after publication
├── reverts without a result, once final, a second time, and without the bond
└── keeps bets from being settled until the arbiter ruled or the time is up
rule
├── gives the bond back when the result changes, to the house when it does not
└── settles nothing: the new result waits for its window
a token that keeps a fee
└── cannot make the house pay bonds that never arrived
a house that asks no bond
└── moves no tokens, whichever way the arbiter rules, and when nobody does
closeDispute
├── gives the bond back when nobody ruled until the result was final
└── reverts before that, and when nothing is disputed
payBonds
├── pays whom the token refused to pay when the dispute was closed, critic or house
└── reverts when nothing is owed
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import FeeToken, Results, TestToken, accounts

from protocol.market_id import fixture_id
from protocol.scale import Scale
from protocol.typed_data import RESULTS_NAME, Domain, Result
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.events import payouts
from tests.contracts.node_state import set_code
from tests.contracts.token_code import deaf_to
from tests.contracts.world import World, reverts
from tests.support import calls
from tests.support.people import council
from tests.support.signing import FIRST_TERM, score, won_at_home
from tests.support.slips import NAME, Pick, make_market
from tests.support.terms import BANKROLL_MICRO, BOND_MICRO, DISPUTE_WINDOW_S, NOTICE_S, UNIT


@pytest.fixture
def critic(world):
    """Somebody with a bond's worth of tokens, and an approval."""
    account = accounts[75]
    world.token.mint(account, BOND_MICRO, {"from": world.owner})
    world.token.approve(world.results, 2**255, {"from": account})
    return account


@pytest.fixture
def bet(world, alice, match, now):
    """An even bet on the home side."""
    placed = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    return placed.number, placed.batch


@pytest.fixture
def published(world, match, bet):
    """A home win, not final yet; its block."""
    world.travel_to(match.starts_at_s + 7_200)
    return world.publish(won_at_home(match))


def dispute(world, critic, match):
    return world.results.dispute(match.fixture, {"from": critic})


def test_dispute_takes_a_bond_and_puts_finality_off(world, critic, match, published, bet):
    tx = dispute(world, critic, match)
    final_at_s = published.timestamp + 3 * DISPUTE_WINDOW_S
    assert dict(tx.events["ResultDisputed"]) == {
        "fixture": "0x" + match.fixture.hex(),
        "by": critic.address,
        "bond": BOND_MICRO,
        "finalAt": final_at_s,
    }
    assert world.token.balanceOf(critic) == 0
    assert world.token.balanceOf(world.results) == BOND_MICRO
    assert world.results.disputeOf(match.fixture) == (critic.address, BOND_MICRO)
    held = world.sportsbook.resultOf(match.fixture)
    assert held[:6] == (1, 0, 0, 1, 0, match.starts_at_s + 7_000)
    assert held[6:] == (published.timestamp, final_at_s, FIRST_TERM)
    world.at(final_at_s - 1)
    with reverts("NothingToSettle"):
        world.settle(*bet)
    world.at(final_at_s + 1)
    assert payouts(world.settle(*bet)) == {0: 2 * UNIT}


def test_dispute_needs_a_result_that_is_not_final(world, critic, match, bet):
    with reverts("ResultUnknown"):
        dispute(world, critic, match)
    world.travel_to(match.starts_at_s + 7_200)
    tx = world.publish(won_at_home(match))
    world.at(tx.timestamp + DISPUTE_WINDOW_S)
    with reverts("ResultFinal"):
        dispute(world, critic, match)


def test_dispute_holds_to_the_last_second(world, critic, match, published):
    world.at(published.timestamp + DISPUTE_WINDOW_S - 1)
    dispute(world, critic, match)


def test_dispute_reverts_while_another_is_open(world, critic, match, published):
    dispute(world, critic, match)
    with reverts("DisputeExists"):
        dispute(world, world.owner, match)


def test_dispute_needs_the_bond(world, match, published):
    poor = accounts[76]
    world.token.approve(world.results, 2**255, {"from": poor})
    with reverts("ERC20InsufficientBalance"):
        dispute(world, poor, match)
    assert world.sportsbook.resultOf(match.fixture)[7] == published.timestamp + DISPUTE_WINDOW_S


def test_ruling_for_the_critic_gives_the_bond_back(world, alice, critic, match, published, bet):
    dispute(world, critic, match)
    lost = replace(won_at_home(match), home_full=0)
    tx = world.results.rule(lost.word(), {"from": world.arbiter})
    assert dict(tx.events["DisputeClosed"])["refunded"] is True
    assert world.token.balanceOf(critic) == BOND_MICRO
    assert world.results.disputeOf(match.fixture)[1] == 0
    world.travel_to(tx.timestamp + DISPUTE_WINDOW_S)
    assert payouts(world.settle(*bet)) == {}
    assert world.sportsbook.house() == BANKROLL_MICRO + UNIT


def test_ruling_against_the_critic_gives_the_bond_to_the_house(world, critic, match, published):
    dispute(world, critic, match)
    same = won_at_home(match)
    tx = world.results.rule(same.word(), {"from": world.arbiter})
    assert dict(tx.events["DisputeClosed"])["refunded"] is False
    assert dict(tx.events["HouseFunded"]) == {"amount": BOND_MICRO}
    assert world.token.balanceOf(critic) == 0
    assert world.sportsbook.house() == BANKROLL_MICRO + BOND_MICRO
    # It can be disputed again, but is final three windows after publication all the same.
    world.token.mint(critic, BOND_MICRO, {"from": world.owner})
    again = dispute(world, critic, match)
    assert again.events["ResultDisputed"]["finalAt"] == published.timestamp + 3 * DISPUTE_WINDOW_S


def test_dispute_without_ruling_gives_the_bond_back_in_the_end(world, critic, match, published):
    dispute(world, critic, match)
    final_at_s = published.timestamp + 3 * DISPUTE_WINDOW_S
    world.at(final_at_s - 1)
    with reverts("DisputeOpen"):
        world.results.closeDispute(match.fixture, {"from": accounts[60]})
    world.at(final_at_s)
    tx = world.results.closeDispute(match.fixture, {"from": accounts[60]})
    assert dict(tx.events["DisputeClosed"])["refunded"] is True
    assert world.token.balanceOf(critic) == BOND_MICRO
    with reverts("DisputeUnknown"):
        world.results.closeDispute(match.fixture, {"from": accounts[60]})


def test_bets_settle_while_a_dispute_waits_to_be_closed(world, critic, match, published, bet):
    dispute(world, critic, match)
    world.travel_to(published.timestamp + 3 * DISPUTE_WINDOW_S)
    assert payouts(world.settle(*bet)) == {0: 2 * UNIT}
    world.results.closeDispute(match.fixture, {"from": critic})
    assert world.token.balanceOf(critic) == BOND_MICRO


class OtherHouse:
    """A house of its own around a token, without the bettors of the others."""

    def __init__(self, world, token, bond_micro=BOND_MICRO):
        self.world, self.token = world, token
        self.by = {"from": world.owner}
        first = council(world.signer_keys, 2, world.arbiter.address)
        self.results = Results.deploy(
            world.owner, token, DISPUTE_WINDOW_S, NOTICE_S, bond_micro, first, self.by
        )
        self.book = world.deploy_book(token, self.results)
        self.results.setSportsbook(self.book, self.by)
        self.scale = Scale.of_decimals(token.decimals())
        token.mint(world.owner, self.scale.to_units(10**12), self.by)
        for spender in (self.book, self.results):
            token.approve(spender, 2**255, self.by)

    def publish(self, result):
        """One result, by the council of the world."""
        domain = Domain(CHAIN_ID, self.results.address, RESULTS_NAME)
        arguments = calls.publish(domain, [result], self.world.signer_keys[:2])
        return self.results.publish(*arguments, self.by)


@pytest.mark.parametrize(("decimals", "bond_micro"), [(6, BOND_MICRO), (18, 149)])
def test_fee_makes_no_bond_larger_than_what_arrived(world, now, decimals, bond_micro):
    """With 18 decimals, parts of a micro-unit arrive, and are nobody's."""
    house = OtherHouse(world, FeeToken.deploy(decimals, {"from": world.owner}), bond_micro)
    world.travel_to(now + 9_000)
    one = Result(fixture_id(NAME), 1, 0, 0, 1, 0, now)
    other = Result(fixture_id("Leeds v Hull, 2025-05-25"), 1, 0, 0, 1, 0, now)
    for result in (one, other):
        house.publish(result)
        house.results.dispute(result.fixture, house.by)
    arrived = bond_micro * 99 // 100
    assert house.results.disputeOf(one.fixture)[1] == arrived
    house.results.rule(one.word(), {"from": world.arbiter})
    held = house.scale.to_micro_down(house.token.balanceOf(house.book))
    assert house.book.house() == arrived * 99 // 100 == held
    # The other critic's bond is still there in full.
    changed = Result(other.fixture, 2, 0, 0, 0, 0, now)
    house.results.rule(changed.word(), {"from": world.arbiter})
    units = house.scale.to_units
    uncounted = units(bond_micro) * 99 // 100 - units(arrived)
    assert house.token.balanceOf(house.results) == 2 * uncounted


def test_dispute_without_a_bond_moves_nothing(world, now):
    house = OtherHouse(world, world.token, bond_micro=0)
    world.travel_to(now + 9_000)
    one = Result(fixture_id(NAME), 1, 0, 0, 1, 0, now)
    other = Result(fixture_id("Leeds v Hull, 2025-05-25"), 1, 0, 0, 1, 0, now)
    third = Result(fixture_id("Hull v Leeds, 2025-05-25"), 1, 0, 0, 1, 0, now)
    for result in (one, other, third):
        published_s = house.publish(result).timestamp
        house.results.dispute(result.fixture, house.by)
        assert house.results.disputeOf(result.fixture) == (world.owner, 0)
    for ruling, refunded in ((one, False), (replace(other, home_full=0), True)):
        tx = house.results.rule(ruling.word(), {"from": world.arbiter})
        assert dict(tx.events["DisputeClosed"]) == {
            "fixture": "0x" + ruling.fixture.hex(),
            "by": world.owner,
            "bond": 0,
            "refunded": refunded,
        }
        assert "Transfer" not in tx.events
    world.at(published_s + 3 * DISPUTE_WINDOW_S)
    tx = house.results.closeDispute(third.fixture, house.by)
    assert dict(tx.events["DisputeClosed"])["refunded"] is True
    assert "Transfer" not in tx.events
    assert house.book.house() == 0


@pytest.mark.parametrize("is_won", [True, False])
def test_bond_is_owed_while_the_token_does_not_move(is_won):
    """The arbiter rules the same once more: the bond does not change hands for it."""
    world = World(token_contract="DollarToken")
    game = make_market(starts_at_s=world.now() + 3_600)
    world.travel_to(game.starts_at_s + 7_200)
    result = score(1, 0, game.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    world.token.setPaused(True, {"from": world.owner})
    ruling = replace(result, home_full=0) if is_won else result
    tx = world.rule(ruling)
    assert dict(tx.events["DisputeClosed"])["refunded"] is is_won
    to = accounts[20].address if is_won else world.sportsbook.address
    assert "BondsPaid" not in tx.events
    assert world.results.bondsOwed(to) == BOND_MICRO
    with reverts("Paused"):
        world.results.payBonds(to, {"from": accounts[60]})
    world.token.setPaused(False, {"from": world.owner})
    world.rule(ruling)
    paid = world.results.payBonds(to, {"from": accounts[60]})
    assert dict(paid.events["BondsPaid"]) == {"to": to, "bonds": BOND_MICRO}
    assert world.token.balanceOf(accounts[20]) == (BOND_MICRO if is_won else 0)
    assert world.sportsbook.house() == BANKROLL_MICRO + (0 if is_won else BOND_MICRO)
    with reverts("NoBondsOwed"):
        world.results.payBonds(to, {"from": accounts[60]})


def test_bond_that_is_owed_keeps_nobody_from_disputing_the_ruling():
    world = World(token_contract="DollarToken")
    game = make_market(starts_at_s=world.now() + 3_600)
    world.travel_to(game.starts_at_s + 7_200)
    result = score(1, 0, game.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    world.token.setBlocked(accounts[20], True, {"from": world.owner})
    world.rule(replace(result, home_full=5))
    world.dispute(by=accounts[21])
    assert world.results.disputeOf(game.fixture)[0] == accounts[21].address
    # Two bonds are owed to the same critic.
    world.token.setBlocked(accounts[20], False, {"from": world.owner})
    world.results.payBonds(accounts[20], {"from": accounts[60]})
    assert world.token.balanceOf(accounts[20]) == BOND_MICRO


def test_ruling_does_not_depend_on_an_approval(world, match):
    """While a real dollar is paused, or one of two is blocked, `approve` reverts as well."""
    world.travel_to(match.starts_at_s + 7_200)
    result = score(1, 0, match.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    code = TestToken.deploy({"from": world.owner}).address
    set_code(world.token.address, deaf_to(code, "approve(address,uint256)"))
    world.rule(result)
    assert world.sportsbook.house() == BANKROLL_MICRO + BOND_MICRO
