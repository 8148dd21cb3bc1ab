"""Attacks on requests that others send, and on calls that are forwarded.

relay
├── a request that was never sent can be ended by its owner, and puts an exit off once
├── nobody is paid twice when the fee's receiver calls back
├── a request of one wallet is none of its twin's
├── another s or parity of a good signature does not count
├── a wallet cannot be starved of gas, and cannot starve who relays
├── code at an owner's address takes nothing from the key
└── a precompile that owns an account signs nothing
calls that are forwarded
└── take no bits above a type, no unknown action, and no call data that is cut short
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import MockWallet, accounts, web3
from brownie.exceptions import VirtualMachineError
from web3.exceptions import Web3Exception

from protocol.signatures import compact
from protocol.typed_data import Action
from tests.contracts.intruding import do, intrude, prepare
from tests.contracts.node_state import set_code
from tests.contracts.test_relay import relay, request
from tests.contracts.world import reverts
from tests.support.people import key, key_address, stranger_key
from tests.support.signing import flipped, sign_raw
from tests.support.terms import DEPOSIT_MICRO, EXIT_DELAY_S

FAR_S = 2**40 - 1
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
RECEIVING = 2
FEE_MICRO = 3_000


# -- Requests


def test_request_that_was_kept_back_puts_an_exit_off_once(world, alice, sender):
    """Somebody kept a signed request, and sends it when the exit that she asked for since is due.
    It counts once, and not at all if she has another one of its number sent."""
    kept = request(alice, Action.REQUEST_EXIT, 1)
    asked = world.sportsbook.requestExit(DEPOSIT_MICRO, world.sender(alice))
    world.travel_to(asked.timestamp + EXIT_DELAY_S)
    relay(world, alice, kept, sender)
    with reverts("ExitLocked"):
        world.sportsbook.exit(world.sender(alice))
    asked = world.sportsbook.requestExit(DEPOSIT_MICRO, world.sender(alice))
    with reverts("RequestOutOfTurn", 0, 1):
        relay(world, alice, kept, sender)
    again = request(alice, Action.REQUEST_EXIT, 1, number=1)
    ended = request(alice, Action.CANCEL_NONCES, number=1)
    relay(world, alice, ended, alice.address)
    with reverts("RequestOutOfTurn", 1, 2):
        relay(world, alice, again, sender)
    world.travel_to(asked.timestamp + EXIT_DELAY_S)
    world.sportsbook.exit(world.sender(alice))
    assert world.token.balanceOf(alice.address) == DEPOSIT_MICRO


def test_relayer_who_calls_back_for_the_fee_has_nobody_paid_twice(hooked):
    """While the fee is paid, its receiver relays the owner's next exit."""
    dave = hooked.stranger(12)
    intruder = intrude(hooked)
    ask = request(dave, Action.REQUEST_EXIT, DEPOSIT_MICRO)
    asked = relay(hooked, dave, ask, accounts[61])
    hooked.travel_to(asked.timestamp + EXIT_DELAY_S)
    first, second = (request(dave, Action.EXIT, number=i, fee_micro=FEE_MICRO) for i in (1, 2))
    signed = [compact(sign_raw(hooked.domain, each, dave.key)) for each in (first, second)]
    before = hooked.token.balanceOf(intruder)
    prepare(hooked, intruder, RECEIVING, hooked.sportsbook.relay, second.arguments(), signed[1])
    do(hooked, intruder, hooked.sportsbook.relay, first.arguments(), signed[0])
    assert intruder.entered()
    assert not intruder.succeeded()
    assert hooked.token.balanceOf(intruder) == before + FEE_MICRO
    assert hooked.token.balanceOf(dave.address) == DEPOSIT_MICRO - FEE_MICRO
    assert hooked.balance(dave) == 0


def test_request_of_a_wallet_is_none_of_its_twin(world, sender):
    """Two contract wallets that obey one key, and check the digest alone."""
    _, wanda = world.open_wallet(stranger_key(8))
    _, twin = world.open_wallet(stranger_key(8))
    asked = request(wanda, Action.REQUEST_EXIT, 5)
    signature = sign_raw(world.domain, asked, wanda.key)
    with reverts("RequestUnsigned", twin.address):
        for_twin = replace(asked, account=twin.account)
        world.sportsbook.relay(for_twin.arguments(), signature, {"from": sender})
    world.sportsbook.relay(asked.arguments(), signature, {"from": sender})
    assert world.sportsbook.exitOf(twin.account)[0] == 0


def test_request_counts_with_one_form_of_its_signature(world, alice, sender):
    """Other parity, other s, and the 65 bytes of a wallet are sent before the right form."""
    asked = request(alice, Action.REQUEST_EXIT, 5)
    raw = sign_raw(world.domain, asked, alice.key)
    r, s = raw[:32], int.from_bytes(raw[32:64], "big")
    r_vs = compact(raw)
    large = (ORDER - s).to_bytes(32, "big")
    forms = [
        b"".join(flipped((r, r_vs[32:]))),
        r + large,
        r + bytes((large[0] | 0x80,)) + large[1:],
        raw,
        bytes(64),
        b"",
    ]
    for form in forms:
        with reverts("RequestUnsigned", alice.address):
            world.sportsbook.relay(asked.arguments(), form, {"from": sender})
    world.sportsbook.relay(asked.arguments(), r_vs, {"from": sender})


