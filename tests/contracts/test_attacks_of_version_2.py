"""Attacks that worked on version 2 of the contracts, and relatives of theirs.

Each test plays an attack and shows what stops it, or that it earns nothing. The docstring says what
it did in version 2. The letters are those of the audit.

rounding (F1)
├── locks every bet of a proposition in full, so that no fraction pays more than is locked
└── never makes the pool smaller than what is owed and locked, whatever the market
accumulators (F2)
├── refuse a leg twice, and share one cap
└── are not placed when the whistle is long gone, or the result known
capacity (F3)
├── for receipts cannot be used up by batches, quotes, cash-outs or liquidity that leaves
├── is not locked by fixtures of the far future
└── and no later nonce kills a receipt
the price of leaving (F4)
└── is the same in whatever order bets are settled
hindsight (F5)
├── of the operator is two minutes, and ends with the result
└── of the house ends with a cancellation
the bankroll (F7)
└── is nobody whom the owner could name
a stolen key (F8)
├── of receipts costs its budget at most, retired or not, whatever nets
├── of cash-outs costs its budget at most, and no bet can be made and sold in one block
├── of withdrawals costs the house nothing
└── of the operator costs its budget at most
a lost accumulator (F9)
└── is settled at once
an exclusion (F10)
└── makes no slip an option
a council (F11)
└── of the owner's decides no bet that was open before
"""

from __future__ import annotations

from itertools import permutations

import pytest
from brownie import accounts

from protocol.market_id import Kind, fixture_id
from protocol.placed_batch import SkipReason
from protocol.roles import Role
from protocol.typed_data import CashOut, Withdrawal
from tests.contracts.events import placed
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned
from tests.support.people import council, in_order, key, key_address
from tests.support.signing import quote_of, score
from tests.support.slips import NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BANKROLL_MICRO,
    BATCH_WINDOW_S,
    CASH_OUT_AGE_S,
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    NOTICE_S,
    RECEIPT_BUDGET_MICRO,
    RECEIPT_WINDOW_S,
    UNIT,
)

DAY_S = 86_400
FRACTION = 5
FAR_S = 2**40 - 1


def reasons(placed_):
    return [skip.reason for skip in placed_.skips]


def holds(world):
    """What always holds of the book: it can pay what it owes and what it could come to owe."""
    book = world.book()
    assert book["pool_micro"] >= book["owed_micro"] + book["locked_micro"]
    assert book["locked_micro"] >= book["accumulators_micro"]
    return book


# -- F1: rounding


@pytest.fixture
def proposition(now):
    return make_market(Kind.PROPOSITION, starts_at_s=now + 2 * DAY_S)


def dust(world, bettor, market, at_s, base=0):
    """Four micro-units on Yes at 1.9999 and one on No at 5: netted, they would lock nothing."""
    picks = [Pick(market, 0, 19_999)] * 4 + [Pick(market, 1, 50_000)]
    return [
        world.sign(bettor, pick, stake_micro=1, accepted_at_s=at_s, nonce=base + 1 + i)
        for i, pick in enumerate(picks)
    ]


def test_dust_on_a_proposition_finds_no_bankroll_of_nothing(world, alice, proposition):
    """F1. Five bets of one micro-unit locked nothing; a result of 128/255 paid six, since each bet
    was rounded by itself. The pool fell below zero, which made it 2^64 - 1, and a shareholder then
    withdrew every token in the contract. Now a proposition locks each bet in full."""
    at_s = world.leave_in_bankroll(0)
    said = world.place(*dust(world, alice, proposition, at_s))
    # Yes pays 1 for 1, at whatever fraction. No would have to be paid from stakes on Yes.
    assert [record.nonce for record in said.batch.records] == [1, 2, 3, 4]
    assert reasons(said) == [SkipReason.EXPOSURE_EXCEEDED]


