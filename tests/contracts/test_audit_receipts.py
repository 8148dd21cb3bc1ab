"""Attacks on what closed the attacks before, and beside it: what an auditor tried that earns
nothing.

enforce
├── is the owner's alone from the first start among the legs, in whatever order they stand
├── is for anybody while no match has started, in play too
├── is for a wallet that is a contract by its own call
├── takes the same of the budget on the fast path and on the slow one
└── counts what was accepted a second before a result, and nothing of that second
enforceInstead
├── replaces by no slip of another, though the fast path could place it
├── replaces as a whole or not at all, when the wallet refuses between the halves
├── finds no market marked, however early the arbiter ruled
├── takes back no rest of a bet that was sold in part
├── obeys exclusions and cancellations by the receipt's time of acceptance
├── needs no balance, and leaves the other bets of the batch to be settled once
├── takes the stake of an accumulator of which any leg is in play
├── ends no bet of a number that the batch has not, and the first and last of the largest
└── counts a retired key to its last second, on what was left of its budget
placeQuoted
└── passes nothing that stops a slip
placeBatch
├── nets no accumulator with what covers another bet
├── nets by what is placed before, not by what a batch brings later
└── counts a match that was put off by what its bets lock now
cashOut
└── of an accumulator waits for finality through dispute and ruling, to the second
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import MockWallet, accounts

from protocol.calls import encode_call
from protocol.market_id import Kind
from protocol.placed_batch import SkipReason
from protocol.roles import Role
from protocol.signatures import sign
from tests.contracts.events import payouts, placed
from tests.contracts.world import reverts, set_code
from tests.support.batches import pack, pack_unsigned, run
from tests.support.people import key, key_address
from tests.support.signing import quote_of, score
from tests.support.slips import NAME, OTHER_NAME, Pick, make_market, pick_elsewhere, with_signature
from tests.support.terms import (
    CASH_OUT_AGE_S,
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    RECEIPT_BUDGET_MICRO,
    RECEIPT_WINDOW_S,
    UNIT,
    VOID_AFTER_S,
)

DAY_S = 86_400
SPARE = 52
REFUSES = 5
REVERTS_ALWAYS = bytes.fromhex("5f5ffd")


def instead(world, was, signed, bet=0, *, by=None, secret=None):
    """The owner, or who is given, has the receipt enforced instead of a bet."""
    return placed(
        world.sportsbook.enforceInstead(
            run(was.number, was.batch, bet, 1),
            pack(signed),
            world.receipt(signed, secret),
            by or world.sender_of(signed),
        )
    )


def at_odds(signed, *odds_e4, later_s=0):
    """The same slip as an operator could state it."""
    picks = tuple(replace(p, odds_e4=o) for p, o in zip(signed.picks, odds_e4, strict=True))
    return replace(signed, picks=picks, accepted_at_s=signed.accepted_at_s + later_s)


def left(world, key_=None):
    """What is left of a key's budget."""
    return world.sportsbook.keyOf(key_ or world.receipt_signer)[4]


def final_at(world, market):
    return world.sportsbook.resultOf(market.fixture)[7]


@pytest.fixture
def wallet(world):
    return MockWallet.deploy(key_address(key(10)), {"from": world.owner})


@pytest.fixture
def wanda(world, wallet):
    """Whose owner is a contract, which obeys a key."""
    return world.open_for(wallet.address, key(10))


def by_wallet(world, bettor, *picks, **terms):
    signed = world.sign(bettor, *picks, **terms)
    digest = world.domain.digest(signed.slip.struct_hash())
    return with_signature(signed, sign(digest, bettor.key), contract=True)


def through(world, wallet, function, *arguments):
    """The wallet's own call, asked for by its key."""
    data = encode_call("Sportsbook", function, *arguments)
    return wallet.execute(world.sportsbook, data, {"from": accounts[10]})


# -- Who may enforce


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


# -- Both halves of enforceInstead


def test_slip_of_another_replaces_nothing(world, alice, bob, match, now):
    """The second half gets a slip of somebody else's: the fast path places it, and leaves no leg
    words to compare."""
    was = world.place(world.sign(alice, Pick(match, 0, 16_000), accepted_at_s=now))
    of_bob = world.sign(bob, Pick(match, 0, 21_000), accepted_at_s=now)
    with reverts("NothingToReplace"):
        instead(world, was, of_bob, by=world.sender(alice))
    assert [world.balance(b) for b in (alice, bob)] == [DEPOSIT_MICRO - UNIT, DEPOSIT_MICRO]


