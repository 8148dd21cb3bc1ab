"""Attacks on receipts and quotes: what an auditor tried that earns nothing.

enforce
├── is the owner's alone from the first start among the legs, in whatever order they stand
├── is for anybody while no match has started, in play too
├── is for a wallet that is a contract by its own call, and for a key with code at its address
├── takes the same of the budget on the fast path and on the slow one
├── counts a retired key to its last second, on what was left of its budget
└── counts what was accepted a second before a result, and nothing of that second
placeQuoted
└── passes nothing that stops a slip
"""

from __future__ import annotations

import pytest
from brownie import accounts

from protocol.placed_event import SkipReason
from tests.contracts.node_state import set_code
from tests.contracts.receipts import at_odds, by_wallet, instead, left, through
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned, run
from tests.support.signing import quote_of, score
from tests.support.slips import NAME, OTHER_NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import DEPOSIT_MICRO, RECEIPT_BUDGET_MICRO, UNIT

DAY_S = 86_400
REVERTS_ALWAYS = bytes.fromhex("5f5ffd")


@pytest.mark.parametrize("started_first", [True, False])
def test_one_leg_that_has_started_leaves_a_receipt_to_its_owner(world, alice, now, started_first):
    """Neither the order of the legs nor that of the table hides the match that has begun."""
    names = (NAME, OTHER_NAME) if started_first else (OTHER_NAME, NAME)
    soon = Pick(make_market(starts_at_s=now + 60, name=names[0]), 0, name=names[0])
    later = Pick(make_market(starts_at_s=now + 9_000, name=names[1]), 0, name=names[1])
    one = world.sign(alice, soon, later, accepted_at_s=now, nonce=1)
    two = world.sign(alice, later, soon, accepted_at_s=now, nonce=2)
    world.at(now + 59)
    world.enforce(one, by=world.by_stranger)
    world.at(now + 60)
    with reverts("NotOwnerOf", alice.account, accounts[60].address):
        world.enforce(two, by=world.by_stranger)
    assert len(world.enforce(two).batch.records) == 1


def test_bet_in_play_is_for_anybody_before_the_whistle(world, alice, now):
    market = make_market(starts_at_s=now + 60, in_play=True)
    one, two = (
        world.sign(alice, Pick(market, 0), accepted_at_s=now, nonce=nonce) for nonce in (1, 2)
    )
    world.at(now + 59)
    world.enforce(one, by=world.by_stranger)
    world.at(now + 60)
    with reverts("NotOwnerOf", alice.account, accounts[60].address):
        world.enforce(two, by=world.by_stranger)


def test_wallet_enforces_and_corrects_by_its_own_call(world, wanda, wallet, now):
    """The key that the wallet obeys is not the owner; the wallet is."""
    market = make_market(starts_at_s=now + 60)
    signed = by_wallet(world, wanda, Pick(market, 0, 25_000), accepted_at_s=now)
    other = by_wallet(world, wanda, Pick(market, 1, 25_000), accepted_at_s=now, nonce=2)
    was = world.place(at_odds(signed, 11_000))
    world.at(now + 90)
    for by in (world.by_stranger, {"from": accounts[10]}):
        with reverts("NotOwnerOf", wanda.account, by["from"].address):
            instead(world, was, signed, by=by)
        with reverts("NotOwnerOf", wanda.account, by["from"].address):
            world.enforce(other, by=by)
    taken = run(was.number, was.batch, 0, 1)
    through(world, wallet, "enforceInstead", taken, pack(signed), world.receipt(signed))
    through(world, wallet, "enforce", pack(other), world.receipt(other))
    assert world.balance(wanda) == DEPOSIT_MICRO - 2 * UNIT
    assert world.book()["owed_micro"] == 2 * UNIT


