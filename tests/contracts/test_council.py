"""Who decides results, and how that changes.

propose
├── belongs to the owner, and replaces what was proposed before
└── says when the council can be appointed
appoint
├── works NOTICE later, by anybody, once
├── reverts before that, for another council than the proposed one, and for an impossible one
├── reverts from another NOTICE later on
└── gives the next term to the new council, and leaves the terms before to theirs
a fixture
├── is decided by the council that stood when it was first bet on, and by no other
├── that nobody bet on is decided by the council in office
├── is void, if the council that stood for it publishes nothing
└── of which all slips were left out has no council yet
a threshold
└── is more than half of the signers
NOTICE
└── leaves more time than EXIT_DELAY
"""

from __future__ import annotations

import pytest
from brownie import Results, accounts

from protocol.limits import MAX_TIME_S
from protocol.market_id import fixture_id
from tests.contracts.events import payouts
from tests.contracts.world import reverts
from tests.support.people import council, in_order, key, key_address
from tests.support.signing import won_at_home
from tests.support.slips import NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EXIT_DELAY_S,
    NOBODY,
    NOTICE_S,
    UNIT,
    VOID_AFTER_S,
)


@pytest.fixture
def next_keys():
    return in_order(key(i) for i in (41, 42, 43))


@pytest.fixture
def next_council(next_keys):
    return council(next_keys, 3, accounts[44].address)


def propose(world, proposed):
    return world.results.propose(proposed, {"from": world.owner})


def appoint(world, proposed):
    return world.results.appoint(proposed, {"from": accounts[60]})


def test_council_is_proposed_by_the_owner(world, next_council):
    with reverts("OwnableUnauthorizedAccount", world.operator.address):
        world.results.propose(next_council, {"from": world.operator})
    tx = propose(world, next_council)
    said = dict(tx.events["CouncilProposed"])
    assert said["threshold"] == 3
    assert said["arbiter"] == accounts[44].address
    assert next(v for k, v in said.items() if k not in ("signers", "threshold", "arbiter")) == (
        tx.timestamp + NOTICE_S
    )


def test_council_takes_effect_after_the_notice(world, next_council, next_keys):
    tx = propose(world, next_council)
    world.at(tx.timestamp + NOTICE_S - 1)
    with reverts("CouncilTooEarly", tx.timestamp + NOTICE_S):
        appoint(world, next_council)
    world.at(tx.timestamp + NOTICE_S)
    term = world.results.term()
    appoint(world, next_council)
    assert world.results.term() == term + 1
    assert world.results.councilOf(term + 1) == (3, accounts[44].address)
    assert all(world.results.isResultSigner(term + 1, signer) for signer in next_council[0])
    assert not any(world.results.isResultSigner(term + 1, accounts[i]) for i in (4, 5, 6))
    # The council before keeps its own fixtures, and there is none yet of the next term.
    assert world.results.councilOf(term) == (2, world.arbiter.address)
    assert all(world.results.isResultSigner(term, accounts[i]) for i in (4, 5, 6))
    assert not any(world.results.isResultSigner(term, signer) for signer in next_council[0])
    assert world.results.councilOf(term + 2) == (0, NOBODY)
    with reverts("CouncilNotProposed"):
        appoint(world, next_council)


def test_council_is_appointed_before_there_is_a_sportsbook(world, next_council):
    """As at deployment, which appoints the first one."""
    first = council(world.signer_keys, 2, world.arbiter.address)
    terms = (DISPUTE_WINDOW_S, NOTICE_S, BOND_MICRO)
    unbound = Results.deploy(world.owner, world.token, *terms, first, {"from": world.owner})
    unbound.propose(next_council, {"from": world.owner})
    world.travel_to(world.clock() + NOTICE_S + 1)
    unbound.appoint(next_council, {"from": accounts[60]})
    assert unbound.term() == 2


def test_proposal_lapses_when_nobody_appoints(world, next_council):
    """Else a council announced before the first bet could be appointed years later, in a day."""
    tx = propose(world, next_council)
    world.at(tx.timestamp + 2 * NOTICE_S)
    with reverts("CouncilNotProposed"):
        appoint(world, next_council)
    again = propose(world, next_council)
    world.at(again.timestamp + 2 * NOTICE_S - 1)
    appoint(world, next_council)
    assert world.results.councilOf(2)[1] == accounts[44].address


