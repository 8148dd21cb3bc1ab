"""Whose signature a slip counts by.

place_batch
├── given the owner's own signature (EIP-2098)
│   ├── places the slip
│   ├── skips it when another key signed
│   ├── skips it when it was signed for another chain, contract or domain name
│   ├── follows a chain that changes its number, as receipts and withdrawals do
│   ├── skips it when it was placed in another house of the same chain
│   ├── skips it when nobody can have made the signature, also for an account that nobody owns
│   ├── skips it when its parity is the other one, or its s is above half the order
│   └── places it when code was put at the owner's address (EIP-7702)
└── given a contract wallet's signature (ERC-1271)
    ├── places the slip when the wallet agrees, with a signature of any length but 0
    ├── places it for an owner with a key and code, by either
    ├── skips it when the wallet refuses, answers short, answers wrong, or reverts
    ├── skips it when nobody lives at the owner's address
    ├── outlives a wallet that burns all gas it is given
    ├── reverts rather than skip it when there is too little gas to ask
    ├── gives code that is reached by delegation (EIP-7702) as much gas as a contract
    └── outlives many wallets that answer with as many bytes as they can pay for
"""

from dataclasses import replace

import pytest
from brownie import MockWallet, accounts, web3
from brownie.exceptions import VirtualMachineError

from protocol.placed_event import SkipReason
from protocol.signatures import sign
from protocol.typed_data import Domain, Withdrawal
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.node_state import set_code
from tests.contracts.world import World, reverts
from tests.support.batches import pack
from tests.support.people import Bettor, key
from tests.support.signing import HALF_ORDER, flipped, signed_by_nobody
from tests.support.slips import Pick, pick_elsewhere, with_signature
from tests.support.terms import DEPOSIT_MICRO, UNIT

HONEST, BURNS_GAS, ANSWERS_HUGELY, ANSWERS_SHORT, ANSWERS_WRONG, REVERTS = range(6)


@pytest.fixture
def wallet(world):
    return MockWallet.deploy(world.stranger(0).address, {"from": world.owner})


def wallet_slip(world, wallet, match, now):
    """A slip of the wallet, signed by the key that the wallet obeys."""
    bettor = world.open_for(wallet.address, world.stranger(0).key)
    signed = world.sign(bettor, Pick(match, 0), accepted_at_s=now)
    digest = world.domain.digest(signed.slip.struct_hash())
    return bettor, with_signature(signed, sign(digest, bettor.key), contract=True)


def only_skip(placed_batch):
    assert not placed_batch.batch.records
    return [skip.reason for skip in placed_batch.skips]


def test_place_batch_places_slip_signed_by_owner(world, alice, match, now):
    _, batch, _ = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    assert [r.account for r in batch.records] == [alice.account]


def test_place_batch_skips_slip_signed_by_another_key(world, alice, bob, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now, key_=bob.key)
    assert only_skip(world.place(signed)) == [SkipReason.SIGNATURE_INVALID]


def test_place_batch_skips_slip_signed_for_another_domain(world, alice, match, now):
    own = world.domain
    foreign = [
        replace(own, chain_id=1),
        replace(own, contract=world.results.address),
        Domain(own.chain_id, own.contract, "Fairline Results"),
    ]
    slips = [
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=1 + i, domain=domain)
        for i, domain in enumerate(foreign)
    ]
    assert only_skip(world.place(*slips)) == [SkipReason.SIGNATURE_INVALID] * 3


def test_signatures_follow_a_chain_that_changes_its_number(world, alice, match, now, monkeypatch):
    """Of two chains that part, the one with the new number takes no signature of the other."""
    if "anvil" not in web3.client_version.lower():
        pytest.skip("only Anvil can change a chain's number")
    book, deadline_s = world.sportsbook, now + 300
    word = Withdrawal(alice.account, UNIT, deadline_s, 0).word()
    stranger, owner = {"from": accounts[60]}, {"from": accounts.at(alice.address)}

    def signatures():
        slip = world.sign(alice, Pick(match, 0), accepted_at_s=now)
        return slip, world.receipt(slip), world.countersign(alice, UNIT, deadline_s, 0)

    def take(slip, receipt, countersignature):
        book.enforce.call(pack(slip), receipt, stranger)
        book.withdrawGranted.call(countersignature, word, owner)

    old = signatures()
    take(*old)
    try:
        web3.provider.make_request("anvil_setChainId", [CHAIN_ID + 1])
        there = replace(world.domain, chain_id=CHAIN_ID + 1)
        monkeypatch.setattr(World, "domain", there)
        new = signatures()
        take(*new)
        with reverts("SlipRefused", SkipReason.SIGNATURE_INVALID):
            book.enforce.call(pack(old[0]), new[1], stranger)
        with reverts("ReceiptInvalid"):
            book.enforce.call(pack(new[0]), old[1], stranger)
        with reverts("WithdrawalUnsigned"):
            book.withdrawGranted.call(old[2], word, owner)
    finally:
        web3.provider.make_request("anvil_setChainId", [CHAIN_ID])
    take(*old)


