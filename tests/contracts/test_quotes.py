"""Bets that a bettor places alone, at odds that the house quoted.

placeQuoted
├── places one bet at the time of its block, at the quoted odds, and says so in the event
├── counts exposure, accumulators and nonces as any other way of placing
├── takes a quote for one account for one slip of one nonce
├── takes a quote for anyone until its stakes are used up, by however many
├── takes a contract wallet as the bettor
├── reverts for an expired quote, at the second
├── reverts for another account, another nonce, other odds, other legs, another domain
├── reverts for a signer that is none, or was retired
├── reverts while placing is paused, and for an account that is shut
├── reverts for a market that has started, above the balance, above the caps
├── reverts for an acceptance that is not the block's, and for several slips
└── a quote that was refused can still be used
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import accounts

from protocol.batch_call import Table
from protocol.market_id import Kind, fixture_name_hash
from protocol.placed_event import SkipReason
from protocol.typed_data import Domain
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.events import placed, settled_bets
from tests.contracts.world import reverts
from tests.support.batches import pack_unsigned
from tests.support.people import key
from tests.support.signing import flipped, quote_of, won_at_home
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, UNIT

LATER_S = 600


@pytest.fixture
def home(match):
    return Pick(match, 0, 25_000)


@pytest.fixture
def quote(world, home, now):
    """For anyone, up to ten units."""
    return quote_of(home, deadline_s=now + LATER_S, max_stake_micro=10 * UNIT)


def test_quoted_bet_is_placed_at_the_blocks_time_and_settles(world, alice, match, home, quote):
    data = pack_unsigned(alice, home, stake_micro=4 * UNIT)
    tx = world.place_quoted(alice, quote, data)
    number, batch, skips = placed(tx)
    (record,) = batch.records
    assert (record.account, record.nonce, record.stake_micro) == (alice.account, 1, 4 * UNIT)
    assert record.legs[0].odds_e4 == 25_000
    assert batch.base_s + record.accepted_after_s == tx.timestamp
    assert not skips
    assert bytes(world.sportsbook.batches(number)) == batch.commitment
    assert world.balance(alice) == DEPOSIT_MICRO - 4 * UNIT
    payouts_, stakes = world.sportsbook.exposureOf(int.from_bytes(match.pack(), "big"))
    assert (tuple(payouts_), stakes) == ((10 * UNIT, 0, 0), 4 * UNIT)
    assert world.sportsbook.lockedOf(match.fixture) == world.book()["locked_micro"] == 6 * UNIT
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(won_at_home(match))
    assert settled_bets(world.settle(number, batch)) == [0]
    assert world.balance(alice) == DEPOSIT_MICRO + 6 * UNIT


def test_quoted_accumulator_is_locked_in_full(world, alice, home, now):
    name = "Leeds v Hull, 2025-05-25"
    away = Pick(make_market(starts_at_s=now + 3_600, name=name), 2, 30_000, name)
    quote = quote_of(home, away, deadline_s=now + LATER_S)
    data = pack_unsigned(alice, home, away)
    world.place_quoted(alice, quote, data)
    assert world.book()["locked_micro"] == UNIT * 25 * 30 // 100 - UNIT


def test_quote_for_one_slip_is_used_with_its_nonce(world, alice, bob, home, now):
    quote = quote_of(
        home, deadline_s=now + LATER_S, max_stake_micro=2 * UNIT, bettor=alice, nonce=5
    )
    for bettor, nonce in ((alice, 4), (alice, 6), (bob, 5)):
        data = pack_unsigned(bettor, home, nonce=nonce)
        with reverts("QuoteForAnother", alice.account, 5):
            world.place_quoted(bettor, quote, data)
    data = pack_unsigned(alice, home, nonce=5, stake_micro=2 * UNIT + 1)
    with reverts("QuoteUsed", 2 * UNIT + 1, 2 * UNIT):
        world.place_quoted(alice, quote, data)
    data = pack_unsigned(alice, home, nonce=5, stake_micro=2 * UNIT)
    world.place_quoted(alice, quote, data)
    with reverts("SlipRefused", int(SkipReason.NONCE_USED)):
        world.place_quoted(alice, quote, data)


def test_quote_for_anyone_is_used_by_stakes(world, alice, bob, home, quote):
    world.place_quoted(alice, quote, pack_unsigned(alice, home, stake_micro=6 * UNIT))
    over = pack_unsigned(bob, home, stake_micro=4 * UNIT + 1)
    with reverts("QuoteUsed", 10 * UNIT + 1, 10 * UNIT):
        world.place_quoted(bob, quote, over)
    world.place_quoted(bob, quote, pack_unsigned(bob, home, stake_micro=4 * UNIT))
    with reverts("QuoteUsed", 10 * UNIT + 1, 10 * UNIT):
        world.place_quoted(alice, quote, pack_unsigned(alice, home, nonce=2, stake_micro=1))


def test_quotes_that_differ_count_apart(world, alice, home, quote):
    world.place_quoted(alice, quote, pack_unsigned(alice, home, stake_micro=10 * UNIT))
    other = replace(quote, deadline_s=quote.deadline_s + 1)
    data = pack_unsigned(alice, home, nonce=2, stake_micro=10 * UNIT)
    world.place_quoted(alice, other, data)


def test_contract_wallet_places_by_calling(world, home, quote):
    wallet, bettor = world.open_wallet(key(30))
    data = pack_unsigned(bettor, home)
    terms = (quote.account, quote.nonce, quote.max_stake_micro, quote.deadline_s)
    arguments = (data, terms, world.sign_quote(quote))
    call = world.sportsbook.placeQuoted.encode_input(*arguments)
    with reverts("SlipRefused", int(SkipReason.SIGNATURE_INVALID)):
        world.sportsbook.placeQuoted(*arguments, {"from": accounts[30]})
    wallet.execute(world.sportsbook, call, {"from": accounts[30]})
    assert world.balance(bettor) == DEPOSIT_MICRO - UNIT


def test_quote_ends_with_its_deadline(world, alice, home, now):
    quote = quote_of(home, deadline_s=now + 100)
    data = pack_unsigned(alice, home)
    world.at(now + 101)
    with reverts("QuoteExpired", now + 100):
        world.place_quoted(alice, quote, data)
    fresh = quote_of(home, deadline_s=now + 300)
    world.at(now + 300)
    world.place_quoted(alice, fresh, data)


@pytest.mark.parametrize(
    "change",
    [
        {"max_stake_micro": 2**64 - 1},
        {"deadline_s": 2**40 - 1},
        {"odds_e4": (25_001,)},
    ],
)
def test_changed_quote_is_not_what_the_house_signed(world, alice, home, quote, change):
    signature = world.sign_quote(quote)
    pick = Pick(home.market, 0, change.get("odds_e4", (25_000,))[0])
    with reverts("QuoteInvalid"):
        world.place_quoted(alice, replace(quote, **change), pack_unsigned(alice, pick), signature)


@pytest.mark.parametrize("pick", ["outcome", "market", "name"])
def test_quote_is_for_its_legs_alone(world, alice, home, quote, now, pick):
    name = "Leeds v Hull, 2025-05-25"
    other = {
        "outcome": Pick(home.market, 1, 25_000),
        "market": Pick(
            make_market(Kind.DRAW_NO_BET, starts_at_s=home.market.starts_at_s), 0, 25_000
        ),
        "name": Pick(make_market(starts_at_s=now + 3_600, name=name), 0, 25_000, name),
    }[pick]
    with reverts("QuoteInvalid"):
        world.place_quoted(alice, quote, pack_unsigned(alice, other))


def test_quote_of_another_contract_or_by_a_stranger_is_refused(world, alice, home, quote):
    data = pack_unsigned(alice, home)
    elsewhere = world.sign_quote(quote, domain=Domain(CHAIN_ID, world.results.address))
    other_chain = world.sign_quote(quote, domain=Domain(1, world.sportsbook.address))
    stranger = world.sign_quote(quote, key(40))
    for signature in (elsewhere, other_chain, stranger, flipped(world.sign_quote(quote))):
        with reverts("QuoteInvalid"):
            world.place_quoted(alice, quote, data, signature)


def test_quote_of_a_retired_signer_is_refused(world, alice, home, quote):
    world.retire(world.receipt_signer.address)
    with reverts("QuoteInvalid", world.receipt_signer.address):
        world.place_quoted(alice, quote, pack_unsigned(alice, home))


def test_quotes_stop_with_placing(world, alice, home, quote):
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    with reverts("PlacingIsPaused"):
        world.place_quoted(alice, quote, pack_unsigned(alice, home))


def test_refused_slip_says_why_and_leaves_the_quote(world, alice, match, home, quote, now):
    def refused(reason, **changes):
        with reverts("SlipRefused", int(reason)):
            world.place_quoted(alice, quote, pack_unsigned(alice, home, **changes))

    refused(SkipReason.BALANCE_INSUFFICIENT, stake_micro=DEPOSIT_MICRO + 1)
    refused(SkipReason.STAKE_INVALID, stake_micro=0)
    refused(SkipReason.NONCE_USED, nonce=0)
    refused(SkipReason.ODDS_BELOW_MINIMUM, min_odds_e4=25_001)
    refused(SkipReason.ACCEPTANCE_OUTSIDE_WINDOW, accepted_after_s=1)
    refused(SkipReason.NONCE_TOO_FAR, nonce=10)
    # Caps are in test_limits.py.
    world.place_quoted(alice, quote, pack_unsigned(alice, home))
    world.sportsbook.cancelNonces(2, world.sender(alice))
    refused(SkipReason.NONCE_CANCELLED, nonce=2)
    world.exclude(alice, now + 3_000)
    refused(SkipReason.EXCLUDED, nonce=3)


def test_quote_does_not_open_a_market_that_has_started(world, alice, match, home):
    quote = quote_of(home, deadline_s=2**40 - 1)
    data = pack_unsigned(alice, home)
    world.at(match.starts_at_s)
    with reverts("SlipRefused", int(SkipReason.MARKET_CLOSED)):
        world.place_quoted(alice, quote, data)


def test_quote_takes_a_market_in_play(world, alice, match):
    live = make_market(starts_at_s=match.starts_at_s, in_play=True)
    pick = Pick(live, 0, 25_000)
    quote = quote_of(pick, deadline_s=2**40 - 1)
    world.travel_to(match.starts_at_s + 60)
    tx = world.place_quoted(alice, quote, pack_unsigned(alice, pick))
    assert len(placed(tx).batch.records) == 1


def test_one_quote_places_one_slip(world, alice, home, quote):
    data = bytearray(pack_unsigned(alice, home))
    table = Table.build(0, [(fixture_name_hash(home.name), home.market)]).pack()
    slip = bytes(data[len(table) + 2 :])
    for count in (0, 2):
        many = table + count.to_bytes(2, "big") + slip * count
        with reverts("SlipsNotOne", count):
            world.place_quoted(alice, quote, many)
    second = make_market(Kind.DRAW_NO_BET, starts_at_s=home.market.starts_at_s)
    pairs = [(fixture_name_hash(home.name), market) for market in (home.market, second)]
    wide = Table.build(0, pairs).pack() + (1).to_bytes(2, "big") + slip
    with reverts("MarketsUnused", 2, 1):
        world.place_quoted(alice, quote, wide)


def test_place_quoted_reverts_for_another_account(world, alice, bob, home, quote):
    with reverts("SlipRefused", int(SkipReason.SIGNATURE_INVALID)):
        world.place_quoted(bob, quote, pack_unsigned(alice, home))
    with reverts("SlipRefused", int(SkipReason.ACCOUNT_UNKNOWN)):
        nobody = replace(alice, account=999)
        world.place_quoted(alice, quote, pack_unsigned(nobody, home))