def test_budget_is_spent_alike_on_both_paths(world, alice, match, now):
    """The highest nonce first, by the fast path; then one of the window, and an accumulator."""
    far = pick_elsewhere(now + 3_600, 0, 30_000)
    slips = [
        world.sign(alice, Pick(match, 0, 30_000), accepted_at_s=now, nonce=3),
        world.sign(alice, Pick(match, 1, 30_000), accepted_at_s=now, nonce=1),
        world.sign(alice, Pick(match, 2, 30_000), far, accepted_at_s=now, nonce=2),
    ]
    before = RECEIPT_BUDGET_MICRO
    for signed, risk in zip(slips, (2, 2, 8), strict=True):
        world.enforce(signed)
        assert 0 <= left(world) - (before - risk * UNIT) < UNIT * 2
        before = left(world)


@pytest.mark.parametrize("before_s", [1, 0])
def test_second_of_a_result_takes_no_receipt(world, alice, now, before_s):
    market = make_market(starts_at_s=now - 60, in_play=True)
    published_s = now + 30
    signed = world.sign(alice, Pick(market, 0), accepted_at_s=published_s - before_s)
    world.at(published_s)
    world.publish(score(1, 0, now))
    if before_s:
        assert len(world.enforce(signed).batch.records) == 1
    else:
        with reverts("SlipRefused", int(SkipReason.MARKET_CLOSED)):
            world.enforce(signed)


def test_code_at_an_owner_leaves_receipts_to_the_key(world, alice, wallet, now):
    """Delegated code (EIP-7702) that answers nobody, and code that obeys another key: the key signs
    and sends, before the start and after it."""
    market = make_market(starts_at_s=now + 60)
    signed = world.sign(alice, Pick(market, 0, 25_000), accepted_at_s=now)
    other = world.sign(alice, Pick(market, 1, 25_000), accepted_at_s=now, nonce=2)
    was = world.place(at_odds(signed, 11_000))
    world.sender(alice)
    set_code(alice.address, REVERTS_ALWAYS)
    world.at(now + 59)
    world.enforce(other, by=world.by_stranger)
    world.at(now + 90)
    with reverts("NotOwnerOf", alice.account, accounts[60].address):
        instead(world, was, signed, by=world.by_stranger)
    instead(world, was, signed)
    assert world.balance(alice) == DEPOSIT_MICRO - 2 * UNIT


def test_key_that_is_retired_signs_for_no_later_second(world, alice, match, now):
    """The second of its retirement still counts, for a receipt and for what it replaces."""
    slips = [
        world.sign(alice, Pick(match, 0, 25_000), accepted_at_s=now + 10 + i, nonce=1 + i)
        for i in (0, 1)
    ]
    world.at(now + 10)
    world.retire(world.receipt_signer.address)
    world.travel_to(now + 12)
    was = world.place(*(at_odds(s, 11_000) for s in slips))
    with reverts("ReceiptInvalid", world.receipt_signer.address):
        instead(world, was, slips[1], 1)
    budget = left(world)
    instead(world, was, slips[0])
    assert budget - left(world) == 15 * UNIT // 10
    world.travel_to(now + 500)
    assert budget - left(world) == 15 * UNIT // 10


@pytest.mark.parametrize("how", ["excluded", "cancelled", "started", "published"])
def test_quote_passes_nothing_that_stops_a_slip(world, alice, now, how):
    """A quote needs neither a signature of the bettor nor a time of acceptance; all else holds."""
    market = make_market(starts_at_s=now + 60, in_play=how == "published")
    quote = quote_of(Pick(market, 0), deadline_s=now + DAY_S, bettor=alice, nonce=1)
    reason = {
        "excluded": SkipReason.EXCLUDED,
        "cancelled": SkipReason.NONCE_CANCELLED,
        "started": SkipReason.MARKET_CLOSED,
        "published": SkipReason.MARKET_CLOSED,
    }[how]
    if how == "excluded":
        world.exclude(alice, now + DAY_S)
    if how == "cancelled":
        world.sportsbook.cancelNonces(1, world.sender(alice))
    if how in ("started", "published"):
        world.travel_to(now + 60)
    if how == "published":
        world.publish(score(1, 0, now + 60))
    with reverts("SlipRefused", int(reason)):
        world.place_quoted(alice, quote, pack_unsigned(alice, Pick(market, 0)))