@pytest.mark.parametrize("junk", [bytes(64), b"\xff" * 64], ids=["zeros", "ones"])
def test_place_batch_skips_slip_without_signature(world, alice, match, now, junk):
    signed = with_signature(world.sign(alice, Pick(match, 0), accepted_at_s=now), junk)
    assert only_skip(world.place(signed)) == [SkipReason.SIGNATURE_INVALID]


def test_place_batch_skips_slip_of_nobody_without_signature(world, alice, match, now):
    """No key recovers to zero, which is who owns an account that is not there."""
    nobody = replace(alice, account=alice.account + 1)
    signed = with_signature(world.sign(nobody, Pick(match, 0), accepted_at_s=now), bytes(64))
    assert only_skip(world.place(signed)) == [SkipReason.ACCOUNT_UNKNOWN]


def test_place_batch_skips_slip_of_another_house(world, alice, match, now):
    """The same account, market and nonce on the same chain, at another address."""
    other = World()
    double = other.open_account(10)
    assert (double.account, double.address) == (alice.account, alice.address)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    assert only_skip(other.place(signed)) == [SkipReason.SIGNATURE_INVALID]
    assert not world.place(signed).skips


def legs_of(match, count):
    return (Pick(match, 0), pick_elsewhere(match.starts_at_s))[:count]


@pytest.mark.parametrize("legs", [1, 2], ids=["plain", "accumulator"])
def test_place_batch_skips_slip_with_the_other_parity(world, alice, match, now, legs):
    signed = world.sign(alice, *legs_of(match, legs), accepted_at_s=now)
    r, vs = flipped((signed.signature[:32], signed.signature[32:]))
    assert only_skip(world.place(with_signature(signed, r + vs))) == [SkipReason.SIGNATURE_INVALID]
    assert not world.place(signed).skips


@pytest.mark.parametrize("legs", [1, 2], ids=["plain", "accumulator"])
@pytest.mark.parametrize(("s", "counts"), [(HALF_ORDER, True), (HALF_ORDER + 1, False)])
def test_place_batch_skips_slip_with_large_s(world, match, now, legs, s, counts):
    """An account is opened for the address that the signature recovers to."""
    coming = Bettor(world.sportsbook.accountCount() + 1, "", key(0))
    signed = world.sign(coming, *legs_of(match, legs), accepted_at_s=now)
    owner, signature = signed_by_nobody(world.domain.digest(signed.slip.struct_hash()), s)
    assert world.open_for(owner, b"").account == coming.account
    skips = world.place(with_signature(signed, signature)).skips
    assert [skip.reason for skip in skips] == ([] if counts else [SkipReason.SIGNATURE_INVALID])


def test_place_batch_takes_key_and_code_of_an_owner_with_both(world, alice, wallet, match, now):
    """Delegated code (EIP-7702) takes nothing from the key, and may sign as well."""
    by_code = world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=2)
    digest = world.domain.digest(by_code.slip.struct_hash())
    # The code obeys another key than that of the address.
    by_code = with_signature(by_code, sign(digest, world.stranger(0).key), contract=True)
    by_key = world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=1)
    assert only_skip(world.place(by_code)) == [SkipReason.SIGNATURE_INVALID]
    set_code(alice.address, bytes(web3.eth.get_code(wallet.address)))
    _, batch, skips = world.place(by_key, by_code)
    assert not skips
    assert [record.nonce for record in batch.records] == [1, 2]


