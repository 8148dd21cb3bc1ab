"""Attacks on bets that earn nothing: what an auditor tried who had not seen the contracts.

a receipt
├── counts in whatever order it is enforced with others
├── corrects odds that the operator moved from one leg of an accumulator to another
├── wins over the earliest acceptance that the operator may state, in the last second to state it
├── replaces no bet by a run that proves more than the bet, or lists more than it needs
├── frees no nonce by replacing, and is asked of a wallet that can only look
└── reaches no market that is decided
a market
├── that is marked owes halves to the unit, listed twice or by several lists of one call
├── is void or decided by its last second alike, for all its bets
├── in play is void one by one to its last second, and then neither sold nor replaced
└── before the match and in play is one fixture to an accumulator
a bet
├── that is sold in parts of one unit leaves nothing locked, and pays no more than in one piece
├── is not lost early by a result that is disputed
├── at a quote takes no time from its table
└── is signed by no precompile that owns an account
a batch
└── without bets, of markets and times that do not exist, can be read by all who follow the chain
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import Intruder, accounts

from indexer.decode.batch_columns import read_columns
from protocol.market_id import Kind, fixture_name_hash
from protocol.placed_event import SkipReason, split_placed
from protocol.records import pack_markets
from tests.contracts.events import payouts, placed
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned, run
from tests.support.people import key
from tests.support.signing import quote_of, score
from tests.support.slips import NAME, OTHER_NAME, Pick, make_market, pick_elsewhere, with_signature
from tests.support.terms import (
    BANKROLL_MICRO,
    BATCH_WINDOW_S,
    CASH_OUT_AGE_S,
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    RECEIPT_WINDOW_S,
    UNIT,
    VOID_AFTER_S,
)

DAY_S = 86_400
FAR_S = 2**40 - 1
VOID = 2


def reasons(said):
    return [skip.reason for skip in said.skips]


def instead(world, was, signed, run_=None):
    """Enforce the receipt of a slip where `was` has it at other terms."""
    run_ = run_ or run(was.number, was.batch, 0, 1)
    by = world.sender_of(signed)
    return placed(world.sportsbook.enforceInstead(run_, pack(signed), world.receipt(signed), by))


def at_odds(signed, *odds_e4):
    """The same slip at other odds, as an operator could state them."""
    picks = tuple(replace(p, odds_e4=o) for p, o in zip(signed.picks, odds_e4, strict=True))
    return replace(signed, picks=picks)


def holds(world, *bettors):
    """What always holds of the book, and of the tokens behind it."""
    book = world.book()
    assert book["pool_micro"] >= book["owed_micro"] + book["locked_micro"]
    held = world.token.balanceOf(world.sportsbook)
    assert held >= book["pool_micro"] + sum(world.balance(bettor) for bettor in bettors)
    return book


# -- Receipts


def test_odds_that_are_moved_to_another_leg_are_corrected(world, alice, now):
    """A bettor signs the product of the odds. An operator who knows that one leg will be void moves
    the odds of the other one there: the product is what she signed, and the bet pays next to
    nothing. The receipt has the odds of each leg."""
    first = Pick(make_market(starts_at_s=now + 60), 0, 30_000)
    second = pick_elsewhere(now + 60, 0, 20_000)
    signed = world.sign(
        alice, first, second, accepted_at_s=now, stake_micro=100 * UNIT, min_odds_e4=60_000
    )
    was = world.place(at_odds(signed, 10_001, 599_941))
    assert len(was.batch.records) == 1
    number, batch, _ = instead(world, was, signed)
    world.travel_to(now + 7_200)
    world.publish_final(
        score(1, 0, now + 7_000), score(0, 0, now + 60, name=OTHER_NAME, status=VOID)
    )
    assert payouts(world.settle(number, batch)) == {0: 300 * UNIT}


def test_earliest_time_that_the_operator_may_state_leaves_time_to_correct_it(world, alice, now):
    """A bet is replaced until RECEIPT_WINDOW after the acceptance that was stated for it. So the
    operator dates it BATCH_WINDOW before that of the receipt, to end that time early."""
    accepted_s = now + BATCH_WINDOW_S
    match = make_market(starts_at_s=accepted_s + 3_600)
    signed = world.sign(alice, Pick(match, 0, 30_000), accepted_at_s=accepted_s)
    world.at(accepted_s)
    was = world.place(replace(at_odds(signed, 10_001), accepted_at_s=now))
    assert len(was.batch.records) == 1
    world.at(now + RECEIPT_WINDOW_S)
    _, batch, _ = instead(world, was, signed)
    assert batch.records[0].legs[0].odds_e4 == 30_000


def test_receipts_are_enforced_in_any_order(world, alice, match, now):
    """A stranger who holds all receipts that an account can have begins with the highest nonce, to
    push the others out of the window."""
    slips = [
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=nonce)
        for nonce in (9, 1, 8, 2, 7, 3, 6, 4, 5)
    ]
    for signed in slips:
        world.enforce(signed)
    assert world.balance(alice) == DEPOSIT_MICRO - 9 * UNIT


def test_run_that_proves_more_than_a_bet_replaces_none(world, alice, bob, match, now):
    """All bets of a batch are proven by one hash, and a list may have any markets. Neither lets a
    receipt end a bet beside its own."""
    mine, other = (
        world.sign(bettor, Pick(match, 0, 20_000), accepted_at_s=now) for bettor in (alice, bob)
    )
    was = world.place(at_odds(mine, 15_000), at_odds(other, 15_000))
    with reverts("RunNotOfBatch", was.number):
        instead(world, was, mine, run(was.number, was.batch))
    number, first, markets, records, proof = run(was.number, was.batch, 0, 1)
    unused = pack_markets(now, [pick_elsewhere(now + 60).market.pack()])[5:]
    with reverts("MarketsUnused", 2, 1):
        instead(world, was, mine, (number, first, markets + unused, records, proof))
    for place in (1, 2, 255):
        with reverts("RunNotOfBatch|ProofInvalid"):
            instead(world, was, mine, (number, place, markets, records, proof))
    instead(world, was, mine)
    assert world.sportsbook.settledBits(was.number) == 1


def test_bet_that_was_replaced_frees_no_nonce(world, alice, match, now):
    """The slip that replaces a bet uses its nonce no second time. That does not make it free."""
    signed = world.sign(alice, Pick(match, 0, 20_000), accepted_at_s=now)
    was = world.place(at_odds(signed, 15_000))
    now_is = instead(world, was, signed)
    assert reasons(world.place(signed)) == [SkipReason.NONCE_USED]
    with reverts("SlipRefused", int(SkipReason.NONCE_USED)):
        world.enforce(signed)
    with reverts("NothingToReplace"):
        instead(world, now_is, signed)
    with reverts("BetNotOpen", was.number, 0):
        instead(world, was, signed)
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT


def test_wallet_that_is_asked_while_replacing_can_only_look(world, match, now):
    """Between the end of a bet and the bet that replaces it, the stake is in the balance. A wallet
    whose signature is checked then takes nothing out, and does not let the bet end without the
    other."""
    intruder = Intruder.deploy({"from": world.owner})
    bettor = world.open_for(intruder.address, key(10))
    signed = world.sign(bettor, Pick(match, 0, 20_000), accepted_at_s=now)
    signed = with_signature(signed, bytes(65), contract=True)
    sportsbook = world.sportsbook
    intruder.prepare(0, sportsbook, sportsbook.book.encode_input(), {"from": world.owner})
    was = world.place(at_odds(signed, 15_000))
    bet = run(was.number, was.batch, 0, 1)
    replacement = sportsbook.enforceInstead.encode_input(bet, pack(signed), world.receipt(signed))
    for call in (
        sportsbook.requestExit.encode_input(UNIT),
        sportsbook.settle.encode_input([run(was.number, was.batch)]),
        sportsbook.cancelNonces.encode_input(1),
    ):
        intruder.prepare(0, sportsbook, call, {"from": world.owner})
        with reverts("SlipRefused", int(SkipReason.SIGNATURE_INVALID)):
            intruder.execute(sportsbook, replacement, {"from": world.owner})
    intruder.prepare(0, sportsbook, sportsbook.book.encode_input(), {"from": world.owner})
    intruder.execute(sportsbook, replacement, {"from": world.owner})
    assert world.balance(bettor) == DEPOSIT_MICRO - UNIT


def test_receipt_reaches_no_market_that_is_decided(world, alice, bob, now):
    """A market is marked by the first of its bets that is settled; a bet that came later would be
    owed nothing. The last slip before the result is too old in the second in which it is final."""
    market = make_market(starts_at_s=now + 60)
    number, batch, _ = world.place(world.sign(bob, Pick(market, 0), accepted_at_s=now))
    last = world.sign(alice, Pick(market, 0), accepted_at_s=now + 59)
    world.travel_to(now + 59)
    world.at(now + 60)
    published = world.publish(score(1, 0, now + 60))
    assert published.timestamp == now + 60
    world.at(now + 60 + DISPUTE_WINDOW_S)
    world.settle(number, batch)
    assert world.balance(bob) == DEPOSIT_MICRO + UNIT
    with reverts("SlipRefused", int(SkipReason.ACCEPTANCE_OUTSIDE_WINDOW)):
        world.enforce(last)


# -- Markets


@pytest.fixture
def halves(world, now):
    """A market of which half is won, five odd bets on both sides in two batches, all final."""
    market = make_market(Kind.ASIAN_HANDICAP, -3, starts_at_s=now + 60)
    bettors = [world.stranger(20 + i) for i in range(5)]
    at_s = world.clock()
    slips = [
        world.sign(bettor, Pick(market, i % 2, 19_999), stake_micro=1 + 2 * i, accepted_at_s=at_s)
        for i, bettor in enumerate(bettors)
    ]
    batches = [world.place(*slips[:3]), world.place(*slips[3:])]
    world.end_match(market)
    return market, batches, bettors


def pays_half(record):
    """What a bet of `halves` pays: home is ahead by a quarter goal."""
    leg = record.legs[0]
    if leg.outcome == 1:
        return record.stake_micro // 2
    return record.stake_micro * (leg.odds_e4 + 10_000) // 20_000


def test_market_that_is_listed_twice_owes_halves_to_the_unit(world, halves):
    """Each entry of a list is released by itself, and what is owed is rounded up each time: bets of
    one market that refer to different entries leave neither a unit too much nor too little."""
    market, (first, second), bettors = halves
    batch = first.batch
    listed = pack_markets(batch.base_s, [market.pack()])
    twice = listed + listed[5:]
    records = [
        replace(r, legs=(replace(r.legs[0], market=i % 2),)) for i, r in enumerate(batch.records)
    ]
    number, _, _, _, proof = run(first.number, batch, 0, 2)
    part = (number, 0, twice, b"".join(r.pack() for r in records[:2]), proof)
    before = holds(world, *bettors)
    tx = world.sportsbook.settle([part], {"from": accounts[60]})
    expected = {i: pays_half(r) for i, r in enumerate(records[:2]) if pays_half(r)}
    assert payouts(tx) == expected
    after = holds(world, *bettors)
    assert after["pool_micro"] == before["pool_micro"] - sum(expected.values())
    world.settle(first.number, batch, 2, 1)
    holds(world, *bettors)
    world.settle(second.number, second.batch)
    assert holds(world, *bettors)["owed_micro"] == 0


def test_market_is_marked_and_released_by_the_lists_of_one_call(world, halves):
    """The first list of a call marks the market, the next ones release what is marked, and a run
    that shares the list of another, or was settled by an earlier one, changes nothing."""
    _, (first, second), bettors = halves
    runs = [
        run(first.number, first.batch, 1, 1),
        run(second.number, second.batch),
        run(first.number, first.batch, 0, 2),
        run(second.number, second.batch),
        run(first.number, first.batch),
    ]
    world.sportsbook.settle(runs, {"from": accounts[60]})
    book = holds(world, *bettors)
    assert (book["owed_micro"], book["locked_micro"]) == (0, 0)
    paid = [pays_half(r) for said in (first, second) for r in said.batch.records]
    stakes = [r.stake_micro for said in (first, second) for r in said.batch.records]
    assert [world.balance(b) - DEPOSIT_MICRO for b in bettors] == [
        p - s for p, s in zip(paid, stakes, strict=True)
    ]


@pytest.mark.parametrize("late_s", [0, 1])
def test_last_second_of_a_market_decides_all_its_bets_alike(world, alice, bob, now, late_s):
    """A result counts when it is published up to VOID_AFTER. A second later the market is void, and
    stays so for the bets that are left when the result comes after the first of them is settled."""
    market = make_market(starts_at_s=now + 60)
    slips = [
        world.sign(b, Pick(market, i, 20_000), stake_micro=100 * UNIT, accepted_at_s=now)
        for i, b in enumerate((alice, bob))
    ]
    number, batch, _ = world.place(*slips)
    end_s = market.starts_at_s + VOID_AFTER_S
    result = score(1, 0, now + 7_000)
    world.at(end_s - 1)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.at(end_s + late_s)
    if late_s:
        world.settle(number, batch, 0, 1)
    published = world.publish(result)
    assert late_s or published.timestamp == end_s
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S)
    world.settle(number, batch)
    won = 0 if late_s else 100 * UNIT
    assert [world.balance(b) - DEPOSIT_MICRO for b in (alice, bob)] == [won, -won]
    assert holds(world, alice, bob)["owed_micro"] == 0


def test_bet_in_play_of_the_last_second_is_void_and_nothing_else(world, alice, now):
    """In play, a market takes bets until it is void. The last one is settled at its stake a moment
    later; its receipt and a cash-out could otherwise take the stake again."""
    market = make_market(starts_at_s=now - VOID_AFTER_S + 30, in_play=True)
    end_s = market.starts_at_s + VOID_AFTER_S
    world.at(end_s)
    signed = world.sign(alice, Pick(market, 0), accepted_at_s=end_s - 1, min_odds_e4=10_001)
    was = world.place(at_odds(signed, 15_000))
    assert len(was.batch.records) == 1
    late = world.sign(alice, Pick(market, 0), accepted_at_s=end_s, nonce=2)
    assert reasons(world.place(late)) == [SkipReason.MARKET_CLOSED]
    world.settle(was.number, was.batch)
    assert world.balance(alice) == DEPOSIT_MICRO
    with reverts("BetNotOpen", was.number, 0):
        instead(world, was, signed)
    world.travel_to(end_s + CASH_OUT_AGE_S)
    with reverts("BetNotOpen", was.number, 0):
        world.cash_out(alice, was.number, was.batch, price_micro=UNIT)
    assert holds(world, alice)["owed_micro"] == 0


def test_fixture_before_the_match_and_in_play_is_one_to_an_accumulator(world, alice, now):
    """Two markets of a match that differ in every field but its name and start are not
    independent."""
    before = Pick(make_market(starts_at_s=now + 3_600), 0)
    for other in (
        make_market(starts_at_s=now + 3_600, in_play=True),
        make_market(Kind.TOTAL_GOALS, 10, starts_at_s=now + 3_600, in_play=True),
        make_market(Kind.PROPOSITION, starts_at_s=now + 3_600),
    ):
        said = world.place(world.sign(alice, before, Pick(other, 0), accepted_at_s=now))
        assert reasons(said) == [SkipReason.LEGS_INVALID]


# -- Bets


@pytest.mark.parametrize("kind", [Kind.MATCH_RESULT, Kind.CORRECT_SCORE])
def test_bet_that_is_sold_in_units_leaves_nothing_locked(world, alice, bob, now, kind):
    """Each part's payout is rounded down by itself: five parts of one micro-unit at 1.9999 lock
    less than the bet of five did. What they release is what the bet locked, whether the market nets
    or not, and no part pays more than its own share."""
    line_q = 8 if kind is Kind.CORRECT_SCORE else 0
    market = make_market(kind, line_q, starts_at_s=now + 30 * DAY_S)
    others = world.sign(bob, Pick(market, 1, 30_001), stake_micro=7, accepted_at_s=now)
    signed = world.sign(alice, Pick(market, 0, 19_999), stake_micro=5, accepted_at_s=now)
    world.place(others)
    alone = world.book()
    number, batch, _ = world.place(signed)
    world.ripen()
    for left in (4, 3, 2, 1, 0):
        terms = {"stake_micro": 1, "price_micro": 1}
        with reverts("CashOutTooHigh", 2, 1):
            world.cash_out(alice, number, batch, stake_micro=1, price_micro=2)
        event = world.cash_out(alice, number, batch, **terms).events["CashedOut"]
        assert event["rest"] == left
        holds(world, alice, bob)
        number = event["next"]
        record = replace(batch.records[0], stake_micro=left)
        batch = replace(batch, records=(record,))
    assert number == 0
    book = world.book()
    assert (book["owed_micro"], book["locked_micro"]) == (
        alone["owed_micro"],
        alone["locked_micro"],
    )
    assert world.balance(alice) == DEPOSIT_MICRO


def test_loss_that_is_disputed_settles_no_accumulator(world, alice, now):
    """An accumulator is settled as soon as one leg is lost. A result that the arbiter may still
    replace loses no leg, not even in the second before it is final."""
    match = make_market(starts_at_s=now + 60)
    other = pick_elsewhere(now + 30 * DAY_S, 0, 20_000)
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), other, accepted_at_s=now))
    world.travel_to(now + 7_200)
    published = world.publish(score(0, 1, now + 7_000))
    world.at(published.timestamp + DISPUTE_WINDOW_S - 1)
    with reverts("NothingToSettle"):
        world.settle(number, batch)


def test_ruling_that_turns_a_loss_keeps_the_accumulator(world, alice, now):
    """The same, when a dispute is ruled: what was published first decides nothing any more."""
    match = make_market(starts_at_s=now + 60)
    other = pick_elsewhere(now + 30 * DAY_S, 0, 20_000)
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), other, accepted_at_s=now))
    world.travel_to(now + 7_200)
    published = world.publish(score(0, 1, now + 7_000))
    world.dispute()
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    ruled = world.rule(score(1, 0, now + 7_000))
    world.travel_to(ruled.timestamp + DISPUTE_WINDOW_S)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    assert world.book()["locked_micro"] == 3 * UNIT


@pytest.mark.parametrize("base_s", [0, 1, FAR_S])
def test_bet_at_a_quote_takes_no_time_from_its_table(world, alice, match, base_s):
    """A quoted bet is accepted in its block. The base time of its table, which nobody signed, would
    date it anywhere, and in play decide whether it counts."""
    home = Pick(match, 0, 25_000)
    data = base_s.to_bytes(5, "big") + pack_unsigned(alice, home)[5:]
    tx = world.place_quoted(alice, quote_of(home, deadline_s=FAR_S), data)
    number, batch, _ = placed(tx)
    assert batch.base_s == tx.timestamp
    world.end_match(match)
    assert payouts(world.settle(number, batch)) == {0: UNIT * 25 // 10}


@pytest.mark.parametrize("precompile", [1, 2, 3, 4, 5, 9])
def test_precompile_signs_nothing(world, now, match, precompile):
    """Anybody may open an account for an address that computes: the identity answers with what it
    is asked, which begins with the selector that means yes."""
    owner = "0x" + f"{precompile:040x}"
    bettor = world.open_for(owner, key(10))
    signed = world.sign(bettor, Pick(match, 0), accepted_at_s=now)
    for length in (1, 32, 64, 65, 128):
        forged = with_signature(signed, bytes(length), contract=True)
        assert reasons(world.place(forged)) == [SkipReason.SIGNATURE_INVALID]
    assert world.balance(bettor) == DEPOSIT_MICRO


# -- Batches


def test_batch_of_what_does_not_exist_can_be_read(world, alice, match, now):
    """An operator may list markets of no kind, and date a batch that places nothing to the year
    36812. It is an event like others to those who follow the chain, and binds no fixture to a
    council."""
    name = fixture_name_hash(NAME)
    kinds = ((0, 0, 0, 0), (14, 0, 0, 0), (255, 255, 2**16 - 1, 255))
    table = b"".join(
        (
            FAR_S.to_bytes(5, "big") + b"\1" + name + match.starts_at_s.to_bytes(5, "big"),
            bytes((len(kinds),)),
            *(
                bytes((0, kind, period)) + line.to_bytes(2, "big") + bytes((flags,))
                for kind, period, line, flags in kinds
            ),
        )
    )
    slip = pack(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    slips = slip[6 + 37 + 1 + 6 :]
    tx = world.sportsbook.placeBatch(table + slips, {"from": world.operator})
    data = bytes(tx.events["BatchPlaced"]["data"])
    parts = split_placed(data)
    assert [skip.reason for skip in parts.skips] == [SkipReason.ACCEPTANCE_OUTSIDE_WINDOW]
    assert len(read_columns([parts]).bets.batch) == 0
    assert world.sportsbook.batches(tx.events["BatchPlaced"]["batch"]) == "0x" + "00" * 32
    assert world.sportsbook.resultOf(match.fixture)[-1] == 0
    assert world.sportsbook.house() == BANKROLL_MICRO
    said = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    assert len(said.batch.records) == 1
