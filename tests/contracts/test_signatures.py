"""Whose signature a slip counts by.

place_batch
├── given the owner's own signature (EIP-2098)
│   ├── places the slip
│   ├── skips it when another key signed
│   ├── skips it when it was signed for another chain, contract or domain name
│   └── skips it when it is no signature at all
└── given a contract wallet's signature (ERC-1271)
    ├── places the slip when the wallet agrees
    ├── skips it when the wallet refuses, answers short, answers wrong, or reverts
    ├── skips it when nobody lives at the owner's address
    ├── outlives a wallet that burns all gas it is given
    └── outlives many wallets that answer with as many bytes as they can pay for
"""

from dataclasses import replace

import pytest
from brownie import MockWallet

from backend.slips.typed_data import Domain, sign
from indexer.packed import SkipReason
from tests.contracts.world import Pick, key, with_signature

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


@pytest.mark.parametrize("junk", [bytes(64), b"\xff" * 64], ids=["zeros", "ones"])
def test_place_batch_skips_slip_without_signature(world, alice, match, now, junk):
    signed = with_signature(world.sign(alice, Pick(match, 0), accepted_at_s=now), junk)
    assert only_skip(world.place(signed)) == [SkipReason.SIGNATURE_INVALID]


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
    transaction = world.sportsbook.placeBatch(world.pack(*many, good), {"from": world.operator})
    # Each hostile answer may cost its 100,000 gas and no more.
    assert transaction.gas_used < 40 * 115_000 + 200_000
    assert world.sportsbook.accountAt(alice.account)[2] == 1
    assert world.sportsbook.accountAt(bettor.account)[2] == 0
