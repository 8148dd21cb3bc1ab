"""Calls into the house in the middle of another call.

a token with hooks
├── deposit in a deposit: each counts what it brought
├── exit or withdraw in a payment: nothing is paid twice
├── redeem in a redemption: the shares are gone before the money
├── deposit into the bankroll in such a deposit: refused as a whole
├── dispute in a dispute: there is one
└── a critic who refuses the bond cannot stop the ruling; the bond waits
a contract wallet that is asked for a signature
├── in placeBatch: cannot change anything, so its slip is left out
└── in cashOut: cannot change anything, so the bet stays
"""

from dataclasses import replace

import pytest
from brownie import Intruder

from protocol.typed_data import Withdrawal
from tests.contracts.intruding import NEVER, RECEIVING, REFUSING, SENDING, do, intrude, prepare
from tests.contracts.world import reverts
from tests.support.people import Bettor, key
from tests.support.signing import won_at_home
from tests.support.slips import Pick, make_market, with_signature
from tests.support.terms import BANKROLL_MICRO, BOND_MICRO, EXIT_DELAY_S, UNIT


def held(world):
    return world.token.balanceOf(world.sportsbook)


def test_deposit_within_a_deposit_counts_both_once(hooked):
    intruder = intrude(hooked)
    before = held(hooked)
    prepare(hooked, intruder, SENDING, hooked.sportsbook.deposit, 30 * UNIT)
    do(hooked, intruder, hooked.sportsbook.deposit, 50 * UNIT)
    assert intruder.succeeded()
    account = hooked.sportsbook.accountOf(intruder)
    assert hooked.sportsbook.accountAt(account)[1] == 80 * UNIT == held(hooked) - before
    assert hooked.sportsbook.accountCount() == account


@pytest.mark.parametrize("first", ["exit", "withdrawGranted"])
@pytest.mark.parametrize("second", ["exit", "withdrawGranted"])
def test_payment_within_a_payment_takes_no_more_than_the_balance(hooked, first, second):
    """Both are prepared in full: an exit that is due, and a countersigned withdrawal."""
    intruder = intrude(hooked)
    others = held(hooked)
    do(hooked, intruder, hooked.sportsbook.deposit, 50 * UNIT)
    account = hooked.sportsbook.accountOf(intruder)
    bettor = Bettor(account, intruder.address, key(10))
    requested = do(hooked, intruder, hooked.sportsbook.requestExit, 50 * UNIT)
    hooked.travel_to(requested.timestamp + EXIT_DELAY_S)
    deadline_s = hooked.now() + 600
    consent = hooked.countersign(bettor, 50 * UNIT, deadline_s, 0)
    word = Withdrawal(account, 50 * UNIT, deadline_s, 0).word()
    calls = {
        "exit": (hooked.sportsbook.exit,),
        "withdrawGranted": (hooked.sportsbook.withdrawGranted, consent, word),
    }
    before = hooked.token.balanceOf(intruder)
    prepare(hooked, intruder, RECEIVING, *calls[second])
    do(hooked, intruder, *calls[first])
    assert intruder.entered()
    # An exit of what is left pays nothing, which is no failure.
    assert intruder.succeeded() == ((first, second) == ("withdrawGranted", "exit"))
    assert hooked.token.balanceOf(intruder) == before + 50 * UNIT
    assert hooked.sportsbook.accountAt(account)[1] == 0
    assert held(hooked) == others


def test_redeem_within_a_redemption_finds_no_shares(hooked):
    intruder = intrude(hooked)
    do(hooked, intruder, hooked.bankroll.deposit, 100 * UNIT, intruder)
    shares = hooked.bankroll.balanceOf(intruder)
    again = (hooked.bankroll.redeem, shares, intruder, intruder)
    prepare(hooked, intruder, RECEIVING, *again)
    do(hooked, intruder, *again)
    assert intruder.entered()
    assert not intruder.succeeded()
    assert hooked.token.balanceOf(intruder) == 1_000 * UNIT
    assert hooked.bankroll.balanceOf(intruder) == 0
    assert held(hooked) == hooked.sportsbook.house() == BANKROLL_MICRO


def test_bankroll_deposit_within_a_bankroll_deposit_is_refused(hooked):
    intruder = intrude(hooked)
    prepare(hooked, intruder, SENDING, hooked.bankroll.deposit, 30 * UNIT, intruder)
    with reverts("TokenTakesFee", 50 * UNIT, 80 * UNIT):
        do(hooked, intruder, hooked.bankroll.deposit, 50 * UNIT, intruder)
    assert held(hooked) == BANKROLL_MICRO
    assert hooked.bankroll.balanceOf(intruder) == 0


@pytest.fixture
def disputed(hooked):
    """A published home win, and an intruder who can pay one bond and more."""
    match = make_market(starts_at_s=hooked.now() + 3_600)
    hooked.travel_to(match.starts_at_s + 7_200)
    result = won_at_home(match)
    hooked.publish(result)
    return intrude(hooked), match.fixture, result


