"""Money out. Nothing here depends on the pause, and each test that pays out runs paused too.

withdraw_granted
├── pays the owner what the house countersigned
├── reverts for anybody but the owner, and for a word of more than an account's number
├── reverts after the deadline, and not at it
├── reverts when the signature is not the house's key for withdrawals, or for other terms
├── reverts when the signature was used, or another one stands before it
├── counts its signatures from 0 to 127 and again from 0
├── leaves nonces and exclusion as they are
├── reverts when the signer was dismissed
├── reverts for a malleated signature
├── reverts for nothing, and above the balance
└── leaves an announced exit as it is
request_exit
├── announces amount and time
├── replaces what was announced before
├── withdraws the announcement when the amount is 0
├── announces at most what 56 bits hold
├── leaves an exclusion as it is (and exit does)
└── reverts for somebody without an account
exit
├── reverts without an announcement, and before its time
├── pays from that time on
├── pays what is left when the balance fell below it
├── forgets the announcement when nothing is left
├── pays once
└── takes a token's true or, of a token with code, nothing for an answer, and passes its error on
"""

from dataclasses import replace

import pytest
from brownie import accounts, chain, web3
from brownie.exceptions import VirtualMachineError
from eth_utils.crypto import keccak

from protocol.signatures import pair, sign
from protocol.typed_data import Domain, Withdrawal
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.events import withdrawn
from tests.contracts.node_state import set_code
from tests.contracts.token_code import deaf_to
from tests.contracts.world import reverts
from tests.support.people import CASH_OUT_SIGNER, WITHDRAWAL_SIGNER, key, key_address
from tests.support.signing import HALF_ORDER, flipped, signed_by_nobody
from tests.support.slips import Pick
from tests.support.terms import DEPOSIT_MICRO, EXIT_DELAY_S, NOBODY, UNIT

NO_SIGNATURE = (bytes(32), bytes(32))


@pytest.fixture(params=[False, True], ids=["open", "paused"])
def paused(world, request):
    if request.param:
        world.sportsbook.pausePlacing(True, {"from": world.guardian})


@pytest.fixture
def deadline(now):
    return now + 300


def take(world, bettor, amount, deadline, signature, sender=None):
    word = Withdrawal(bettor.account, amount, deadline, 0).word()
    sender = accounts.at(sender or bettor.address)
    return world.sportsbook.withdrawGranted(signature, word, {"from": sender})


def test_withdraw_pays_owner(world, alice, deadline, paused):
    signature = world.countersign(alice, 3 * UNIT, deadline, 0)
    tx = take(world, alice, 3 * UNIT, deadline, signature)
    assert withdrawn(tx) == (alice.account, 3 * UNIT, deadline)
    assert world.balance(alice) == DEPOSIT_MICRO - 3 * UNIT
    assert world.token.balanceOf(alice.address) == 3 * UNIT
    assert world.sportsbook.accountAt(alice.account)[4] == 1


def test_withdraw_reverts_for_another_caller(world, alice, bob, deadline):
    signature = world.countersign(alice, UNIT, deadline, 0)
    with reverts("NotOwnerOf", alice.account, bob.address):
        take(world, alice, UNIT, deadline, signature, bob.address)


def test_withdraw_reverts_for_unknown_account(world, alice, deadline):
    for account in (77, 2**32 - 1):
        with reverts("NotOwnerOf", account, alice.address):
            take(world, replace(alice, account=account), UNIT, deadline, NO_SIGNATURE)


def test_withdraw_takes_words_of_136_bits(world, alice, deadline):
    """A bit above makes it another account, past the last that a number can name."""
    signature = world.countersign(alice, UNIT, deadline, 0)
    word = Withdrawal(alice.account, UNIT, deadline, 0).word()
    sender = {"from": accounts.at(alice.address)}
    for bit in (136, 255):
        with pytest.raises(VirtualMachineError) as caught:
            world.sportsbook.withdrawGranted(signature, word | 1 << bit, sender)
        assert "Index out of range" in str(caught.value)
    take(world, alice, UNIT, deadline, signature)


def test_withdraw_holds_until_deadline(world, alice, deadline):
    signature = world.countersign(alice, UNIT, deadline, 0)
    world.at(deadline)
    take(world, alice, UNIT, deadline, signature)