@pytest.mark.parametrize("parts", [(128, 0, 255), (1, 1, 255), (254, 1, 255), (1, 0, 3), (0, 1, 7)])
def test_dust_on_a_proposition_is_covered_to_the_unit(world, alice, proposition, parts):
    """F1, with just as much bankroll as the bets lock: whatever the fraction, it is enough. Settled
    one by one, the pool covers what is owed and locked after each."""
    at_s = world.leave_in_bankroll(4)
    said = world.place(*dust(world, alice, proposition, at_s))
    # Yes pays 1 for 1 four times and locks nothing; No locks 4.
    assert len(said.batch.records) == 5
    assert holds(world)["locked_micro"] == 4
    world.travel_to(proposition.starts_at_s + 7_200)
    win, refund, of = parts
    world.publish_final(
        score(of, 0, proposition.starts_at_s, home_half=win, away_half=refund, status=FRACTION)
    )
    for bet in range(5):
        world.settle(said.number, said.batch, bet, 1)
        holds(world)
    held = world.token.balanceOf(world.sportsbook)
    assert held == world.balance(alice) + world.book()["pool_micro"]


@pytest.mark.parametrize(
    ("kind", "line_q", "outcomes"),
    [
        (Kind.MATCH_RESULT, 0, 3),
        (Kind.DOUBLE_CHANCE, 0, 3),
        (Kind.DRAW_NO_BET, 0, 2),
        (Kind.TOTAL_GOALS, 5, 2),
        (Kind.TOTAL_GOALS, 3, 2),
        (Kind.ASIAN_HANDICAP, -3, 2),
        (Kind.ASIAN_HANDICAP, -4, 2),
        (Kind.EUROPEAN_HANDICAP, -4, 3),
        (Kind.BOTH_TEAMS_TO_SCORE, 0, 2),
        (Kind.ODD_EVEN_GOALS, 0, 2),
        (Kind.CORRECT_SCORE, 8, 12),
        (Kind.WINNING_MARGIN, 12, 7),
        (Kind.PROPOSITION, 0, 2),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Kind) else str(value),
)
@pytest.mark.parametrize("in_play", [False, True], ids=["before", "in play"])
def test_dust_on_any_market_is_covered_to_the_unit(
    world, alice, now, kind, line_q, outcomes, in_play
):
    """F1, for every kind: one micro-unit on each outcome at odds that round badly, in a house that
    has just what they lock, settled by every part of a score that pays halves."""
    market = make_market(kind, line_q, starts_at_s=now + 2 * DAY_S, in_play=in_play)
    # What the bets lock is what the house is left with.
    at_s = world.now()
    slips = [
        world.sign(
            alice,
            Pick(market, i % outcomes, 19_999 + 10_000 * (i % 5)),
            stake_micro=1 + i % 3,
            accepted_at_s=at_s,
            nonce=1 + i,
        )
        for i in range(2 * outcomes)
    ]
    number, batch, skips = world.place(*slips)
    assert not skips
    locked = holds(world)["locked_micro"]
    world.leave_in_bankroll(0)
    assert world.sportsbook.house() == locked
    world.travel_to(market.starts_at_s + 7_200)
    status = FRACTION if kind is Kind.PROPOSITION else 1
    goals = {"home_half": 128, "away_half": 0} if status == FRACTION else {}
    home = 255 if status == FRACTION else 1
    world.publish_final(score(home, 0, market.starts_at_s + 7_000, status=status, **goals))
    for bet in range(len(batch.records)):
        free = world.sportsbook.houseFree()
        world.settle(number, batch, bet, 1)
        holds(world)
        assert world.sportsbook.houseFree() >= free
    assert world.book()["owed_micro"] == world.book()["locked_micro"] == 0


# -- F2: accumulators


def test_leg_that_is_used_twice_is_no_accumulator(world, alice, now):
    """F2. 200 slips with one leg twice, at odds that multiplied, took 2,000 past caps of 10, by the
    operator's key alone. Now legs are of distinct fixtures."""
    home = Pick(make_market(starts_at_s=now + 3_600), 0)
    said = world.place(world.sign(alice, home, home, accepted_at_s=now))
    assert reasons(said) == [SkipReason.LEGS_INVALID]


