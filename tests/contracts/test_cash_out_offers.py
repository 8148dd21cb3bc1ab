"""Offers of cash-outs: who signs them, for which terms, and what ends them.

cashOut
├── of a single: an offer ends with the start, with the result, and when nobody publishes one
├── of an accumulator: an offer ends with what happens after it, and not with what happened before:
│   a start, a result, its finality, a leg that is void because nobody published one
├── reverts for a second time, and for the same offer on what is left
├── reverts for an expired offer, and for one from the future
├── reverts for another price, stake, bet, batch, account, time or domain
└── reverts for a signer that is none, has another role, was retired, or is not the bettor
"""

from __future__ import annotations

import pytest

from protocol.signatures import compact, pair, sign
from protocol.typed_data import Domain
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.cash_outs import offer_to, rest_of
from tests.contracts.events import payouts
from tests.contracts.world import reverts
from tests.support.people import CASH_OUT_SIGNER, WITHDRAWAL_SIGNER, key, key_address
from tests.support.signing import score, won_at_home
from tests.support.slips import pick_elsewhere
from tests.support.terms import DEPOSIT_MICRO, DISPUTE_WINDOW_S, NOBODY, UNIT, VOID_AFTER_S


def test_offer_ends_with_its_deadline(world, alice, one):
    at_s = world.clock()
    world.at(at_s + 101)
    with reverts("CashOutExpired", at_s + 100):
        world.cash_out(alice, *one, price_micro=UNIT, deadline_s=at_s + 100)
    world.at(at_s + 200)
    world.cash_out(alice, *one, price_micro=UNIT, deadline_s=at_s + 200)


def test_offer_begins_with_its_time(world, alice, one):
    """Dated ahead, it would outlive a start or a result that its price could not know."""
    at_s = world.clock()
    world.at(at_s + 99)
    with reverts("CashOutExpired", at_s + 900):
        world.cash_out(
            alice, *one, price_micro=UNIT, offered_at_s=at_s + 100, deadline_s=at_s + 900
        )
    world.at(at_s + 101)
    world.cash_out(alice, *one, price_micro=UNIT, offered_at_s=at_s + 101)