def test_withdraw_reverts_after_deadline(world, alice, deadline):
    signature = world.countersign(alice, UNIT, deadline, 0)
    world.travel_to(deadline + 1)
    with reverts("WithdrawalExpired", deadline):
        take(world, alice, UNIT, deadline, signature)


def test_withdraw_reverts_when_house_did_not_sign(world, alice, deadline):
    for key_ in (alice.key, key(1), key(2), CASH_OUT_SIGNER, key(0)):
        signature = world.countersign(alice, UNIT, deadline, 0, key_)
        with reverts("WithdrawalUnsigned", key_address(key_)):
            take(world, alice, UNIT, deadline, signature)


@pytest.mark.parametrize(
    "signature", [NO_SIGNATURE, (b"\xff" * 32, b"\xff" * 32)], ids=["zeros", "ones"]
)
def test_withdraw_reverts_for_invalid_signature(world, alice, deadline, signature):
    with reverts("WithdrawalUnsigned", NOBODY):
        take(world, alice, UNIT, deadline, signature)


def test_withdraw_reverts_for_other_terms(world, alice, bob, deadline):
    signature = world.countersign(alice, UNIT, deadline, 0)
    with reverts("WithdrawalUnsigned"):
        take(world, alice, UNIT + 1, deadline, signature)
    with reverts("WithdrawalUnsigned"):
        take(world, alice, UNIT, deadline + 1, signature)
    with reverts("WithdrawalUnsigned"):
        take(world, bob, UNIT, deadline, signature)


def test_withdraw_reverts_for_another_chain_or_contract(world, alice, deadline):
    consent = Withdrawal(alice.account, UNIT, deadline, 0).struct_hash()
    for domain in (Domain(1, world.sportsbook.address), Domain(CHAIN_ID, world.results.address)):
        with reverts("WithdrawalUnsigned"):
            take(
                world, alice, UNIT, deadline, pair(sign(domain.digest(consent), WITHDRAWAL_SIGNER))
            )


def test_withdraw_takes_signatures_in_their_sequence(world, alice, deadline):
    first = world.countersign(alice, UNIT, deadline, 0)
    second = world.countersign(alice, UNIT, deadline, 1)
    with reverts("WithdrawalUnsigned"):
        take(world, alice, UNIT, deadline, second)
    take(world, alice, UNIT, deadline, first)
    with reverts("WithdrawalUnsigned"):
        take(world, alice, UNIT, deadline, first)
    take(world, alice, UNIT, deadline, second)


@pytest.mark.parametrize("excluded", [False, True])
def test_withdraw_sequence_starts_again_after_127(world, alice, deadline, now, excluded):
    """And carries nothing over into the mark of the exclusion, which is the next bit."""
    until = now + 1_000_000
    if excluded:
        world.exclude(alice, until)
    for sequence in (*range(128), 0):
        take(world, alice, 1, deadline, world.countersign(alice, 1, deadline, sequence))
    assert world.sportsbook.accountAt(alice.account)[1:] == (DEPOSIT_MICRO - 129, 0, 255, 1)
    deposit = world.sportsbook.depositFor
    if excluded:
        with reverts("AccountExcluded", alice.account, until):
            deposit.call(alice.address, UNIT, {"from": world.owner})
    else:
        deposit(alice.address, UNIT, {"from": world.owner})


def test_withdraw_keeps_exclusion_and_nonces(world, alice, match, deadline, now):
    world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=5))
    until = now + 1_000_000
    world.exclude(alice, until)
    take(world, alice, UNIT, deadline, world.countersign(alice, UNIT, deadline, 0))
    assert world.sportsbook.accountAt(alice.account)[1:] == (DEPOSIT_MICRO - 2 * UNIT, 5, 0xF0, 1)
    with reverts("AccountExcluded", alice.account, until):
        world.sportsbook.depositFor.call(alice.address, UNIT, {"from": world.owner})


def test_withdraw_reverts_when_signer_was_dismissed(world, alice, deadline):
    signature = world.countersign(alice, UNIT, deadline, 0)
    world.retire(key_address(WITHDRAWAL_SIGNER))
    with reverts("WithdrawalUnsigned", key_address(WITHDRAWAL_SIGNER)):
        take(world, alice, UNIT, deadline, signature)