def test_accumulators_of_two_fixtures_share_one_cap(world, alice, now):
    """F2, with legs that are allowed: the cap bounded each accumulator, never their sum."""
    world.set_limits(
        market_cap_micro=10 * UNIT, fixture_cap_micro=10 * UNIT, accumulator_cap_micro=10 * UNIT
    )
    at_s = world.clock()
    picks = (pick_elsewhere(at_s + DAY_S, 0, 100_000, name=NAME), pick_elsewhere(at_s + DAY_S))
    slips = [
        world.sign(alice, *picks, stake_micro=UNIT // 10, accepted_at_s=at_s, nonce=1 + i)
        for i in range(200)
    ]
    said = world.place(*slips)
    assert len(said.batch.records) == 5
    assert holds(world)["accumulators_micro"] == 5 * 19 * UNIT // 10
    again = world.place(world.sign(alice, *picks, accepted_at_s=at_s, nonce=6))
    assert reasons(again) == [SkipReason.CAP_EXCEEDED]


def test_match_that_is_over_is_not_bet_on_by_the_operator(world, alice, now):
    """F2. In play the operator dated acceptance to before the whistle, up to ten minutes back, also
    when the result was published. Now it has two minutes, and none once there is a result."""
    market = make_market(starts_at_s=now - 7_000, in_play=True)
    winner = world.sign(alice, Pick(market, 0), accepted_at_s=now)
    world.travel_to(now + BATCH_WINDOW_S + 1)
    assert reasons(world.place(winner)) == [SkipReason.ACCEPTANCE_OUTSIDE_WINDOW]
    late = world.sign(alice, Pick(market, 0), accepted_at_s=world.clock())
    world.publish(score(1, 0, now))
    assert reasons(world.place(late)) == [SkipReason.MARKET_CLOSED]


# -- F3: capacity for receipts


def receipt_of_alice(world, alice, at_s, stake_micro=500 * UNIT):
    """A slip that the house has accepted, and the operator leaves out."""
    match = make_market(starts_at_s=at_s + 30)
    return world.sign(alice, Pick(match, 0), stake_micro=stake_micro, accepted_at_s=at_s)


def test_dust_of_the_operator_leaves_room_for_a_receipt(world, alice, bob):
    """F3. One micro-unit in an accumulator at astronomic odds filled the free bankroll, and a
    winning receipt could not be enforced until it lapsed. Now what receipts may need stays free."""
    at_s = world.now()
    signed = receipt_of_alice(world, alice, at_s)
    world.travel_to(at_s + 100)
    free = world.sportsbook.releasable()
    odds = (4_000_000_000, 4_000_000_000, free * 10**12 // 4_000_000_000**2)
    picks = [
        pick_elsewhere(at_s + DAY_S, 0, odds_e4, name=f"A{i} v B{i}, 2025-05-25")
        for i, odds_e4 in enumerate(odds)
    ]
    dust_ = world.sign(bob, *picks, stake_micro=1, accepted_at_s=world.clock())
    assert len(world.place(dust_).batch.records) == 1
    assert world.sportsbook.releasable() < UNIT
    world.travel_to(at_s + RECEIPT_WINDOW_S - 5)
    world.enforce(signed)
    assert world.balance(alice) == DEPOSIT_MICRO - 500 * UNIT


def test_quotes_and_leaving_providers_leave_room_for_a_receipt(world, alice, bob):
    """F3, by other hands: a quote to the house's friend, and a provider who takes all there is."""
    at_s = world.now()
    signed = receipt_of_alice(world, alice, at_s)
    bank, owner = world.bankroll, world.owner
    bank.withdraw(bank.maxWithdraw(owner), owner, owner, {"from": owner})
    assert world.sportsbook.houseFree() == RECEIPT_BUDGET_MICRO
    home = pick_elsewhere(at_s + DAY_S)
    quote = quote_of(home, deadline_s=FAR_S, max_stake_micro=UNIT)
    with reverts("SlipRefused", int(SkipReason.EXPOSURE_EXCEEDED)):
        world.place_quoted(bob, quote, pack_unsigned(bob, home, stake_micro=1))
    world.enforce(signed)


def test_fixture_of_the_far_future_locks_nothing(world, alice, now):
    """F3. A bet on a fixture of the year 36812 stayed locked until the council voided it: no result
    was due in a lifetime. Now fixtures start within the horizon."""
    for start_s in (FAR_S, now + 401 * DAY_S):
        never = Pick(make_market(starts_at_s=start_s), 0)
        with reverts("StartTooFar"):
            world.place(world.sign(alice, never, accepted_at_s=now))


@pytest.mark.parametrize("ahead", [10, 11, 300, 2**24 - 1])
def test_later_nonce_kills_no_receipt(world, alice, ahead):
    """F3b. An API that had the client sign nonce 10 next killed its receipt of nonce 1, which
    fell out of the window. Now a slip that would push an unused nonce out is left out itself."""
    at_s = world.now()
    signed = receipt_of_alice(world, alice, at_s)
    elsewhere = pick_elsewhere(at_s + DAY_S)
    later = world.sign(alice, elsewhere, accepted_at_s=at_s, nonce=ahead)
    assert reasons(world.place(later)) == [SkipReason.NONCE_TOO_FAR]
    with reverts("SlipRefused", int(SkipReason.NONCE_TOO_FAR)):
        world.enforce(later)
    quote = quote_of(elsewhere, deadline_s=FAR_S)
    with reverts("SlipRefused", int(SkipReason.NONCE_TOO_FAR)):
        world.place_quoted(alice, quote, pack_unsigned(alice, elsewhere, nonce=ahead))
    world.travel_to(at_s + RECEIPT_WINDOW_S - 5)
    world.enforce(signed)


# -- F4: the price of leaving


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_order_of_settling_moves_no_redemption(world, now, order):
    """F4. Somebody settled the winners alone; what a provider could then redeem fell from 1,000 to
    0, and the others kept the rest. Now a decided market owes what it pays, from its first
    settlement on."""
    bank, provider = world.bankroll, accounts[70]
    world.token.mint(provider, 2_000 * UNIT, {"from": world.owner})
    world.token.approve(bank, 2_000 * UNIT, {"from": provider})
    bank.deposit(2_000 * UNIT, provider, {"from": provider})
    match = make_market(starts_at_s=now + 3_600)
    bettors = [world.stranger(i, DEPOSIT_MICRO) for i in range(3)]
    at_s = world.clock()
    odds = (20_000, 30_000, 40_000)
    number, batch, _ = world.place(
        *(
            world.sign(
                bettor, Pick(match, i, odds[i]), stake_micro=DEPOSIT_MICRO, accepted_at_s=at_s
            )
            for i, bettor in enumerate(bettors)
        )
    )
    world.end_match(match)
    shares = bank.balanceOf(provider)
    worths = [bank.previewRedeem(shares)]
    for bet in order:
        world.settle(number, batch, bet, 1)
        worths.append(bank.previewRedeem(shares))
    # The first settlement ends the worst case, and no other one changes anything.
    worth = worths[-1]
    assert worths[0] < worth
    assert worths[1:] == [worth] * 3
    before = world.token.balanceOf(provider)
    bank.redeem(shares, provider, provider, worth, {"from": provider})
    assert world.token.balanceOf(provider) - before == worth


def test_redemption_that_is_worth_less_than_it_says_is_refused(world, alice, now):
    """F4. Whoever saw a redemption could make it worth less before it was mined. Now it can have a
    minimum."""
    bank, owner = world.bankroll, world.owner
    shares = UNIT * 10**6
    seen = bank.previewRedeem(shares)
    match = make_market(starts_at_s=now + 3_600)
    world.place(world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=now))
    with reverts("PriceMoved"):
        bank.redeem(shares, owner, owner, seen, {"from": owner})


# -- F5: hindsight


def test_slip_that_was_refused_is_not_placed_with_hindsight(world, alice):
    """F5. A slip that the API had refused was placed ten minutes into the match, dated to before
    it: the operator chose the losers. Now it may date back two minutes, and a bettor can take a
    slip back."""
    at_s = world.now()
    match = make_market(starts_at_s=at_s + 30)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=at_s + 29, deadline_s=at_s + 900)
    world.travel_to(at_s + 29 + BATCH_WINDOW_S + 1)
    assert reasons(world.place(signed)) == [SkipReason.ACCEPTANCE_OUTSIDE_WINDOW]
    # Dated so late that the window takes it, the match has begun.
    dated = world.sign(alice, Pick(match, 0), accepted_at_s=at_s + 60, deadline_s=at_s + 900)
    assert reasons(world.place(dated)) == [SkipReason.MARKET_CLOSED]


