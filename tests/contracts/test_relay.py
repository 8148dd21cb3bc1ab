"""Relaying: somebody else sends what an owner signed, an exit for a fee that she signed.

relay
├── requests an exit, pays it out, excludes the account, cancels nonces
├── pays the fee to who sends it, from the amount of the exit, and the rest to the owner
├── reverts when the request is another's, expired, sent before, or out of turn
├── reverts when any field differs from what was signed, when the fee exceeds the exit, and for a
│   fee of another action
├── reverts for a value that its action cannot have
└── takes the signature of a contract wallet
depositWithPermit, depositWithAuthorization
├── take the owner's tokens to the owner's account, whoever sends them
├── pay the fee that is in the authorization's nonce
└── revert for another's, for another fee, and without the owner's consent
"""

from dataclasses import replace

import pytest
from brownie import TestToken, accounts

from protocol.signatures import compact
from protocol.typed_data import Action, Request
from tests.contracts.node_state import set_code
from tests.contracts.token_code import DOES_NOTHING, deaf_to
from tests.contracts.token_signatures import authorization, permit
from tests.contracts.world import World, reverts
from tests.support.people import key, key_address, stranger_key
from tests.support.signing import sign_raw
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, EXIT_DELAY_S, RECEIPT_WINDOW_S, UNIT

FEE_MICRO = 3_000
FAR_S = 2**40 - 1
PERMIT = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"


def request(bettor, action, value=0, *, number=0, fee_micro=0, deadline_s=FAR_S):
    return Request(bettor.account, action, value, fee_micro, number, deadline_s)


def relay(world, bettor, asked, sender, *, signed=None, key_=None):
    """Sends `asked`; the signature is over `signed`, which is the same unless given."""
    signature = compact(sign_raw(world.domain, signed or asked, key_ or bettor.key))
    return world.sportsbook.relay(asked.arguments(), signature, {"from": sender})


def test_relay_leaves_with_the_whole_balance(world, sender):
    carol = world.stranger(7)
    asked = request(carol, Action.REQUEST_EXIT, DEPOSIT_MICRO)
    requested = relay(world, carol, asked, sender)
    assert world.sportsbook.exitOf(carol.account) == (
        DEPOSIT_MICRO,
        requested.timestamp + EXIT_DELAY_S,
    )
    leave = request(carol, Action.EXIT, number=1, fee_micro=FEE_MICRO)
    with reverts("ExitLocked"):
        relay(world, carol, leave, sender)
    world.travel_to(requested.timestamp + EXIT_DELAY_S)
    left = relay(world, carol, leave, sender)
    assert dict(left.events["Relayed"]) == {
        "account": carol.account,
        "number": 1,
        "fee": FEE_MICRO,
        "by": sender.address,
    }
    assert world.token.balanceOf(carol.address) == DEPOSIT_MICRO - FEE_MICRO
    assert world.token.balanceOf(sender) == FEE_MICRO
    assert world.balance(carol) == 0
    assert world.sportsbook.requestsOf(carol.account) == 2


@pytest.mark.parametrize("kept", [0, UNIT])
def test_relay_takes_no_more_than_the_exit_that_was_requested(world, alice, sender, kept):
    """Neither as the owner's part nor as a fee: the fee can be all of it."""
    asked_micro = DEPOSIT_MICRO - kept
    requested = world.sportsbook.requestExit(asked_micro, world.sender(alice))
    world.travel_to(requested.timestamp + EXIT_DELAY_S)
    with reverts("FeeTooHigh", asked_micro + 1, asked_micro):
        relay(world, alice, request(alice, Action.EXIT, fee_micro=asked_micro + 1), sender)
    left = relay(world, alice, request(alice, Action.EXIT, fee_micro=asked_micro), sender)
    assert world.token.balanceOf(sender) == asked_micro
    assert world.balance(alice) == kept
    assert "Withdrawn" not in left.events


def test_relay_excludes_and_cancels(world, alice, match, now, sender):
    until_s = now + 10 * RECEIPT_WINDOW_S
    cancelled = relay(world, alice, request(alice, Action.CANCEL_NONCES, 1), sender)
    excluded = relay(world, alice, request(alice, Action.EXCLUDE, until_s, number=1), sender)
    held = world.sportsbook.restrictionOf(alice.account)
    assert held == (excluded.timestamp, until_s, 0, cancelled.timestamp, 1, 0)
    later = world.sign(alice, Pick(match, 0), accepted_at_s=world.now(), nonce=2)
    assert world.place(later).batch.records == ()