def test_wallet_that_refuses_between_the_halves_keeps_its_bet(world, wanda, wallet, match, now):
    """The stake is back already when the wallet is asked for the slip."""
    signed = by_wallet(world, wanda, Pick(match, 0, 25_000), accepted_at_s=now)
    was = world.place(at_odds(signed, 11_000))
    book, budget = world.book(), left(world)
    wallet.setMood(REFUSES, {"from": world.owner})
    taken = run(was.number, was.batch, 0, 1)
    with reverts("SlipRefused", int(SkipReason.SIGNATURE_INVALID)):
        through(world, wallet, "enforceInstead", taken, pack(signed), world.receipt(signed))
    assert (world.book(), left(world)) == (book, budget)
    assert world.sportsbook.batches(was.number) != "0x" + "00" * 32


@pytest.mark.parametrize("disputed", [True, False])
def test_arbiter_who_rules_at_once_marks_no_market_early(world, alice, bob, now, disputed):
    """A ruling in the second after publication ends the dispute. It makes the result final no
    sooner than a receipt that is older than the result lapses."""
    match = make_market(starts_at_s=now + 30)
    signed, other = (
        world.sign(b, Pick(match, 0, 25_000), accepted_at_s=now + 29) for b in (alice, bob)
    )
    world.travel_to(now + 29)
    was = world.place(at_odds(signed, 11_000), at_odds(other, 11_000))
    published = world.publish(score(0, 1, now + 30))
    if disputed:
        world.dispute()
    world.rule(score(1, 0, now + 30))
    final_s = final_at(world, match)
    assert final_s >= published.timestamp + DISPUTE_WINDOW_S > now + 29 + RECEIPT_WINDOW_S
    world.at(now + 29 + RECEIPT_WINDOW_S)
    number, batch, _ = instead(world, was, signed)
    with reverts("SlipRefused", int(SkipReason.ACCEPTANCE_OUTSIDE_WINDOW)):
        instead(world, was, other, 1)
    world.travel_to(final_at(world, match))
    assert payouts(world.settle(was.number, was.batch, 1, 1)) == {1: 11 * UNIT // 10}
    with reverts("SlipRefused|BetNotOpen"):
        instead(world, was, other, 1)
    assert payouts(world.settle(number, batch)) == {0: 25 * UNIT // 10}
    assert world.book()["owed_micro"] == world.book()["locked_micro"] == 0


def test_rest_of_a_sold_bet_is_replaced_by_no_receipt_of_the_whole(world, alice, now):
    """What is left has the account, nonce and legs of the slip, and another stake. It is older than
    any receipt of its time; a new one that the house would have to sign is for a new stake."""
    match = make_market(starts_at_s=now + DAY_S)
    signed = world.sign(
        alice,
        Pick(match, 0, 25_000),
        accepted_at_s=now,
        stake_micro=10 * UNIT,
        deadline_s=now + DAY_S // 2,
    )
    was = world.place(at_odds(signed, 16_000))
    world.ripen()
    sold = world.cash_out(alice, was.number, was.batch, price_micro=4 * UNIT, stake_micro=4 * UNIT)
    next_ = dict(sold.events["CashedOut"])["next"]
    assert next_ != 0
    rest = replace(was.batch, records=(replace(was.batch.records[0], stake_micro=6 * UNIT),))
    fresh = replace(signed, accepted_at_s=world.clock())
    with reverts("NothingToReplace"):
        world.sportsbook.enforceInstead(
            run(next_, rest, 0, 1), pack(fresh), world.receipt(fresh), world.sender(alice)
        )
    with reverts("BetNotOpen", was.number, 0):
        instead(world, was, fresh)


@pytest.mark.parametrize("how", ["excluded", "cancelled"])
@pytest.mark.parametrize("after", [False, True])
def test_correction_obeys_what_its_owner_ruled_out(world, alice, match, now, how, after):
    """The bet is there already; what counts is when the receipt says that its slip was accepted."""
    accepted_s = now + 40 if after else now
    signed = world.sign(
        alice, Pick(match, 0, 25_000), accepted_at_s=accepted_s, deadline_s=now + 120
    )
    was = world.place(at_odds(replace(signed, accepted_at_s=now), 11_000))
    world.at(now + 20)
    if how == "excluded":
        world.exclude(alice, now + DAY_S)
    else:
        world.sportsbook.cancelNonces(1, world.sender(alice))
    world.at(now + 60)
    if after:
        with reverts(
            "SlipRefused",
            int(SkipReason.EXCLUDED if how == "excluded" else SkipReason.NONCE_CANCELLED),
        ):
            instead(world, was, signed)
    else:
        assert instead(world, was, signed).batch.records[0].legs[0].odds_e4 == 25_000


def test_correction_needs_no_balance_and_ends_one_bet_of_three(world, alice, bob, match, now):
    """Everything that she has is in the bet, which stands between two others of its batch."""
    signed = world.sign(alice, Pick(match, 0, 25_000), accepted_at_s=now, stake_micro=DEPOSIT_MICRO)
    others = [
        world.sign(bob, Pick(match, i, 20_000), accepted_at_s=now, nonce=1 + i) for i in (0, 1)
    ]
    was = world.place(others[0], at_odds(signed, 11_000), others[1])
    assert world.balance(alice) == 0
    number, batch, _ = instead(world, was, signed, 1)
    world.end_match(match)
    assert payouts(world.settle(was.number, was.batch)) == {0: 2 * UNIT}
    assert world.sportsbook.batches(was.number) == "0x" + "00" * 32
    assert payouts(world.settle(number, batch)) == {0: DEPOSIT_MICRO * 5 // 2}
    book = world.book()
    assert book["owed_micro"] == book["locked_micro"] == 0


@pytest.mark.parametrize("first_in_play", [True, False])
def test_accumulator_in_play_returns_its_stake_from_the_budget(world, alice, first_in_play):
    secret = key(SPARE)
    world.replace_key(Role.RECEIPTS, key_address(secret), 100 * UNIT)
    at_s = world.clock()
    legs = [
        Pick(make_market(starts_at_s=at_s - 60, in_play=True), 0, 15_000),
        pick_elsewhere(at_s + 3_600, 0, 20_000),
    ]
    signed = world.sign(
        alice, *(legs if first_in_play else legs[::-1]), accepted_at_s=at_s, stake_micro=20 * UNIT
    )
    world.travel_to(at_s + 20)
    was = world.place(replace(signed, accepted_at_s=at_s + 9))
    instead(world, was, signed, secret=secret)
    assert left(world, key_address(secret)) <= 40 * UNIT + UNIT // 100


@pytest.mark.parametrize("first", [1, 255, 256, 2**255, 2**256 - 1])
def test_number_of_a_bet_that_is_none_ends_nothing(world, alice, match, now, first):
    """A bit that no word has looks as if its bet was open."""
    signed = world.sign(alice, Pick(match, 0, 25_000), accepted_at_s=now)
    was = world.place(at_odds(signed, 11_000))
    taken = run(was.number, was.batch, 0, 1)
    taken = (taken[0], first, *taken[2:])
    with reverts("ProofInvalid"):
        world.sportsbook.enforceInstead(
            taken, pack(signed), world.receipt(signed), world.sender(alice)
        )
    world.ripen()
    with reverts("ProofInvalid"):
        world.cash_out(alice, was.number, was.batch, price_micro=UNIT, run_=taken)


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


@pytest.mark.parametrize("number", [0, 255])
def test_correction_ends_the_first_and_the_last_bet_of_the_largest_batch(world, alice, number):
    """The other 255 are settled as runs around it, and the batch is gone."""
    at_s = world.clock()
    match = make_market(starts_at_s=at_s + 3_600)
    slips = [
        world.sign(alice, Pick(match, 0, 11_000), accepted_at_s=at_s, nonce=1 + i)
        for i in range(256)
    ]
    was = world.place(*slips)
    assert len(was.batch.records) == 256
    better = at_odds(slips[number], 25_000)
    after = instead(world, was, better, number)
    world.end_match(match)
    first = 1 if number == 0 else 0
    paid = payouts(world.settle(was.number, was.batch, first, 255))
    assert sorted(paid) == [i for i in range(256) if i != number]
    assert world.sportsbook.batches(was.number) == "0x" + "00" * 32
    assert payouts(world.settle(after.number, after.batch)) == {0: 25 * UNIT // 10}
    assert world.book()["owed_micro"] == world.book()["locked_micro"] == 0


# -- The operator's budget


@pytest.fixture
def thief(world):
    """Holds an operator's key with a budget of 100."""
    world.replace_key(Role.OPERATOR, key_address(key(SPARE)), 100 * UNIT)
    return accounts[SPARE]


def send(world, by, *signed):
    return placed(world.sportsbook.placeBatch(pack(*signed), {"from": by}))


def honest(world, alice, market):
    """A bet that locks 490."""
    at_s = world.clock()
    world.place(
        world.sign(alice, Pick(market, 0, 500_000), stake_micro=10 * UNIT, accepted_at_s=at_s)
    )


def covering(world, friend, market, first_nonce=1):
    return [
        world.sign(
            friend,
            Pick(market, outcome, 500 * 10_000 // 245),
            stake_micro=245 * UNIT,
            accepted_at_s=world.clock(),
            nonce=first_nonce + outcome - 1,
        )
        for outcome in (1, 2)
    ]


def test_budget_nets_no_accumulator(world, alice, thief):
    """Bets that cover an honest one free 490; an accumulator locks that, with a leg on the same
    fixture."""
    friend = world.stranger(6)
    market = make_market(starts_at_s=world.clock() + 3_600)
    honest(world, alice, market)
    legs = (
        Pick(make_market(Kind.BOTH_TEAMS_TO_SCORE, starts_at_s=market.starts_at_s), 0, 491_000),
        pick_elsewhere(market.starts_at_s, 0, 100_000),
    )
    absurd = world.sign(friend, *legs, accepted_at_s=world.clock(), nonce=3)
    with reverts("BudgetExceeded", 100 * UNIT, 490 * UNIT):
        send(world, thief, *covering(world, friend, market), absurd)


def test_budget_nets_only_what_was_placed_before(world, alice, thief):
    """The same bets of one fixture, but the absurd one first."""
    friend = world.stranger(6)
    market = make_market(starts_at_s=world.clock() + 3_600)
    honest(world, alice, market)
    other = make_market(Kind.BOTH_TEAMS_TO_SCORE, starts_at_s=market.starts_at_s)
    absurd = world.sign(friend, Pick(other, 0, 4_910_000), accepted_at_s=world.clock(), nonce=3)
    said = send(world, thief, absurd, *covering(world, friend, market))
    assert [skip.reason for skip in said.skips] == [SkipReason.EXPOSURE_EXCEEDED]
    assert left(world, thief) == 100 * UNIT


def test_match_that_was_put_off_counts_what_is_locked_now(world, alice, bob, thief):
    """Its sum still has what its bets locked for the first date, which are void and paid."""
    first = make_market(starts_at_s=world.clock() + 60)
    was = world.place(
        world.sign(
            alice, Pick(first, 0, 500_000), stake_micro=10 * UNIT, accepted_at_s=world.clock()
        )
    )
    world.travel_to(first.starts_at_s + VOID_AFTER_S + 1)
    assert payouts(world.settle(was.number, was.batch)) == {0: 10 * UNIT}
    assert world.book()["locked_micro"] == 0
    second = make_market(starts_at_s=world.clock() + 3_600)
    said = send(
        world,
        thief,
        world.sign(bob, Pick(second, 0, 600_000), accepted_at_s=world.clock()),
    )
    assert len(said.batch.records) == 1
    assert left(world, thief) == 41 * UNIT
    # What covers it gives nothing back, and takes nothing.
    send(
        world,
        thief,
        world.sign(
            alice, Pick(second, 1), stake_micro=30 * UNIT, accepted_at_s=world.clock(), nonce=2
        ),
    )
    assert world.book()["locked_micro"] == 29 * UNIT
    assert 41 * UNIT <= left(world, thief) < 42 * UNIT


# -- Offers against results that are not final


def test_offer_waits_for_finality_through_dispute_and_ruling(world, alice, now):
    """The end of a dispute moves to three windows and back. An offer of any second before it is
    refused, then and afterwards; one of its first second counts."""
    first = Pick(make_market(starts_at_s=now + 60), 0, 20_000)
    second = pick_elsewhere(now + DAY_S, 0, 20_000)
    was = world.place(world.sign(alice, first, second, accepted_at_s=now, stake_micro=10 * UNIT))
    world.travel_to(now + CASH_OUT_AGE_S)
    offered = [world.clock()]

    def refused(at_s):
        with reverts("CashOutOutdated"):
            world.cash_out(alice, was.number, was.batch, price_micro=UNIT, offered_at_s=at_s)

    world.publish(score(1, 0, now + 100))
    offered.append(world.clock())
    refused(offered[-1])
    world.dispute()
    offered.append(world.clock())
    refused(offered[-1])
    world.rule(score(2, 0, now + 100))
    offered.append(world.clock())
    refused(offered[-1])
    final_s = final_at(world, first.market)
    world.travel_to(final_s - 2)
    world.at(final_s - 1)
    refused(final_s - 1)
    world.travel_to(final_s + 5)
    for at_s in (*offered, final_s - 1):
        refused(at_s)
    world.cash_out(alice, was.number, was.batch, price_micro=UNIT, offered_at_s=final_s)
    assert world.balance(alice) == DEPOSIT_MICRO - 9 * UNIT