def test_slip_that_its_bettor_cancelled_is_not_placed(world, alice, now):
    """F5. No call took a signature back, and an exit took longer than the window. Now a
    cancellation ends it in its second, for the operator and for the house."""
    match = make_market(starts_at_s=now + 3_600)
    world.at(now + 5)
    world.sportsbook.cancelNonces(1, world.sender(alice))
    for accepted_s in (now + 5, now + 60):
        signed = world.sign(alice, Pick(match, 0), accepted_at_s=accepted_s)
        world.travel_to(max(world.clock() + 1, accepted_s))
        assert reasons(world.place(signed)) == [SkipReason.NONCE_CANCELLED]
        with reverts("SlipRefused", int(SkipReason.NONCE_CANCELLED)):
            world.enforce(signed)


def test_slip_in_play_is_not_placed_after_its_result(world, alice):
    """F5a. The operator placed refused slips in play after the losing result was published."""
    at_s = world.now()
    market = make_market(starts_at_s=at_s - 7_000, in_play=True)
    signed = world.sign(alice, Pick(market, 0), accepted_at_s=at_s)
    world.publish(score(0, 1, at_s + 1))
    assert world.clock() <= at_s + BATCH_WINDOW_S
    assert reasons(world.place(signed)) == [SkipReason.MARKET_CLOSED]
    assert world.balance(alice) == DEPOSIT_MICRO


