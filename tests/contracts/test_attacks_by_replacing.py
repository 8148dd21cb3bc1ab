"""Attacks with a receipt that says that another bet counts (enforceInstead).

The receipt is for a slip of next to nothing, with the nonce of a bet that has lost or is losing. It
comes from a stolen key, whose thief owns the account or works with who does, or it is an honest one
that its bettor keeps from being placed.

enforceInstead
├── costs the house no more than the budget of its key, whatever it returns
├── leaves a market alone that is marked, whose losers are owed nothing any more
└── takes back no bet that its bettor placed at a quote
"""

from __future__ import annotations

from dataclasses import replace

from brownie.exceptions import VirtualMachineError

from protocol.roles import Role
from tests.contracts.events import placed
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned, run
from tests.support.people import key, key_address
from tests.support.signing import quote_of, score
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BANKROLL_MICRO,
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    RECEIPT_BUDGET_MICRO,
    UNIT,
)

DAY_S = 86_400
FAR_S = 2**40 - 1


def tiny(world, bettor, nonce=1):
    """A slip of one micro-unit at the minimum odds, on a match of tomorrow, accepted now."""
    at_s = world.clock()
    pick = pick_elsewhere(at_s + DAY_S, 0, 10_001)
    return world.sign(bettor, pick, stake_micro=1, accepted_at_s=at_s, nonce=nonce)


def try_to_replace(world, was, account, signed):
    """Replace the account's bet in a batch; whether the contract lets it happen."""
    bet = next(i for i, record in enumerate(was.batch.records) if record.account == account)
    receipt = world.receipt(signed)
    by = world.sender_of(signed)
    try:
        world.sportsbook.enforceInstead(
            run(was.number, was.batch, bet, 1), pack(signed), receipt, by
        )
    except VirtualMachineError:
        return False
    return True


def place(world, now, match, *sides):
    """A bet of 100 units at even odds by each bettor on that side."""
    return world.place(
        *(
            world.sign(bettor, Pick(match, side), stake_micro=100 * UNIT, accepted_at_s=now)
            for bettor, side in sides
        )
    )


def test_stolen_key_of_receipts_returns_no_lost_stakes_beyond_its_budget(
    world, alice, bob, match, now
):
    """A thief bets on both sides at fair odds, as anybody may. When the match is over, replacing
    the loser would return its stake, and make the winner's profit certain. Only a bet as young as
    a receipt is replaced, and the stake that returns is spent."""
    was = place(world, now, match, (alice, 0), (bob, 2))
    world.travel_to(match.starts_at_s + 7_200)
    world.publish(score(1, 0, match.starts_at_s + 7_000))
    assert not try_to_replace(world, was, bob.account, tiny(world, bob))
    world.travel_to(world.clock() + DISPUTE_WINDOW_S)
    world.settle(was.number, was.batch)
    spent = RECEIPT_BUDGET_MICRO - world.sportsbook.keyOf(world.receipt_signer)[4]
    assert BANKROLL_MICRO - world.sportsbook.house() <= spent


def test_stolen_key_of_receipts_returns_no_young_stake(world, alice, bob, now):
    """In play, a loser of the last minutes is young enough, but the receipt is for another bet."""
    market = make_market(starts_at_s=now - 6_000, in_play=True)
    was = place(world, now, market, (alice, 0), (bob, 2))
    world.travel_to(now + 400)
    world.publish(score(1, 0, now + 300))
    assert not try_to_replace(world, was, bob.account, tiny(world, bob))
    assert world.sportsbook.keyOf(world.receipt_signer)[4] == RECEIPT_BUDGET_MICRO


def test_marked_market_cannot_be_replaced_from(world, alice, bob, match, now):
    """A loser of a marked market is owed nothing. To take its stake from what is owed takes what
    the winners are owed: their bets could never be settled."""
    carol = world.stranger(5)
    was = place(world, now, match, (alice, 0), (bob, 2), (carol, 0))
    world.end_match(match)
    world.settle(was.number, was.batch, 0, 1)
    assert world.book()["owed_micro"] == 200 * UNIT
    try_to_replace(world, was, bob.account, tiny(world, bob))
    assert world.book()["owed_micro"] >= 200 * UNIT
    world.settle(was.number, was.batch, 2, 1)
    assert world.balance(carol) == DEPOSIT_MICRO + 100 * UNIT


def test_quoted_bet_is_no_option(world, alice, now):
    """All keys are honest. Alice has a receipt for nonce 1, and is faster than the operator: she
    places a bet in play with that nonce, at a quote. When a goal falls against it within the
    receipt's window, she has the receipt enforced instead, and her stake is back."""
    live = Pick(make_market(starts_at_s=now - 600, in_play=True), 0, 25_000)
    signed = tiny(world, alice)
    quote = quote_of(live, deadline_s=FAR_S, max_stake_micro=DEPOSIT_MICRO)
    data = pack_unsigned(alice, live, stake_micro=100 * UNIT, nonce=1)
    was = placed(world.place_quoted(alice, quote, data))
    world.travel_to(world.clock() + 500)
    assert not try_to_replace(world, was, alice.account, signed)
    assert world.balance(alice) == DEPOSIT_MICRO - 100 * UNIT


def test_receipt_of_a_future_bet_cannot_be_spent_on_a_settled_one(world, alice, bob, match, now):
    """A bet that is settled is gone, whatever a receipt says of its nonce."""
    was = place(world, now, match, (alice, 0), (bob, 2))
    world.end_match(match)
    world.settle(was.number, was.batch)
    for bettor in (alice, bob):
        assert not try_to_replace(world, was, bettor.account, tiny(world, bettor))
    assert world.sportsbook.house() == BANKROLL_MICRO


def test_stolen_key_of_receipts_spends_no_budget_of_another_key(world, alice, now):
    """Slips are public, so a thief of the key in reserve can sign a receipt for Alice's at its
    minimum odds. Could anybody have it replace her bet, they would take turns with her own receipt,
    and each turn would spend the honest key's budget."""
    thief = key(77)
    world.replace_key(Role.RECEIPTS, key_address(thief), 60 * UNIT)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + DAY_S)
    signed = world.sign(alice, Pick(market, 0, 80_000), stake_micro=10 * UNIT, accepted_at_s=at_s)
    worse = replace(signed, picks=(Pick(market, 0, 10_001),))
    before = world.sportsbook.keyOf(world.receipt_signer)[4]
    # The thief is the first, which nobody can prevent: her receipt corrects that once.
    was = world.enforce(worse, world.receipt(worse, thief), world.by_stranger)
    of = run(was.number, was.batch, 0, 1)
    by = world.sender_of(signed)
    call = (of, pack(signed), world.receipt(signed))
    was = placed(world.sportsbook.enforceInstead(*call, by))
    call = (run(was.number, was.batch, 0, 1), pack(worse), world.receipt(worse, thief))
    with reverts("NotOwnerOf", alice.account, world.by_stranger["from"]):
        world.sportsbook.enforceInstead(*call, world.by_stranger)
    # What the bet wins, once; a little has leaked back.
    assert before - world.sportsbook.keyOf(world.receipt_signer)[4] <= 70 * UNIT