def test_place_batch_reverts_with_too_little_gas_to_ask(world, wallet, match, now):
    """Whoever sends the batch cannot starve the wallet and have its slip left out."""
    bettor, signed = wallet_slip(world, wallet, match, now)
    data = pack(signed)
    with reverts("GasTooLow"):
        world.sportsbook.placeBatch(data, {"from": world.operator, "gas_limit": 450_000})
    for gas in range(60_000, 570_000, 10_000):
        try:
            world.sportsbook.placeBatch.call(data, {"from": world.operator, "gas": gas})
        except (VirtualMachineError, ValueError):
            assert gas < 560_000
    placed = world.sportsbook.placeBatch(data, {"from": world.operator, "gas_limit": 560_000})
    assert world.balance(bettor) == 1_000 * UNIT - UNIT
    assert placed.gas_used < 250_000


# Answers that every signature is right if it is called with all of 400,000 gas.
NEEDS_ALL_GAS = bytes.fromhex("62061a1c5a11600c575f5ffd5b631626ba7e60e01b5f5260205ff3")


@pytest.mark.parametrize("delegated", [False, True])
def test_place_batch_gives_delegated_code_all_gas(world, alice, match, now, delegated):
    """With the minimum of gas at which a batch does not revert with GasTooLow."""
    if delegated and "anvil" not in web3.client_version.lower():
        pytest.skip("Ganache is older than EIP-7702")
    target = "0x" + "77" * 20
    set_code(target, NEEDS_ALL_GAS)
    set_code(alice.address, bytes.fromhex("ef0100" + target[2:]) if delegated else NEEDS_ALL_GAS)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    data = pack(with_signature(signed, bytes(65), contract=True))
    low, high = 440_000, 600_000
    while high - low > 1:
        middle = (low + high) // 2
        try:
            world.sportsbook.placeBatch.call(data, {"from": world.operator, "gas": middle})
            high = middle
        except (VirtualMachineError, ValueError):
            low = middle
    world.sportsbook.placeBatch(data, {"from": world.operator, "gas_limit": high})
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT


def test_place_batch_asks_contract_wallet(world, wallet, match, now):
    bettor, signed = wallet_slip(world, wallet, match, now)
    _, batch, _ = world.place(signed)
    assert [r.account for r in batch.records] == [bettor.account]


@pytest.mark.parametrize("mood", [ANSWERS_SHORT, ANSWERS_WRONG, REVERTS])
def test_place_batch_skips_slip_that_wallet_does_not_confirm(world, wallet, match, now, mood):
    _, signed = wallet_slip(world, wallet, match, now)
    wallet.setMood(mood, {"from": world.owner})
    assert only_skip(world.place(signed)) == [SkipReason.SIGNATURE_INVALID]


def test_place_batch_skips_slip_that_wallet_refuses(world, wallet, match, now):
    _, signed = wallet_slip(world, wallet, match, now)
    digest = world.domain.digest(signed.slip.struct_hash())
    other = with_signature(signed, sign(digest, key(9)), contract=True)
    assert only_skip(world.place(other)) == [SkipReason.SIGNATURE_INVALID]


def test_place_batch_skips_contract_signature_of_account_without_code(world, alice, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    digest = world.domain.digest(signed.slip.struct_hash())
    signed = with_signature(signed, sign(digest, alice.key), contract=True)
    assert only_skip(world.place(signed)) == [SkipReason.SIGNATURE_INVALID]


def test_place_batch_outlives_wallet_that_burns_gas(world, wallet, alice, match, now):
    _, hostile = wallet_slip(world, wallet, match, now)
    wallet.setMood(BURNS_GAS, {"from": world.owner})
    good = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    _, batch, skips = world.place(hostile, good)
    assert [s.reason for s in skips] == [SkipReason.SIGNATURE_INVALID]
    assert [r.account for r in batch.records] == [alice.account]


def test_place_batch_outlives_wallets_that_answer_hugely(world, wallet, alice, match, now):
    bettor, hostile = wallet_slip(world, wallet, match, now)
    wallet.setMood(ANSWERS_HUGELY, {"from": world.owner})
    good = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    many = [replace(hostile, slip=replace(hostile.slip, nonce=1 + i)) for i in range(40)]
    transaction = world.sportsbook.placeBatch(pack(*many, good), {"from": world.operator})
    # Each hostile answer may cost its 100,000 gas and no more.
    assert transaction.gas_used < 40 * 115_000 + 200_000
    assert world.sportsbook.accountAt(alice.account)[2] == 1
    assert world.sportsbook.accountAt(bettor.account)[2] == 0