def test_relay_without_an_exit_moves_no_token(world, alice, sender):
    tx = relay(world, alice, request(alice, Action.REQUEST_EXIT, 1), sender)
    assert "Transfer" not in tx.events
    assert world.balance(alice) == DEPOSIT_MICRO


def test_relay_takes_each_request_once_and_in_turn(world, alice, sender):
    first = request(alice, Action.REQUEST_EXIT, 5)
    with reverts("RequestOutOfTurn", 1, 0):
        relay(world, alice, replace(first, number=1), sender)
    relay(world, alice, first, sender)
    with reverts("RequestOutOfTurn", 0, 1):
        relay(world, alice, first, sender)


def test_relay_ends_with_the_deadline(world, alice, now, sender):
    asked = request(alice, Action.REQUEST_EXIT, 5, deadline_s=now + 100)
    world.travel_to(now + 100)
    with reverts("RequestExpired", now + 100):
        relay(world, alice, asked, sender)


@pytest.mark.parametrize(
    "change",
    [
        {"action": Action.CANCEL_NONCES},
        {"value": 6},
        {"action": Action.EXIT, "fee_micro": FEE_MICRO},
        {"deadline_s": FAR_S - 1},
    ],
)
def test_relay_reverts_for_what_was_not_signed(world, alice, sender, change):
    signed = request(alice, Action.REQUEST_EXIT, 5)
    with reverts("RequestUnsigned", alice.address):
        relay(world, alice, replace(signed, **change), sender, signed=signed)


def test_relay_reverts_for_another_persons_signature(world, alice, bob, sender):
    asked = request(alice, Action.REQUEST_EXIT, 5)
    with reverts("RequestUnsigned", alice.address):
        relay(world, alice, asked, sender, key_=bob.key)
    nobody = replace(asked, account=4_000_000_000)
    with reverts("RequestUnsigned"):
        relay(world, alice, nobody, sender)


@pytest.mark.parametrize("action", [Action.REQUEST_EXIT, Action.EXCLUDE, Action.CANCEL_NONCES])
def test_relay_reverts_for_a_fee_of_what_pays_nothing_out(world, alice, sender, action):
    with reverts("FeeWithoutExit", 1):
        relay(world, alice, request(alice, action, 5, fee_micro=1), sender)


@pytest.mark.parametrize(("action", "bits"), [(Action.EXCLUDE, 40), (Action.CANCEL_NONCES, 24)])
def test_relay_reverts_for_a_value_that_does_not_fit(world, alice, sender, action, bits):
    with reverts("SafeCastOverflowedUintDowncast", bits, 2**bits):
        relay(world, alice, request(alice, action, 2**bits), sender)


def test_relay_takes_the_signature_of_a_contract_wallet(world, sender):
    _, wanda = world.open_wallet(stranger_key(8))
    asked = request(wanda, Action.REQUEST_EXIT, 5)
    signature = sign_raw(world.domain, asked, wanda.key)
    world.sportsbook.relay(asked.arguments(), signature, {"from": sender})
    assert world.sportsbook.exitOf(wanda.account)[0] == 5


# -- Deposits


def test_permit_is_deposited_by_anybody_to_its_owner(world, sender):
    carol_key = stranger_key(9)
    carol = key_address(carol_key)
    world.token.mint(carol, UNIT, {"from": world.owner})
    signature = permit(world, carol_key, UNIT)
    world.sportsbook.depositWithPermit(carol, UNIT, FAR_S, *signature, {"from": sender})
    assert world.sportsbook.accountAt(world.sportsbook.accountOf(carol))[:2] == (carol, UNIT)


def test_permit_of_another_is_no_consent(world, sender):
    """An allowance that is left over lets nobody move its owner's tokens."""
    carol = accounts[12]
    world.token.mint(carol, UNIT, {"from": world.owner})
    world.token.approve(world.sportsbook, UNIT, {"from": carol})
    signature = permit(world, key(13), UNIT)
    with reverts("PermitInvalid", carol.address):
        world.sportsbook.depositWithPermit(carol, UNIT, FAR_S, *signature, {"from": sender})