def test_council_that_was_not_proposed_is_not_appointed(world, next_council, next_keys):
    with reverts("CouncilNotProposed"):
        appoint(world, next_council)
    tx = propose(world, next_council)
    world.travel_to(tx.timestamp + NOTICE_S)
    for other in (
        council(next_keys, 2, accounts[44].address),
        council(next_keys[:2], 3, accounts[44].address),
        council(next_keys, 3, accounts[45].address),
        council(next_keys[::-1], 3, accounts[44].address),
    ):
        with reverts("CouncilNotProposed"):
            appoint(world, other)


def test_later_proposal_replaces_the_first_and_its_notice(world, next_council, next_keys):
    first = propose(world, next_council)
    world.travel_to(first.timestamp + NOTICE_S)
    other = council(next_keys, 1, accounts[44].address)
    second = propose(world, other)
    with reverts("CouncilNotProposed"):
        appoint(world, next_council)
    with reverts("CouncilTooEarly", second.timestamp + NOTICE_S):
        appoint(world, other)


@pytest.mark.parametrize(
    "bad",
    [
        ([], 0),
        ([], 1),
        ([41], 0),
        ([41], 2),
        ([41, 41], 1),
        ([41, 42, 41], 2),
        (None, 1),
        ([41, 42], 1),
        ([41, 42, 43], 1),
        ([41, 42, 43, 44], 2),
        (range(41, 74), 17),
    ],
    ids=[
        "nobody",
        "too few",
        "no threshold",
        "above",
        "twice",
        "twice apart",
        "zero address",
        "half of two",
        "a third",
        "half of four",
        "more than 32",
    ],
)
def test_impossible_council_is_not_appointed(world, bad):
    indexes, threshold = bad
    signers = [NOBODY] if indexes is None else [accounts[i].address for i in indexes]
    proposed = (signers, threshold, accounts[44].address)
    tx = propose(world, proposed)
    world.travel_to(tx.timestamp + NOTICE_S)
    with reverts("CouncilInvalid"):
        appoint(world, proposed)
    assert world.results.term() == 1


@pytest.mark.parametrize(("count", "threshold"), [(1, 1), (2, 2), (3, 2), (4, 3), (32, 17)])
def test_council_of_more_than_half_is_appointed(world, count, threshold):
    proposed = council([key(40 + i) for i in range(count)], threshold, accounts[44].address)
    tx = propose(world, proposed)
    world.travel_to(tx.timestamp + NOTICE_S)
    appoint(world, proposed)
    assert world.results.councilOf(2) == (threshold, accounts[44].address)


@pytest.fixture
def changed(world, alice, match, now, next_keys):
    """A bet that was placed before another council took office; the batch."""
    placed = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    world.change_council(next_keys, 3, accounts[44].address)
    return placed


def test_fixture_is_decided_by_the_council_that_stood_when_it_was_first_bet_on(
    world, match, changed, next_keys
):
    number, batch, _ = changed
    assert world.sportsbook.resultOf(match.fixture)[-1] == 1
    world.travel_to(match.starts_at_s + 7_200)
    result = won_at_home(match)
    with reverts("TermInvalid", fixture_id(NAME), 1, 2):
        publish(world, result, next_keys, 2)
    # Nor may the new signers sign for the old term, or the old ones for the new.
    with reverts("SignerUnknown"):
        publish(world, result, next_keys, 1)
    with reverts("SignerUnknown"):
        publish(world, result, world.signer_keys, 2)
    tx = publish(world, result, world.signer_keys[:2], 1)
    with reverts("NotArbiter", accounts[44].address):
        world.results.rule(result.word(), {"from": accounts[44]})
    again = world.results.rule(result.word(), {"from": world.arbiter})
    assert again.timestamp > tx.timestamp
    world.travel_to(again.timestamp + DISPUTE_WINDOW_S)
    assert payouts(world.settle(number, batch)) == {0: 2 * UNIT}