def test_withdraw_reverts_for_malleated_signature(world, alice, deadline):
    """Of the two signatures with the same r, the one with the larger s counts for nobody."""
    signature = world.countersign(alice, UNIT, deadline, 0)
    with reverts("WithdrawalUnsigned"):
        take(world, alice, UNIT, deadline, flipped(signature))
    digest = world.domain.digest(Withdrawal(alice.account, UNIT, deadline, 0).struct_hash())
    for s, signs in ((HALF_ORDER, True), (HALF_ORDER + 1, False)):
        signer, large = signed_by_nobody(digest, s)
        with reverts("WithdrawalUnsigned", signer if signs else NOBODY):
            take(world, alice, UNIT, deadline, (large[:32], large[32:]))


def test_withdraw_reverts_for_nothing_and_above_balance(world, alice, deadline):
    with reverts("AmountZero"):
        take(world, alice, 0, deadline, world.countersign(alice, 0, deadline, 0))
    more = DEPOSIT_MICRO + 1
    with reverts("BalanceInsufficient", alice.account, DEPOSIT_MICRO, more):
        take(world, alice, more, deadline, world.countersign(alice, more, deadline, 0))


def test_withdraw_takes_all_and_leaves_exit_announced(world, alice, deadline):
    owner = accounts.at(alice.address)
    world.sportsbook.requestExit(5 * UNIT, {"from": owner})
    announced = world.sportsbook.exitOf(alice.account)
    take(
        world,
        alice,
        DEPOSIT_MICRO,
        deadline,
        world.countersign(alice, DEPOSIT_MICRO, deadline, 0),
    )
    assert world.balance(alice) == 0
    assert world.sportsbook.exitOf(alice.account) == announced


def test_request_exit_announces_and_replaces(world, alice, paused):
    owner = accounts.at(alice.address)
    first = world.sportsbook.requestExit(5 * UNIT, {"from": owner})
    assert dict(first.events["ExitRequested"]) == {
        "account": alice.account,
        "amount": 5 * UNIT,
        "unlocksAt": first.timestamp + EXIT_DELAY_S,
    }
    chain.sleep(100)
    second = world.sportsbook.requestExit(UNIT, {"from": owner})
    unlocks_at = second.timestamp + EXIT_DELAY_S
    assert world.sportsbook.exitOf(alice.account) == (UNIT, unlocks_at)
    world.sportsbook.requestExit(0, {"from": owner})
    assert world.sportsbook.exitOf(alice.account) == (0, 0)
    with reverts("ExitUnknown", alice.account):
        world.sportsbook.exit({"from": owner})


def test_request_exit_announces_no_more_than_fits(world, alice):
    owner = accounts.at(alice.address)
    for amount in (2**56 - 2, 2**56 - 1, 2**56, 2**64 - 1):
        world.sportsbook.requestExit(amount, {"from": owner})
        assert world.sportsbook.exitOf(alice.account)[0] == min(amount, 2**56 - 1)


def test_request_exit_keeps_exclusion(world, alice, now):
    until = now + 1_000_000
    excluded = world.exclude(alice, until)
    world.sportsbook.requestExit(UNIT, {"from": accounts.at(alice.address)})
    assert world.sportsbook.restrictionOf(alice.account)[:2] == (excluded.timestamp, until)
    world.travel_to(world.sportsbook.exitOf(alice.account)[1])
    world.sportsbook.exit({"from": accounts.at(alice.address)})
    assert world.sportsbook.restrictionOf(alice.account)[:2] == (excluded.timestamp, until)


def test_request_exit_and_exit_revert_without_account(world):
    nobody = accounts[20]
    with reverts("NotOwnerOf", 0, nobody.address):
        world.sportsbook.requestExit(UNIT, {"from": nobody})
    with reverts("NotOwnerOf", 0, nobody.address):
        world.sportsbook.exit({"from": nobody})


def test_exit_reverts_without_announcement(world, alice):
    with reverts("ExitUnknown", alice.account):
        world.sportsbook.exit({"from": accounts.at(alice.address)})


def test_exit_pays_from_its_time_on_and_once(world, alice, paused):
    owner = accounts.at(alice.address)
    world.sportsbook.requestExit(5 * UNIT, {"from": owner})
    _, unlocks_at = world.sportsbook.exitOf(alice.account)
    world.travel_to(unlocks_at - 5)
    with reverts("ExitLocked", unlocks_at):
        world.sportsbook.exit({"from": owner})
    world.at(unlocks_at)
    tx = world.sportsbook.exit({"from": owner})
    assert tx.timestamp == unlocks_at
    assert withdrawn(tx) == (alice.account, 5 * UNIT, 0)
    assert world.token.balanceOf(owner) == 5 * UNIT
    assert world.sportsbook.exitOf(alice.account) == (0, 0)
    with reverts("ExitUnknown", alice.account):
        world.sportsbook.exit({"from": owner})