@pytest.mark.parametrize(
    "change",
    [
        {"price_micro": UNIT + 1},
        {"stake_micro": 10 * UNIT - 1},
        {"offered_at_s": 2**40 - 2},
        {"deadline_s": 2**40 - 2},
        {"bet": 1},
        {"batch": 99},
        {"account": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_offer_is_refused_unless_the_house_signed_its_terms(world, alice, one, change):
    number, batch = one
    at_s = world.clock()
    house = world.sign_cash_out(offer_to(alice, number, at_s, **change))
    with reverts("CashOutUnsigned"):
        world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=at_s, house=house)


def test_offer_is_for_one_contract_and_one_chain(world, alice, one):
    number, batch = one
    at_s = world.clock()
    offer = offer_to(alice, number, at_s)
    terms = {"price_micro": UNIT, "offered_at_s": at_s}
    for domain in (
        Domain(CHAIN_ID, world.settling.address),
        Domain(1, world.sportsbook.address),
    ):
        digest = domain.digest(offer.struct_hash())
        with reverts("CashOutUnsigned"):
            house = pair(sign(digest, CASH_OUT_SIGNER))
            world.cash_out(alice, number, batch, **terms, house=house)
        with reverts("CashOutUnsigned", alice.address):
            own = compact(sign(digest, alice.key))
            world.cash_out(alice, number, batch, **terms, bettor_signature=own)
    world.cash_out(alice, number, batch, **terms)


def test_bettor_signs_with_the_owner_key(world, alice, bob, one):
    number, batch = one
    at_s = world.clock()
    offer = offer_to(alice, number, at_s)
    for signature in (
        compact(world.sign_raw(offer, bob.key)),
        compact(world.sign_raw(offer, CASH_OUT_SIGNER)),
        bytes(64),
        b"",
        world.sign_raw(offer, alice.key),
    ):
        with reverts("CashOutUnsigned", alice.address):
            world.cash_out(
                alice,
                number,
                batch,
                price_micro=UNIT,
                offered_at_s=at_s,
                bettor_signature=signature,
            )


@pytest.mark.parametrize("key_", [key(1), key(2), WITHDRAWAL_SIGNER, key(50)])
def test_offer_is_refused_from_a_key_of_another_role(world, alice, one, key_):
    number, batch = one
    at_s = world.clock()
    house = world.sign_cash_out(offer_to(alice, number, at_s), key_)
    with reverts("CashOutUnsigned", key_address(key_)):
        world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=at_s, house=house)


def test_house_key_is_refused_after_it_is_retired(world, alice, one):
    signer = key_address(CASH_OUT_SIGNER)
    world.retire(signer)
    with reverts("CashOutUnsigned", signer):
        world.cash_out(alice, *one, price_micro=UNIT)


def test_house_key_signs_with_a_small_s_alone(world, alice, one):
    with reverts("CashOutUnsigned", NOBODY):
        world.cash_out(alice, *one, price_micro=UNIT, house=(b"\x01" * 32, b"\x7f" + b"\xff" * 31))


def test_offer_is_used_once_also_on_what_is_left(world, alice, one):
    number, batch = one
    at_s = world.clock()
    offer = offer_to(alice, number, at_s, stake_micro=2 * UNIT)
    house = world.sign_cash_out(offer)
    own = compact(world.sign_raw(offer, alice.key))
    terms = {"stake_micro": 2 * UNIT, "price_micro": UNIT, "offered_at_s": at_s}
    signatures = {"house": house, "bettor_signature": own}
    following, rest = rest_of(world.cash_out(alice, number, batch, **terms, **signatures))
    with reverts("BetNotOpen", number, 0):
        world.cash_out(alice, number, batch, **terms, **signatures)
    with reverts("CashOutUnsigned"):
        world.cash_out(alice, following, rest, **terms, **signatures)
    with reverts("RunNotOfBatch"):
        world.cash_out(alice, following, batch, **terms, **signatures)


# -- What ends an offer


def test_offer_made_before_the_start_ends_with_the_start(world, alice, match, one):
    number, batch = one
    before_s = match.starts_at_s - 1
    world.travel_to(before_s)
    late = {"price_micro": UNIT, "offered_at_s": before_s}
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, number, batch, **late)
    assert world.clock() == match.starts_at_s
    world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=match.starts_at_s)


def test_offer_holds_to_the_last_second_before_the_start(world, alice, match, one):
    at_s = world.clock()
    world.at(match.starts_at_s - 1)
    world.cash_out(alice, *one, price_micro=UNIT, offered_at_s=at_s)


@pytest.mark.parametrize("offered", ["before", "after"])
def test_single_bet_is_not_cashed_out_once_its_result_is_published(
    world, alice, match, one, offered
):
    """Final or not: there is nothing left that a price could be made for."""
    world.travel_to(match.starts_at_s + 7_200)
    at_s = world.clock()
    published = world.publish(won_at_home(match))
    if offered == "after":
        world.travel_to(published.timestamp + 10)
        at_s = world.clock()
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, *one, price_micro=UNIT, offered_at_s=at_s)


def test_single_bet_is_not_cashed_out_once_it_is_void(world, alice, match, one):
    void_from_s = match.starts_at_s + VOID_AFTER_S
    world.travel_to(void_from_s - 1)
    at_s = world.clock()
    world.at(void_from_s + 1)
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, *one, price_micro=UNIT, offered_at_s=at_s)
    assert payouts(world.settle(*one)) == {0: 10 * UNIT}