# -- F7: the bankroll


def test_nobody_can_be_named_as_the_bankroll(world, alice):
    """F7. Until a bankroll was bound, whoever the owner named took all balances: `fund` believed
    whatever amount was named. Now the sportsbook makes its bankroll, and counts what arrives."""
    book = world.deploy_book()
    assert not hasattr(book, "setBankroll")
    world.token.approve(book, DEPOSIT_MICRO, {"from": world.owner})
    book.depositFor(alice.address, DEPOSIT_MICRO, {"from": world.owner})
    for caller in (world.owner, accounts[60]):
        with reverts("NotBankroll", caller.address):
            book.fund(DEPOSIT_MICRO, {"from": caller})
        with reverts("NotBankroll", caller.address):
            book.release(caller, DEPOSIT_MICRO, {"from": caller})
    # Not even the bankroll's own word makes money of a bettor's into the house's.
    with reverts("ERC20InsufficientBalance"):
        book.fund.call(DEPOSIT_MICRO, {"from": book.BANKROLL()})
    with reverts("BankrollLocked", 0, 1):
        book.release.call(accounts[60], 1, {"from": book.BANKROLL()})


# -- F8: stolen keys


def both_sides(world, thief, secret, stake_micro, odds_e4, at_s, nonce):
    """Yes and No of one match by receipts, so that one of them wins."""
    market = make_market(Kind.BOTH_TEAMS_TO_SCORE, starts_at_s=at_s + 3_600)
    made = []
    for side in range(2):
        signed = world.sign(
            thief,
            Pick(market, side, odds_e4),
            stake_micro=stake_micro,
            accepted_at_s=at_s,
            nonce=nonce + side,
        )
        made.append(world.enforce(signed, world.receipt(signed, secret)))
    return market, made