def test_dispute_within_a_dispute_is_refused(hooked, disputed):
    intruder, fixture, _ = disputed
    prepare(hooked, intruder, SENDING, hooked.results.dispute, fixture)
    do(hooked, intruder, hooked.results.dispute, fixture)
    assert intruder.entered()
    assert not intruder.succeeded()
    assert hooked.token.balanceOf(hooked.results) == BOND_MICRO


def test_bond_is_given_back_once(hooked, disputed):
    intruder, fixture, result = disputed
    do(hooked, intruder, hooked.results.dispute, fixture)
    # Another critic's money would be there to take.
    hooked.token.mint(hooked.results, BOND_MICRO, {"from": hooked.owner})
    prepare(hooked, intruder, RECEIVING, hooked.results.closeDispute, fixture)
    hooked.rule(replace(result, home_full=0))
    assert intruder.entered()
    assert not intruder.succeeded()
    assert hooked.token.balanceOf(intruder) == 1_000 * UNIT
    assert hooked.token.balanceOf(hooked.results) == BOND_MICRO


def test_critic_who_refuses_the_bond_cannot_stop_the_ruling(hooked, disputed):
    """Signers who publish a lie could otherwise dispute it themselves, and no ruling would pass."""
    intruder, fixture, result = disputed
    do(hooked, intruder, hooked.results.dispute, fixture)
    intruder.prepare(REFUSING, intruder, b"", {"from": hooked.owner})
    tx = hooked.rule(replace(result, home_full=0))
    held_now = hooked.sportsbook.resultOf(fixture)
    assert held_now[3] == 0
    assert tx.events["DisputeClosed"]["refunded"] is True
    assert hooked.results.bondsOwed(intruder) == BOND_MICRO
    with reverts("Refused"):
        hooked.results.payBonds(intruder, {"from": hooked.owner})
    intruder.prepare(NEVER, intruder, b"", {"from": hooked.owner})
    hooked.results.payBonds(intruder, {"from": hooked.owner})
    with reverts("NoBondsOwed"):
        hooked.results.payBonds(intruder, {"from": hooked.owner})
    assert hooked.token.balanceOf(hooked.results) == 0
    assert hooked.sportsbook.house() == held(hooked) == BANKROLL_MICRO


def test_bond_that_is_owed_is_paid_once(hooked, disputed):
    intruder, fixture, result = disputed
    do(hooked, intruder, hooked.results.dispute, fixture)
    intruder.prepare(REFUSING, intruder, b"", {"from": hooked.owner})
    hooked.rule(replace(result, home_full=0))
    hooked.token.mint(hooked.results, BOND_MICRO, {"from": hooked.owner})
    prepare(hooked, intruder, RECEIVING, hooked.results.payBonds, intruder)
    hooked.results.payBonds(intruder, {"from": hooked.owner})
    assert intruder.entered()
    assert not intruder.succeeded()
    assert hooked.token.balanceOf(hooked.results) == BOND_MICRO


@pytest.fixture
def wallet(world):
    """An intruder with an account at the house of the session, and that account."""
    intruder = Intruder.deploy({"from": world.owner})
    return intruder, world.open_for(intruder.address, key(10))


def slip(world, bettor, match, now):
    signed = world.sign(bettor, Pick(match, 0), accepted_at_s=now)
    return with_signature(signed, bytes(65), contract=True)


def test_wallet_that_is_asked_while_placing_can_only_look(world, wallet, match, now):
    intruder, bettor = wallet
    prepare(world, intruder, 0, world.sportsbook.requestExit, UNIT)
    number, _, skips = world.place(slip(world, bettor, match, now))
    assert [skip.reason.name for skip in skips] == ["SIGNATURE_INVALID"]
    assert world.sportsbook.exitOf(bettor.account)[0] == 0
    prepare(world, intruder, 0, world.sportsbook.book)
    placed = world.place(slip(world, bettor, match, now))
    assert (placed.number, placed.skips) == (number + 1, ())


def test_wallet_that_is_asked_while_cashing_out_can_only_look(world, wallet, match, now):
    intruder, bettor = wallet
    prepare(world, intruder, 0, world.sportsbook.book)
    number, batch, _ = world.place(slip(world, bettor, match, now))
    prepare(world, intruder, 0, world.sportsbook.requestExit, UNIT)
    world.ripen()
    with reverts("CashOutUnsigned", bettor.address):
        world.cash_out(bettor, number, batch, price_micro=UNIT, bettor_signature=bytes(65))
    prepare(world, intruder, 0, world.sportsbook.book)
    before = world.balance(bettor)
    world.cash_out(bettor, number, batch, price_micro=UNIT, bettor_signature=bytes(65))
    assert world.balance(bettor) == before + UNIT
