"""Attacks with relayed requests: with the fee, which the owner can pay to a friend, and for
accounts that are not open.

A slip that the house has accepted can be enforced for RECEIPT_WINDOW, so its stake must not leave
the account meanwhile: withdrawals need the house's signature, exits EXIT_DELAY. Otherwise a bettor
waits for the first minutes of the match, and stakes only what wins.

relay
├── leaves an accepted slip its stake, for every action and every fee
├── makes no receipt an option
└── does nothing for an account that is not open: its owner is 0, as the signer of nonsense is
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from brownie import accounts
from brownie.exceptions import VirtualMachineError

from protocol.signatures import compact
from protocol.typed_data import Action, Request
from tests.contracts.world import reverts
from tests.support.signing import sign_raw
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, EXIT_DELAY_S, RECEIPT_WINDOW_S

FAR_S = 2**40 - 1


def relay(world, bettor, action, value, fee_micro):
    """Sends a request of the bettor's from a friend's address; it may be refused."""
    number = world.sportsbook.requestsOf(bettor.account)
    asked = Request(bettor.account, action, value, fee_micro, number, FAR_S)
    signature = compact(sign_raw(world.domain, asked, bettor.key))
    with suppress(VirtualMachineError):
        world.sportsbook.relay(asked.arguments(), signature, {"from": accounts[61]})


@pytest.mark.parametrize("fee_micro", [0, 1, DEPOSIT_MICRO])
@pytest.mark.parametrize("action", list(Action), ids=lambda action: action.name.lower())
def test_fee_of_a_request_cancels_no_accepted_slip(world, alice, now, action, fee_micro):
    """The operator's batch comes after the request, in the same block or the next."""
    if action is Action.EXIT:
        # One unit is announced, and leaves what the slip stakes.
        world.sportsbook.depositFor(alice.address, 1, {"from": world.owner})
        world.sportsbook.requestExit(1, world.sender(alice))
        world.travel_to(world.clock() + EXIT_DELAY_S)
    at_s = world.clock()
    match = make_market(starts_at_s=at_s + 3_600)
    signed = world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=at_s)
    value = {Action.REQUEST_EXIT: 1, Action.EXCLUDE: at_s + 10 * RECEIPT_WINDOW_S}.get(action, 0)
    relay(world, alice, action, value, fee_micro)
    placed = world.place(signed)
    assert [skip.reason.name for skip in placed.skips] == []


def test_fee_of_a_request_makes_no_receipt_an_option(world, alice):
    """A slip of the last second before the match: the bettor takes the stake out, and brings it
    back once the first goal has fallen."""
    at_s = world.now()
    match = make_market(starts_at_s=at_s + 1)
    signed = world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=at_s)
    relay(world, alice, Action.CANCEL_NONCES, 0, DEPOSIT_MICRO)
    placed = world.place(signed)
    world.travel_to(at_s + RECEIPT_WINDOW_S - 10)
    world.sportsbook.depositFor(alice.address, DEPOSIT_MICRO, {"from": world.owner})
    # It was placed at once, so there is nothing to decide with hindsight.
    assert len(placed.batch.records) == 1
    with reverts("SlipRefused"):
        world.enforce(signed)


@pytest.mark.parametrize("signature", [bytes(64), b"", b"\x01" * 65], ids=len)
@pytest.mark.parametrize(
    ("action", "value"),
    [
        # Due when the account opens: its owner would leave without the delay.
        (Action.REQUEST_EXIT, DEPOSIT_MICRO),
        # Its owner's first cancellation would shut it for ever.
        (Action.EXCLUDE, FAR_S),
        # Its owner's first cancellation would use up the nonces of accepted slips.
        (Action.CANCEL_NONCES, 9),
    ],
)
def test_nobody_asks_for_an_account_that_is_not_open(world, action, value, signature):
    asked = Request(world.sportsbook.accountCount() + 1, action, value, 0, 0, FAR_S)
    with reverts("RequestUnsigned", "0x" + "0" * 40):
        world.sportsbook.relay(asked.arguments(), signature, {"from": accounts[61]})