def test_request_of_a_wallet_cannot_be_starved_of_gas(world, sender):
    """Too little gas reverts and leaves the number; nor does a hostile wallet's answer cost more
    than the bound."""
    wallet, wanda = world.open_wallet(stranger_key(8))
    asked = request(wanda, Action.REQUEST_EXIT, 5)
    signature = sign_raw(world.domain, asked, wanda.key)
    for gas in range(40_000, 700_000, 20_000):
        said = what_a_relay_says(world, asked, signature, gas)
        assert "RequestUnsigned" not in said, gas
    for mood in (1, 2, 3, 4, 5):
        wallet.setMood(mood, {"from": world.owner})
        with reverts("RequestUnsigned", wanda.address):
            world.sportsbook.relay(
                asked.arguments(), signature, {"from": sender, "gas_limit": 800_000}
            )
    wallet.setMood(0, {"from": world.owner})
    world.sportsbook.relay(asked.arguments(), signature, {"from": sender})
    assert world.sportsbook.requestsOf(wanda.account) == 1


def what_a_relay_says(world, asked, signature, gas):
    """Why a relay with so much gas reverts; nothing if it does not."""
    by = {"from": accounts[61], "gas": gas}
    try:
        world.sportsbook.relay.call(asked.arguments(), signature, by)
    except (VirtualMachineError, ValueError) as caught:
        return str(caught)
    return ""


def test_code_at_an_owner_takes_nothing_from_the_key(world, alice, sender):
    """Delegated code (EIP-7702) that refuses whatever it is asked, and then obeys another key."""
    set_code(alice.address, bytes.fromhex("600080fd"))
    relay(world, alice, request(alice, Action.REQUEST_EXIT, 5), sender)
    wallet = MockWallet.deploy(key_address(key(40)), {"from": world.owner})
    set_code(alice.address, bytes(web3.eth.get_code(wallet.address)))
    relay(world, alice, request(alice, Action.REQUEST_EXIT, 6, number=1), sender)
    by_code = request(alice, Action.REQUEST_EXIT, 7, number=2)
    with reverts("RequestUnsigned", alice.address):
        relay(world, alice, by_code, sender, key_=key(41))
    world.sportsbook.relay(
        by_code.arguments(), sign_raw(world.domain, by_code, key(40)), {"from": sender}
    )
    assert world.sportsbook.exitOf(alice.account)[0] == 7


@pytest.mark.parametrize("number", range(1, 10))
def test_precompile_signs_nothing(world, sender, number):
    """The chain's own contracts answer to any bytes, one with the bytes themselves, which begin
    with the answer that is asked for."""
    owner = "0x" + number.to_bytes(20, "big").hex()
    bettor = world.open_for(owner, key(40))
    asked = request(bettor, Action.REQUEST_EXIT, 5)
    for signature in (b"", bytes(64), bytes(65), bytes(149)):
        with reverts("RequestUnsigned"):
            world.sportsbook.relay(
                asked.arguments(), signature, {"from": sender, "gas_limit": 5_000_000}
            )


# -- Calls that are forwarded


def test_forwarded_calls_take_no_more_than_their_types(world, alice):
    """The sportsbook forwards the call data as it came; the code that it runs reads it strictly."""
    book = world.sportsbook
    asked = request(alice, Action.REQUEST_EXIT, 5)
    signature = compact(sign_raw(world.domain, asked, alice.key))
    relayed = book.relay.encode_input(asked.arguments(), signature)
    granted = book.grantKey.encode_input((key_address(key(50)), 1, 1))
    # Places of the byte above a type's highest, after the selector
    calls = [
        (world.owner, book.depositFor.encode_input(alice.address, 1), (11, 55)),
        (alice.address, book.requestExit.encode_input(1), (23,)),
        (alice.address, book.excludeSelf.encode_input(FAR_S), (26,)),
        (alice.address, book.cancelNonces.encode_input(3), (28,)),
        (world.owner, granted, (11, 62, 88)),
        (world.owner, book.retireKey.encode_input(world.operator), (11,)),
        (world.owner, book.proposeLimits.encode_input((1, 1, 1, 1)), (24, 56, 88, 120)),
        (accounts[61], relayed, (27, 62, 87, 119, 154, 186)),
    ]
    for by, data, places in calls:
        raw = bytes.fromhex(data[2:])
        assert not refuses(book, by, raw)
        for place in places:
            dirty = bytearray(raw)
            dirty[4 + place] |= 0x10
            assert refuses(book, by, bytes(dirty)), (data, place)
        # Padding after a signature need not be there.
        assert refuses(book, by, raw[:-1] if data != relayed else raw[:-33])


def refuses(book, by, data):
    """Whether a call of these bytes reverts."""
    try:
        web3.eth.call({"from": str(by), "to": book.address, "data": data})
    except (Web3Exception, ValueError):
        return True
    return False