def test_permit_that_a_token_takes_without_looking_is_no_consent(world, sender):
    """As with a token that has no permit, and answers to unknown functions without an error."""
    carol = accounts[12]
    world.token.mint(carol, UNIT, {"from": world.owner})
    world.token.approve(world.sportsbook, UNIT, {"from": carol})
    code = TestToken.deploy({"from": world.owner}).address
    set_code(world.token.address, deaf_to(code, PERMIT, instead=DOES_NOTHING))
    terms = (carol, UNIT, FAR_S, 27, bytes(32), bytes(32))
    with reverts("PermitInvalid", carol.address):
        world.sportsbook.depositWithPermit(*terms, {"from": sender})
    assert world.token.balanceOf(carol) == UNIT


@pytest.fixture
def dollars() -> World:
    """A house on a token with a blocklist, a pause and EIP-3009."""
    return World(token_contract="DollarToken")


def test_authorization_is_deposited_by_anybody_for_the_signed_fee(dollars, sender):
    carol_key, salt = stranger_key(10), b"\x07" * 32
    carol = key_address(carol_key)
    dollars.token.mint(carol, UNIT, {"from": dollars.owner})
    signature = authorization(dollars, carol_key, UNIT, FEE_MICRO, salt)
    terms = (carol, UNIT, FEE_MICRO, 0, FAR_S, salt, *signature)
    with reverts("AuthorizationInvalid"):
        more = (carol, UNIT, FEE_MICRO + 1, 0, FAR_S, salt, *signature)
        dollars.sportsbook.depositWithAuthorization(*more, {"from": sender})
    dollars.sportsbook.depositWithAuthorization(*terms, {"from": sender})
    account = dollars.sportsbook.accountOf(carol)
    assert dollars.sportsbook.accountAt(account)[:2] == (carol, UNIT - FEE_MICRO)
    assert dollars.token.balanceOf(sender) == FEE_MICRO
    with reverts("AuthorizationInvalid"):
        dollars.sportsbook.depositWithAuthorization(*terms, {"from": sender})


def test_authorization_reverts_when_the_fee_is_all(dollars, sender):
    carol_key, salt = stranger_key(11), b"\x08" * 32
    carol = key_address(carol_key)
    dollars.token.mint(carol, UNIT, {"from": dollars.owner})

    def deposit(fee_micro):
        signature = authorization(dollars, carol_key, UNIT, fee_micro, salt)
        terms = (carol, UNIT, fee_micro, 0, FAR_S, salt, *signature)
        dollars.sportsbook.depositWithAuthorization(*terms, {"from": sender})

    with reverts("AmountZero"):
        deposit(UNIT)
    with reverts("FeeTooHigh", UNIT + 1, UNIT):
        deposit(UNIT + 1)


def test_blocked_owner_keeps_the_balance_until_the_token_pays(dollars):
    dave = dollars.stranger(12)
    requested = dollars.sportsbook.requestExit(UNIT, dollars.sender(dave))
    dollars.token.setBlocked(dave.address, True, {"from": dollars.owner})
    dollars.travel_to(requested.timestamp + EXIT_DELAY_S)
    with reverts("Blocked", dave.address):
        dollars.sportsbook.exit(dollars.sender(dave))
    assert dollars.balance(dave) == DEPOSIT_MICRO
    dollars.token.setBlocked(dave.address, False, {"from": dollars.owner})
    dollars.sportsbook.exit(dollars.sender(dave))
    assert dollars.token.balanceOf(dave.address) == UNIT


def test_pause_of_the_token_stops_no_bet_and_no_settlement(dollars):
    erin = dollars.stranger(13)
    now_s = dollars.now()

    match = make_market(starts_at_s=now_s + 3_600)
    dollars.token.setPaused(True, {"from": dollars.owner})
    placed = dollars.place(dollars.sign(erin, Pick(match, 0), accepted_at_s=now_s))
    dollars.end_match(match)
    dollars.settle(placed.number, placed.batch)
    assert dollars.balance(erin) == DEPOSIT_MICRO + UNIT
