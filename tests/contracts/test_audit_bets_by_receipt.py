"""Attacks on bets by receipts: what an auditor tried who had not seen the contracts.

a receipt
├── counts in whatever order it is enforced with others
├── corrects odds that the operator moved from one leg of an accumulator to another
├── wins over the earliest acceptance that the operator may state, in the last second to state it
├── replaces no bet by a run that proves more than the bet, or lists more than it needs
├── frees no nonce by replacing, and is asked of a wallet that can only look
└── reaches no market that is decided
"""

from __future__ import annotations

from dataclasses import replace

from brownie import Intruder

from protocol.placed_event import SkipReason
from protocol.records import pack_markets
from tests.contracts.attack_checks import reasons
from tests.contracts.events import payouts
from tests.contracts.receipts import at_odds, instead
from tests.contracts.world import reverts
from tests.support.batches import pack, run
from tests.support.people import key
from tests.support.signing import score
from tests.support.slips import OTHER_NAME, Pick, make_market, pick_elsewhere, with_signature
from tests.support.terms import (
    BATCH_WINDOW_S,
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    RECEIPT_WINDOW_S,
    UNIT,
)

VOID = 2


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
        instead(world, was, mine, proven=run(was.number, was.batch))
    number, first, markets, records, proof = run(was.number, was.batch, 0, 1)
    unused = pack_markets(now, [pick_elsewhere(now + 60).market.pack()])[5:]
    with reverts("MarketsUnused", 2, 1):
        instead(world, was, mine, proven=(number, first, markets + unused, records, proof))
    for place in (1, 2, 255):
        with reverts("RunNotOfBatch|ProofInvalid"):
            instead(world, was, mine, proven=(number, place, markets, records, proof))
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
