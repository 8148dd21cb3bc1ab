"""What each key of the house may do, and from when until when (how much: test_key_budgets.py).

grantKey
├── gives a role and a budget that count NOTICE later
├── gives an address one role, for good, also after it was retired
├── reverts for nobody and for no role
└── lets two keys of a role live at a time
retireKey
├── ends a key in its second, and lets another one follow
└── reverts for a key that never was one, or is retired already
a role
└── lets a key do what is its own, and nothing else
"""

from __future__ import annotations

import pytest
from brownie import accounts

from protocol.roles import Role
from protocol.typed_data import Withdrawal
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned
from tests.support.people import CASH_OUT_SIGNER, WITHDRAWAL_SIGNER, key, key_address
from tests.support.signing import quote_of
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    DEPOSIT_MICRO,
    NO_CAP,
    NOBODY,
    NOTICE_S,
    UNIT,
)

NEVER_S = 2**40 - 1
SPARE = 50


def spare():
    """The address of a key that has no role."""
    return key_address(key(SPARE))


# -- Granting


def test_key_counts_when_its_notice_is_over(world, alice):
    tx = world.grant(spare(), Role.OPERATOR, 7 * UNIT)
    from_s = tx.timestamp + NOTICE_S
    assert dict(tx.events["KeyGranted"]) == {
        "key": spare(),
        "role": Role.OPERATOR,
        "budget": 7 * UNIT,
        "from": from_s,
    }
    assert world.sportsbook.keyOf(spare()) == (
        *(Role.OPERATOR, from_s, NEVER_S),
        *(7 * UNIT, 7 * UNIT),
    )
    home = Pick(make_market(starts_at_s=from_s + 3_600), 0)
    data = pack(world.sign(alice, home, accepted_at_s=from_s - 1))
    world.at(from_s - 1)
    with reverts("NotOperator", spare()):
        world.sportsbook.placeBatch(data, {"from": accounts[SPARE]})
    world.at(from_s)
    world.sportsbook.placeBatch(data, {"from": accounts[SPARE]})
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT


def test_receipt_counts_from_the_notice_of_its_key_on(world, alice):
    """By the time of acceptance: a new key must not back-date what it accepts."""
    from_s = world.grant(spare(), Role.RECEIPTS, NO_CAP).timestamp + NOTICE_S
    home = Pick(make_market(starts_at_s=from_s + 3_600), 0)
    early, first = (
        world.sign(alice, home, accepted_at_s=at_s, nonce=nonce)
        for nonce, at_s in ((1, from_s - 1), (2, from_s))
    )
    world.travel_to(from_s + 10)
    with reverts("ReceiptInvalid", spare()):
        world.enforce(early, world.receipt(early, key(SPARE)))
    world.enforce(first, world.receipt(first, key(SPARE)))


def test_key_has_one_role_for_good(world):
    world.grant(spare(), Role.RECEIPTS, UNIT)
    for role in (Role.OPERATOR, Role.RECEIPTS, Role.WITHDRAWALS):
        with reverts("KeyInvalid", spare()):
            world.grant(spare(), role, 2 * UNIT)
    world.retire(spare())
    for role in (Role.OPERATOR, Role.RECEIPTS):
        with reverts("KeyInvalid", spare()):
            world.grant(spare(), role, UNIT)


def test_key_is_somebody_with_a_role(world):
    with reverts("KeyInvalid", NOBODY):
        world.grant(NOBODY, Role.RECEIPTS, UNIT)
    with reverts("KeyInvalid", spare()):
        world.grant(spare(), Role.NONE, UNIT)
    assert world.sportsbook.keyOf(spare()) == (Role.NONE, 0, 0, 0, 0)


@pytest.mark.parametrize("role", list(Role)[1:])
def test_role_has_two_keys_at_most(world, role):
    """One at work and one in reserve. A key that waits for its notice counts as one."""
    world.grant(spare(), role, UNIT)
    third = key_address(key(SPARE + 1))
    with reverts("KeysTooMany", int(role), 2):
        world.grant(third, role, UNIT)
    world.retire(spare())
    world.grant(third, role, UNIT)
    fourth = key_address(key(SPARE + 2))
    with reverts("KeysTooMany", int(role), 2):
        world.grant(fourth, role, UNIT)


