"""Who decides results, and how that changes.

propose
├── belongs to the owner, and replaces what was proposed before
└── says when the council can be appointed
appoint
├── works NOTICE later, by anybody, once
├── reverts before that, for another council than the proposed one, and for an impossible one
├── reverts from another NOTICE later on
└── takes the office from the old signers and the old arbiter
an open fixture
└── takes its result from the council in office, whoever was in office when its bets were placed
NOTICE
└── leaves more time than EXIT_DELAY
"""

from __future__ import annotations

import pytest
from brownie import accounts

from tests.contracts.events import payouts
from tests.contracts.world import reverts
from tests.support.people import council, in_order, key
from tests.support.signing import won_at_home
from tests.support.slips import Pick
from tests.support.terms import EXIT_DELAY_S, NOBODY, NOTICE_S


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
    assert (world.results.threshold(), world.results.arbiter()) == (3, accounts[44].address)
    assert all(world.results.isResultSigner(signer) for signer in next_council[0])
    assert not any(world.results.isResultSigner(accounts[i]) for i in (4, 5, 6))
    with reverts("CouncilNotProposed"):
        appoint(world, next_council)


def test_proposal_lapses_when_nobody_appoints(world, next_council):
    """Else a council announced before the first bet could be appointed years later, in a day."""
    tx = propose(world, next_council)
    world.at(tx.timestamp + 2 * NOTICE_S)
    with reverts("CouncilNotProposed"):
        appoint(world, next_council)
    again = propose(world, next_council)
    world.at(again.timestamp + 2 * NOTICE_S - 1)
    appoint(world, next_council)
    assert world.results.arbiter() == accounts[44].address


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
    ],
    ids=["nobody", "too few", "no threshold", "above", "twice", "twice apart", "zero address"],
)
def test_impossible_council_is_not_appointed(world, bad):
    indexes, threshold = bad
    signers = [NOBODY] if indexes is None else [accounts[i].address for i in indexes]
    proposed = (signers, threshold, accounts[44].address)
    tx = propose(world, proposed)
    world.travel_to(tx.timestamp + NOTICE_S)
    with reverts("CouncilInvalid"):
        appoint(world, proposed)
    assert world.results.threshold() == 2


def test_result_of_an_open_fixture_comes_from_the_appointed_council(
    world, alice, match, now, next_council, next_keys
):
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    proposed = propose(world, next_council)
    world.travel_to(proposed.timestamp + NOTICE_S)
    appoint(world, next_council)
    world.travel_to(match.starts_at_s + 7_200)
    result = won_at_home(match)
    words = [result.word()]
    by = {"from": accounts[60]}
    with reverts("SignaturesTooFew", 2, 3):
        world.results.publish(words, world.sheet([result], world.signer_keys[:2]), by)
    with reverts("SignerUnknown"):
        world.results.publish(words, world.sheet([result], world.signer_keys), by)
    tx = world.results.publish(words, world.sheet([result], next_keys), by)
    with reverts("NotArbiter", world.arbiter.address):
        world.results.rule(result.word(), {"from": world.arbiter})
    world.travel_to(tx.timestamp + 60)
    assert payouts(world.settle(number, batch))


def test_signer_of_two_councils_stays(world, next_keys):
    both = in_order([*next_keys, world.signer_keys[0]])
    proposed = council(both, 2, world.arbiter.address)
    tx = propose(world, proposed)
    world.travel_to(tx.timestamp + NOTICE_S)
    appoint(world, proposed)
    assert all(world.results.isResultSigner(signer) for signer in proposed[0])


def test_notice_is_longer_than_the_way_out(world):
    assert world.results.NOTICE() > world.sportsbook.EXIT_DELAY() == EXIT_DELAY_S