def test_exit_pays_what_is_left(world, alice, match, now):
    owner = accounts.at(alice.address)
    world.sportsbook.requestExit(DEPOSIT_MICRO, {"from": owner})
    stake = 7 * UNIT
    world.place(world.sign(alice, Pick(match, 0), stake_micro=stake, accepted_at_s=now))
    world.travel_to(world.sportsbook.exitOf(alice.account)[1])
    world.sportsbook.exit({"from": owner})
    assert world.token.balanceOf(owner) == DEPOSIT_MICRO - stake
    assert world.balance(alice) == 0


def test_exit_forgets_announcement_when_nothing_is_left(world, alice, deadline):
    owner = accounts.at(alice.address)
    world.sportsbook.requestExit(UNIT, {"from": owner})
    consent = world.countersign(alice, DEPOSIT_MICRO, deadline, 0)
    take(world, alice, DEPOSIT_MICRO, deadline, consent)
    world.travel_to(world.sportsbook.exitOf(alice.account)[1])
    tx = world.sportsbook.exit({"from": owner})
    assert "Withdrawn" not in tx.events
    assert dict(tx.events["ExitRequested"])["amount"] == 0


def answering(word: bytes, size: int, how: int = 0xF3) -> bytes:
    """Code that answers every call with the first bytes of a word, or fails with them (0xFD)."""
    return b"\x7f" + word.ljust(32, b"\0") + bytes((0x60, 0, 0x52, 0x60, size, 0x60, 0, how))


TRUE = bytes(31) + b"\1"


FAILED = "SafeERC20FailedOperation"
# What a token answers, and the error that follows from it.
ANSWERS = {
    "true": (answering(TRUE, 32), None),
    "nothing": (answering(b"", 0), None),
    "false": (answering(b"", 32), FAILED),
    "two": (answering(bytes(31) + b"\2", 32), FAILED),
    "a byte": (answering(b"\1", 1), FAILED),
    "no code": (b"", FAILED),
    "an error": (answering(keccak(text="GasTooLow()")[:4], 4, 0xFD), "GasTooLow"),
    # Brownie calls words that are not there None, or nothing.
    "no words": (answering(b"", 0, 0xFD), "None|"),
}


@pytest.mark.parametrize(("code", "error"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("is_granted", [False, True], ids=["exit", "granted"])
def test_payment_takes_true_or_nothing_for_an_answer(
    world, alice, deadline, is_granted, code, error
):
    """The number of account 1 is left where an answer is read: it must not pass for true."""
    assert alice.account == 1
    owner = accounts.at(alice.address)
    if is_granted:
        signature = world.countersign(alice, 5 * UNIT, deadline, 0)
    else:
        world.sportsbook.requestExit(5 * UNIT, {"from": owner})
        world.travel_to(world.sportsbook.exitOf(alice.account)[1])
    before = bytes(web3.eth.get_code(world.token.address))
    set_code(world.token.address, code)

    def pay():
        if is_granted:
            take(world, alice, 5 * UNIT, deadline, signature)
        else:
            world.sportsbook.exit({"from": owner})

    try:
        if error is None:
            pay()
            assert world.balance(alice) == DEPOSIT_MICRO - 5 * UNIT
        else:
            with reverts(error):
                pay()
            assert world.balance(alice) == DEPOSIT_MICRO
    finally:
        set_code(world.token.address, before)


@pytest.mark.parametrize("answer", ["nothing", "false", "two", "a byte"])
def test_deposit_takes_true_or_nothing_for_an_answer(world, alice, answer):
    """Of a token whose transfers alone answer so; nothing arrives."""
    code, _ = ANSWERS[answer]
    before = bytes(web3.eth.get_code(world.token.address))
    stub = accounts[62].address
    set_code(stub, before)
    moves = "transferFrom(address,address,uint256)"
    set_code(world.token.address, deaf_to(stub, moves, instead=code))
    try:
        with reverts("AmountZero" if answer == "nothing" else FAILED):
            world.sportsbook.deposit(UNIT, world.sender(alice))
    finally:
        set_code(world.token.address, before)
        set_code(stub, b"")
