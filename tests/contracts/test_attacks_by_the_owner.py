"""Attacks by the owner of the contracts (F7, F11 of docs/attacks.md).

the owner
├── names no bankroll
└── decides no bet that was open before by a council of its own
"""

from __future__ import annotations

from brownie import accounts

from protocol.market_id import fixture_id
from tests.contracts.world import reverts
from tests.support.people import council, in_order, key
from tests.support.signing import score
from tests.support.slips import NAME, Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, DISPUTE_WINDOW_S, NOTICE_S, RECEIPT_WINDOW_S

DAY_S = 86_400
FAR_S = 2**40 - 1


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