def test_constructor_grants_two_keys_of_a_role_at_most(world):
    first, second, third = ((key_address(key(SPARE + i)), Role.OPERATOR, 1) for i in range(3))
    book = world.deploy_book(keys=(first, second))
    role, from_s, until_s, *_ = book.keyOf(second[0])
    assert (role, from_s, until_s) == (Role.OPERATOR, world.clock(), NEVER_S)
    with reverts("KeysTooMany", int(Role.OPERATOR), 2):
        world.deploy_book(keys=(first, second, third))
    with reverts("KeyInvalid", first[0]):
        world.deploy_book(keys=(first, first))


# -- Retiring


def test_retired_key_is_out_in_its_second(world, alice, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    tx = world.retire(world.operator.address)
    assert dict(tx.events["KeyRetired"]) == {"key": world.operator.address}
    assert world.sportsbook.keyOf(world.operator)[2] == tx.timestamp
    # The same time as the retirement, in a block after it.
    with reverts("NotOperator", world.operator.address):
        world.sportsbook.placeBatch(pack(signed), {"from": world.operator})


def test_retired_keys_sign_nothing_that_counts(world, alice, match, now):
    signer = world.receipt_signer.address
    for address in (signer, key_address(WITHDRAWAL_SIGNER)):
        world.retire(address)
    home = Pick(match, 0)
    with reverts("QuoteInvalid", signer):
        quote = quote_of(home, deadline_s=now + 900)
        world.place_quoted(alice, quote, pack_unsigned(alice, home))
    word = Withdrawal(alice.account, UNIT, now + 900, 0).word()
    consent = world.countersign(alice, UNIT, now + 900, 0)
    with reverts("WithdrawalUnsigned", key_address(WITHDRAWAL_SIGNER)):
        world.sportsbook.withdrawGranted(consent, word, world.sender(alice))


def test_key_is_retired_once(world):
    world.retire(world.operator.address)
    until_s = world.sportsbook.keyOf(world.operator)[2]
    for address in (world.operator.address, spare()):
        with reverts("KeyInvalid", address):
            world.retire(address)
    assert world.sportsbook.keyOf(world.operator)[2] == until_s


def test_key_that_waits_for_its_notice_is_retired_before_it_counts(world, alice):
    from_s = world.grant(spare(), Role.OPERATOR, UNIT).timestamp + NOTICE_S
    world.retire(spare())
    home = Pick(make_market(starts_at_s=from_s + 3_600), 0)
    world.travel_to(from_s + 1)
    with reverts("NotOperator", spare()):
        world.sportsbook.placeBatch(
            pack(world.sign(alice, home, accepted_at_s=from_s)), {"from": accounts[SPARE]}
        )


# -- Roles


def test_key_does_what_its_role_is_and_nothing_else(world, alice, match, now):
    """Each of the four, and the owner, in each of the four places."""
    secrets = {
        Role.OPERATOR: key(1),
        Role.RECEIPTS: key(2),
        Role.CASH_OUTS: CASH_OUT_SIGNER,
        Role.WITHDRAWALS: WITHDRAWAL_SIGNER,
        Role.NONE: key(0),
    }
    home = Pick(match, 0)
    signed = world.sign(alice, home, accepted_at_s=now)
    number, batch, _ = world.place(world.sign(alice, home, accepted_at_s=now, nonce=2))
    word = Withdrawal(alice.account, UNIT, 2**40 - 1, 0).word()
    for role, secret in secrets.items():
        address = key_address(secret)
        if role is not Role.OPERATOR:
            with reverts("NotOperator", address):
                world.sportsbook.placeBatch.call(pack(signed), {"from": address})
        if role is not Role.RECEIPTS:
            with reverts("ReceiptInvalid", address):
                world.enforce(signed, world.receipt(signed, secret))
            quote = quote_of(home, deadline_s=now + 900)
            with reverts("QuoteInvalid", address):
                world.place_quoted(
                    alice, quote, pack_unsigned(alice, home), world.sign_quote(quote, secret)
                )
        if role is not Role.WITHDRAWALS:
            consent = world.countersign(alice, UNIT, 2**40 - 1, 0, secret)
            with reverts("WithdrawalUnsigned", address):
                world.sportsbook.withdrawGranted(consent, word, world.sender(alice))
    # What cash-outs ask for is in test_cash_out.py.
    world.enforce(signed)
    consent = world.countersign(alice, UNIT, 2**40 - 1, 0)
    world.sportsbook.withdrawGranted(consent, word, world.sender(alice))
    world.ripen()
    world.cash_out(alice, number, batch, price_micro=UNIT)