@pytest.mark.parametrize("retired", [False, True])
def test_stolen_key_of_receipts_costs_its_budget_at_most(world, now, retired):
    """F8. A stolen key won the whole free bankroll by receipts for both sides of a match at 2,001,
    while caps were 1, placing was paused, and the key retired: it dated them back. Now all that its
    receipts can win above their stakes is its budget."""
    thief = world.stranger(1, 3_000 * UNIT)
    at_s = world.clock()
    if retired:
        world.at(at_s + 1)
        world.retire(world.receipt_signer.address)
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    stake = 40 * UNIT
    odds_e4 = 10_000 + RECEIPT_BUDGET_MICRO * 10_000 // (2 * stake)
    market, made = both_sides(world, thief, key(2), stake, odds_e4, at_s, 1)
    third = world.sign(thief, Pick(market, 0, 2**31), stake_micro=UNIT, accepted_at_s=at_s, nonce=3)
    with reverts("BudgetExceeded"):
        world.enforce(third, world.receipt(third, key(2)))
    world.travel_to(market.starts_at_s + 7_200)
    world.publish_final(score(1, 0, market.starts_at_s + 7_000))
    for number, batch, _ in made:
        world.settle(number, batch)
    gained = world.balance(thief) - 3_000 * UNIT
    assert gained == BANKROLL_MICRO - world.sportsbook.house()
    assert gained <= RECEIPT_BUDGET_MICRO // 2


def test_stolen_key_of_receipts_is_bounded_over_both_ways_of_using_it(world, now):
    """F8. Receipts and quotes are signed by one key, and share its budget."""
    thief = world.stranger(1, 3_000 * UNIT)
    at_s = world.clock()
    home = Pick(make_market(starts_at_s=at_s + 3_600), 0, 10_010_000)
    signed = world.sign(thief, home, stake_micro=100 * UNIT, accepted_at_s=at_s)
    world.enforce(signed)
    quote = quote_of(home, deadline_s=FAR_S, max_stake_micro=UNIT)
    left = world.sportsbook.keyOf(world.receipt_signer)[4]
    assert left < RECEIPT_BUDGET_MICRO // 1_000
    with reverts("BudgetExceeded"):
        world.place_quoted(thief, quote, pack_unsigned(thief, home, stake_micro=UNIT, nonce=2))


def test_house_key_takes_nothing_in_one_block(world, now):
    """F8b. One key signed a receipt, a cash-out at all that it could win, and a withdrawal: the
    bankroll was gone in one block. Now there is a key for each, and no bet is young enough."""
    thief = world.stranger(1, 3_000 * UNIT)
    at_s = world.clock()
    home = Pick(make_market(starts_at_s=at_s + DAY_S), 0, 20_010_000)
    signed = world.sign(thief, home, stake_micro=UNIT, accepted_at_s=at_s)
    number, batch, _ = world.enforce(signed)
    offer = CashOut(thief.account, number, 0, UNIT, 2_001 * UNIT, world.clock(), FAR_S)
    terms = {"price_micro": offer.price_micro, "offered_at_s": offer.offered_at_s}
    with reverts("CashOutTooEarly", at_s + CASH_OUT_AGE_S):
        world.cash_out(thief, number, batch, **terms)
    world.ripen()
    # Alone, the key of receipts cannot sign it at any age.
    with reverts("CashOutUnsigned", world.receipt_signer.address):
        house = world.sign_cash_out(offer, key(2))
        world.cash_out(thief, number, batch, **terms, house=house)
    consent = world.countersign(thief, UNIT, FAR_S, 0, key(2))
    with reverts("WithdrawalUnsigned", world.receipt_signer.address):
        word = Withdrawal(thief.account, UNIT, FAR_S, 0).word()
        world.sportsbook.withdrawGranted(consent, word, world.sender(thief))