def test_fixture_stays_with_its_council_when_it_is_bet_on_again(world, alice, now, next_keys):
    later = make_market(starts_at_s=now + 86_400)
    world.place(world.sign(alice, Pick(later, 0), accepted_at_s=now))
    world.change_council(next_keys, 3, accounts[44].address)
    again_s = world.now()
    elsewhere = pick_elsewhere(now + 86_400)
    world.place(
        world.sign(alice, Pick(later, 0), accepted_at_s=again_s, nonce=2),
        world.sign(alice, elsewhere, accepted_at_s=again_s, nonce=3),
    )
    assert world.sportsbook.resultOf(later.fixture)[-1] == 1
    assert world.sportsbook.resultOf(elsewhere.market.fixture)[-1] == 2


def test_fixture_that_nobody_bet_on_is_decided_by_the_council_in_office(
    world, match, now, next_keys
):
    world.change_council(next_keys, 3, accounts[44].address)
    world.travel_to(match.starts_at_s + 7_200)
    with reverts("TermInvalid", fixture_id(NAME), 2, 1):
        publish(world, won_at_home(match), world.signer_keys[:2], 1)
    publish(world, won_at_home(match), next_keys, 2)
    assert world.sportsbook.resultOf(match.fixture)[-1] == 2
    with reverts("NotArbiter", world.arbiter.address):
        world.rule(won_at_home(match))


def test_fixture_of_which_every_slip_was_left_out_has_no_council(world, alice, match, now):
    """A batch of the operator's that places nothing must not bind a fixture to a term."""
    signed = world.sign(alice, Pick(match, 0), stake_micro=0, accepted_at_s=now)
    assert not world.place(signed).batch.records
    assert world.sportsbook.resultOf(match.fixture)[-1] == 0


def test_fixture_is_void_when_its_council_is_silent(world, match, changed, next_keys):
    """Whatever the new council would say."""
    number, batch, _ = changed
    world.travel_to(match.starts_at_s + VOID_AFTER_S + 1)
    with reverts("TermInvalid", fixture_id(NAME), 1, 2):
        publish(world, won_at_home(match), next_keys, 2)
    assert payouts(world.settle(number, batch)) == {0: UNIT}


def publish(world, result, keys, term):
    """A sheet of one result, by these signers for that term."""
    sheet = world.sheet([result], keys, term=term)
    by = {"from": accounts[60]}
    return world.results.publish([result.word()], term, MAX_TIME_S, sheet, by)


def test_signer_of_two_councils_signs_for_each_term_alone(world, match, now, next_keys):
    """A sheet of the term before, signed by somebody who is in office again, is no sheet."""
    both = in_order([*next_keys, *world.signer_keys[:2]])
    old = world.sheet([won_at_home(match)], world.signer_keys[:2], term=1)
    world.change_council(both, 3, world.arbiter.address)
    assert all(world.results.isResultSigner(2, key_address(key_)) for key_ in both)
    world.travel_to(match.starts_at_s + 7_200)
    words = [won_at_home(match).word()]
    with reverts("TermInvalid", fixture_id(NAME), 2, 1):
        world.results.publish(words, 1, MAX_TIME_S, old, {"from": accounts[60]})
    with reverts("SignaturesTooFew", 2, 3):
        world.results.publish(words, 2, MAX_TIME_S, old, {"from": accounts[60]})
    third = world.sheet([won_at_home(match)], in_order([*both[:1]]), term=2)
    with reverts("SignerUnknown"):
        world.results.publish(words, 2, MAX_TIME_S, [*old, *third], {"from": accounts[60]})
    publish(world, won_at_home(match), both, 2)


def test_term_that_never_was_decides_nothing(world, match):
    world.travel_to(match.starts_at_s + 7_200)
    for term in (0, 2, 2**24 - 1):
        with reverts("SignaturesTooFew", 0, 0):
            sheet = (MAX_TIME_S, [], {"from": accounts[60]})
            world.results.publish([won_at_home(match).word()], term, *sheet)


def test_notice_is_longer_than_the_way_out(world):
    assert world.results.NOTICE() > world.sportsbook.EXIT_DELAY() == EXIT_DELAY_S