def test_single_bet_is_cashed_out_to_the_last_second_of_its_term(world, alice, match, one):
    void_from_s = match.starts_at_s + VOID_AFTER_S
    world.travel_to(void_from_s - 1)
    world.cash_out(alice, *one, price_micro=UNIT, offered_at_s=void_from_s - 1)
    assert world.clock() == void_from_s


@pytest.fixture
def double(world, alice, home, now):
    """An accumulator on a home win, and on one elsewhere a day later."""
    away = pick_elsewhere(now + 86_400, 0, 20_000)
    return world.place(world.sign(alice, home, away, stake_micro=9 * UNIT, accepted_at_s=now))


def test_accumulator_is_cashed_out_after_one_of_its_results(world, alice, match, double):
    number, batch, _ = double
    world.travel_to(match.starts_at_s + 7_200)
    before_s = world.clock()
    world.publish_final(won_at_home(match))
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=before_s)
    world.cash_out(alice, number, batch, price_micro=30 * UNIT)
    assert world.balance(alice) == DEPOSIT_MICRO + 21 * UNIT


def test_offer_ends_while_a_result_can_be_replaced(world, alice, match, double):
    """The price was made for a leg that had won, and the arbiter turns the result."""
    number, batch, _ = double
    world.travel_to(match.starts_at_s + 7_200)
    world.publish(won_at_home(match))
    offered_at_s = world.clock() + 1
    world.travel_to(offered_at_s)
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, number, batch, price_micro=30 * UNIT, offered_at_s=offered_at_s)
    world.rule(score(0, 1, match.starts_at_s + 7_000))
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, number, batch, price_micro=30 * UNIT, offered_at_s=offered_at_s)


@pytest.mark.parametrize("is_final", [False, True])
def test_offer_on_an_accumulator_ends_with_the_first_start(world, alice, match, double, is_final):
    """Nor does it come back when the match's result is final."""
    number, batch, _ = double
    world.travel_to(match.starts_at_s - 1)
    at_s = world.clock()
    if is_final:
        world.travel_to(match.starts_at_s + 7_200)
        world.publish_final(won_at_home(match))
    else:
        world.at(match.starts_at_s)
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=at_s)


def test_offer_on_an_accumulator_ends_when_a_leg_is_void_for_want_of_a_result(
    world, alice, match, double
):
    """A void leg counts at odds of 1: a price made while it could win is too high, or too low."""
    number, batch, _ = double
    void_after_s = match.starts_at_s + VOID_AFTER_S
    world.travel_to(void_after_s)
    world.at(void_after_s + 1)
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=void_after_s)
    world.at(void_after_s + 2)
    world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=void_after_s + 1)


def test_late_result_does_not_revive_an_offer_on_a_void_leg(world, alice, match, double):
    """Published after the market became void, it decides nothing."""
    number, batch, _ = double
    void_after_s = match.starts_at_s + VOID_AFTER_S
    world.travel_to(void_after_s + 10)
    published_s = world.publish(won_at_home(match)).timestamp
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=void_after_s)
    world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=published_s)


def test_result_in_time_keeps_an_offer_past_the_time_for_results(world, alice, match, double):
    number, batch, _ = double
    void_after_s = match.starts_at_s + VOID_AFTER_S
    world.end_match(match)
    world.travel_to(void_after_s)
    world.at(void_after_s + 1)
    world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=void_after_s)


def test_offer_on_an_accumulator_ends_when_a_result_becomes_final(world, alice, match, double):
    """Until then it can be replaced, by one that decides otherwise."""
    number, batch, _ = double
    world.travel_to(match.starts_at_s + 7_200)
    final_at_s = world.publish(won_at_home(match)).timestamp + DISPUTE_WINDOW_S
    world.travel_to(final_at_s - 2)
    at_s = world.clock()
    world.at(final_at_s)
    with reverts("CashOutOutdated", match.fixture):
        world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=at_s)
    world.cash_out(alice, number, batch, price_micro=UNIT, offered_at_s=final_at_s)