def test_stolen_key_of_cash_outs_costs_its_budget_at_most(world):
    """F8. A cash-out at the highest price paid all that the bet of a friend could win."""
    secret, budget = key(50), 100 * UNIT
    world.replace_key(Role.CASH_OUTS, key_address(secret), budget)
    thief = world.stranger(1, 3_000 * UNIT)
    at_s = world.clock()
    picks = [Pick(make_market(starts_at_s=at_s + DAY_S), i % 3, 60_000) for i in range(6)]
    number, batch, _ = world.place(
        *(
            world.sign(thief, pick, stake_micro=10 * UNIT, accepted_at_s=at_s, nonce=1 + i)
            for i, pick in enumerate(picks)
        )
    )
    offered_s = world.ripen()

    def sell(bet, price_micro):
        terms = (bet, 10 * UNIT, price_micro, offered_s, FAR_S)
        house = world.sign_cash_out(CashOut(thief.account, number, *terms), secret)
        offer = {"price_micro": price_micro, "offered_at_s": offered_s, "house": house}
        world.cash_out(thief, number, batch, bet, **offer)

    before = world.balance(thief)
    sell(0, 60 * UNIT)
    for bet in range(1, 6):
        with reverts("BudgetExceeded"):
            sell(bet, 60 * UNIT)
    sell(1, 40 * UNIT)
    with reverts("BudgetExceeded"):
        sell(2, UNIT)
    assert world.balance(thief) - before == 100 * UNIT == budget


def test_stolen_key_of_withdrawals_costs_the_house_nothing(world, alice, bob, now):
    """F8. It lets an owner go who could go without it, after the exit delay; nobody else's money
    moves."""
    for amount in (DEPOSIT_MICRO + 1, 2**56 - 1):
        consent = world.countersign(alice, amount, FAR_S, 0)
        word = Withdrawal(alice.account, amount, FAR_S, 0).word()
        with reverts("BalanceInsufficient", alice.account, DEPOSIT_MICRO, amount):
            world.sportsbook.withdrawGranted(consent, word, world.sender(alice))
    consent = world.countersign(bob, DEPOSIT_MICRO, FAR_S, 0)
    word = Withdrawal(bob.account, DEPOSIT_MICRO, FAR_S, 0).word()
    with reverts("NotOwnerOf", bob.account, alice.address):
        world.sportsbook.withdrawGranted(consent, word, world.sender(alice))
    assert world.sportsbook.house() == BANKROLL_MICRO


def test_stolen_key_of_the_operator_costs_its_budget_at_most(world):
    """F8. In batch after batch, on market after market, at whatever odds the friend signed."""
    secret, budget = key(50), 100 * UNIT
    world.replace_key(Role.OPERATOR, key_address(secret), budget)
    friend = world.stranger(1, 3_000 * UNIT)
    at_s, won = world.clock(), []
    for i in range(12):
        name = f"Home {i} v Away {i}, 2025-05-25"
        pick = pick_elsewhere(at_s + DAY_S, 0, 100_000, name=name)
        signed = world.sign(
            friend, pick, stake_micro=2 * UNIT, accepted_at_s=world.clock(), nonce=1 + len(won)
        )
        tx = world.sportsbook.placeBatch(pack(signed), {"from": accounts[50]})
        said = placed(tx)
        if said.batch.records:
            won.append((said, name))
        else:
            assert reasons(said) == [SkipReason.EXPOSURE_EXCEEDED]
    # Each risks 18 of the 100; what came back within the minute is not enough for a sixth.
    assert len(won) == 5
    world.travel_to(at_s + DAY_S + 7_200)
    world.publish_final(*(score(1, 0, at_s + DAY_S, name=name) for _, name in won))
    for said, _ in won:
        world.settle(said.number, said.batch)
    assert world.sportsbook.house() >= BANKROLL_MICRO - budget


