"""A wallet whose owner signs with a passkey, with and without the chain's precompile for it.

placeBatch, cashOut, relay
├── take its signature where the wallet checks it in Solidity
├── take it where a precompile checks it
└── refuse another passkey's
"""

from dataclasses import replace

import pytest
from brownie import PasskeyWallet, accounts
from eth_abi.abi import encode

from protocol.placed_event import SkipReason
from protocol.typed_data import Action, Request
from tests.contracts.node_state import set_code
from tests.support import p256
from tests.support.slips import Pick, with_signature
from tests.support.terms import UNIT

SECRET, OTHER = 0x5EED, 0x0DD
PRECOMPILE = "0x" + "00" * 18 + "0100"
# Answers every call with 1, as the precompile of RIP-7212 answers a signature that is right.
SAYS_YES = bytes.fromhex("60015f5260205ff3")


@pytest.fixture
def wanda(world):
    wallet = PasskeyWallet.deploy(*p256.public_key(SECRET), {"from": world.owner})
    return world.open_for(wallet.address, b"")


def signature(world, message, secret=SECRET):
    signed = p256.sign(secret, world.domain.digest(message.struct_hash()))
    return encode(["bytes32", "bytes32"], [signed[:32], signed[32:]])


def slip_of(world, wanda, match, now, alice, secret=SECRET, **terms):
    """A slip of the wallet's account: signed by a key first, as the builder wants one."""
    signer = replace(wanda, key=alice.key)
    signed = world.sign(signer, Pick(match, 0), accepted_at_s=now, **terms)
    return with_signature(signed, signature(world, signed.slip, secret), contract=True)


def test_passkey_places_where_the_wallet_checks_it_in_solidity(world, wanda, alice, match, now):
    signed = slip_of(world, wanda, match, now, alice)
    placed = world.place(signed)
    assert [record.account for record in placed.batch.records] == [wanda.account]


def test_passkey_places_where_a_precompile_checks_it(world, wanda, alice, match, now):
    set_code(PRECOMPILE, SAYS_YES)
    try:
        signed = slip_of(world, wanda, match, now, alice)
        assert len(world.place(signed).batch.records) == 1
    finally:
        set_code(PRECOMPILE, b"")


def test_passkey_of_another_places_nothing(world, wanda, alice, match, now):
    signed = slip_of(world, wanda, match, now, alice, OTHER)
    (skip,) = world.place(signed).skips
    assert skip.reason == SkipReason.SIGNATURE_INVALID


def test_passkey_relays_an_exit(world, wanda):
    asked = Request(wanda.account, Action.REQUEST_EXIT, UNIT, 0, 0, 2**40 - 1)
    world.sportsbook.relay(asked.arguments(), signature(world, asked), {"from": accounts[61]})
    assert world.sportsbook.exitOf(wanda.account)[0] == UNIT