# -- F9, F10, F11


def test_accumulator_that_is_lost_is_not_locked_for_its_other_legs(world, alice, now):
    """F9. It stayed locked until its last leg was decided, three hundred days later."""
    soon, late = Pick(make_market(starts_at_s=now + 3_600), 0), pick_elsewhere(now + 300 * DAY_S)
    number, batch, _ = world.place(world.sign(alice, soon, late, accepted_at_s=now))
    world.travel_to(now + 3_600 + 7_200)
    world.publish_final(score(0, 1, now + 3_600 + 7_000))
    world.settle(number, batch)
    assert holds(world)["locked_micro"] == 0


def test_slip_that_was_accepted_in_an_exclusion_is_no_option(world, alice):
    """F10. An exclusion that the API had not seen left the bettor with a receipt that the operator
    could not place, and that counted after the exclusion, when the match was known. Now an
    exclusion outlasts the receipt, and remembers."""
    at_s = world.now()
    match = make_market(starts_at_s=at_s + 30)
    world.at(at_s + 1)
    with reverts("ExclusionTooShort"):
        world.exclude(alice, at_s + 500)
    world.at(at_s + 2)
    until_s = at_s + 2 + RECEIPT_WINDOW_S
    world.exclude(alice, until_s)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=at_s + 3)
    world.travel_to(at_s + 12)
    assert reasons(world.place(signed)) == [SkipReason.EXCLUDED]
    world.at(until_s)
    world.sportsbook.depositFor(alice.address, 1, {"from": world.owner})
    for late_s in (until_s + 1, at_s + 3 + RECEIPT_WINDOW_S + 5):
        world.travel_to(late_s)
        with reverts("SlipRefused"):
            world.enforce(signed)
    assert world.balance(alice) == DEPOSIT_MICRO + 1


def test_owner_decides_no_open_bet_by_a_council_of_its_own(world, alice, now):
    """F11. The owner appointed a council of its own, and decided bets that had been placed before:
    nobody can leave with a stake. Now a fixture stays with the council of its first bet."""
    match = make_market(starts_at_s=now + 30 * DAY_S)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=now)
    )
    mine = in_order([key(41)])
    world.change_council(mine, 1, world.owner.address)
    world.travel_to(match.starts_at_s + 7_200)
    lie = score(0, 1, match.starts_at_s + 7_000)
    by = {"from": world.owner}
    with reverts("TermInvalid", fixture_id(NAME), 1, 2):
        sheet = world.sheet([lie], mine, term=2)
        world.results.publish([lie.word()], 2, FAR_S, sheet, by)
    with reverts("SignaturesTooFew", 1, 2):
        sheet = world.sheet([lie], mine, term=1)
        world.results.publish([lie.word()], 1, FAR_S, sheet, by)
    world.publish(score(1, 0, match.starts_at_s + 7_000))
    with reverts("NotArbiter", world.owner.address):
        world.results.rule(lie.word(), by)
    world.travel_to(world.clock() + DISPUTE_WINDOW_S)
    world.settle(number, batch)
    assert world.balance(alice) == 2 * DEPOSIT_MICRO


def test_owner_cannot_replace_the_council_in_an_instant(world):
    """F11. And whoever has no open bet can leave before the council counts for the next."""
    proposed = council([key(41)], 1, world.owner.address)
    from_s = world.results.propose(proposed, {"from": world.owner}).timestamp + NOTICE_S
    with reverts("CouncilTooEarly", from_s):
        world.results.appoint(proposed, {"from": world.owner})
    assert from_s > world.clock() + world.sportsbook.EXIT_DELAY() + RECEIPT_WINDOW_S
    # The notice of keys and limits is as long.
    assert world.sportsbook.NOTICE() == NOTICE_S
