"""Enforcing: a bettor puts an accepted slip on the chain by the house's receipt.

enforce
├── places the slip, sent by anybody, while paused, without an operator
├── places it up to RECEIPT_WINDOW after acceptance, and not later
├── places it after the start and after the result, if it was accepted before both, and it settles
│   as others do
├── reverts when the receipt is not the house's, or for other odds, time or slip
├── places what a signer accepted before retiring, and not what it says it accepted later
├── ignores the caps, and uses what batches have to leave free
├── reverts for more or fewer slips than one, and for markets that no leg uses
├── reverts with the slip's reason: used, placed already, expired, balance, exposure, legs, market
└── leaves the nonce usable when a later slip went first
"""

from dataclasses import replace

import pytest

from protocol.batch_call import Table, pack_batch
from protocol.market_id import Kind, fixture_name_hash
from protocol.placed_event import SkipReason
from protocol.records import LegRecord
from protocol.signatures import pair, sign
from protocol.typed_data import Domain, Receipt
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.events import payouts, placed
from tests.contracts.world import reverts
from tests.support.batches import entry, pack
from tests.support.people import CASH_OUT_SIGNER, WITHDRAWAL_SIGNER, key, key_address
from tests.support.signing import score
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BANKROLL_MICRO,
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    NOBODY,
    RECEIPT_WINDOW_S,
    UNIT,
    VOID_AFTER_S,
)


@pytest.fixture
def signed(world, alice, match, now):
    return world.sign(alice, Pick(match, 0, 21_000), accepted_at_s=now)


def enforce(world, signed, receipt=None, data=None):
    receipt = world.receipt(signed) if receipt is None else receipt
    data = pack(signed) if data is None else data
    return world.sportsbook.enforce(data, receipt, world.sender_of(signed))


def test_enforce_places_slip_while_paused(world, alice, signed):
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    number, batch, _ = placed(enforce(world, signed))
    assert [(r.account, r.stake_micro) for r in batch.records] == [(alice.account, UNIT)]
    assert batch.records[0].legs[0].odds_e4 == 21_000
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT
    assert bytes(world.sportsbook.batches(number))[-1] == 0


def test_enforce_holds_to_the_end_of_the_window(world, signed, now):
    world.at(now + RECEIPT_WINDOW_S)
    tx = enforce(world, signed)
    assert tx.timestamp == now + RECEIPT_WINDOW_S


def test_enforce_reverts_after_the_window(world, signed, now):
    world.travel_to(now + RECEIPT_WINDOW_S + 1)
    with reverts("SlipRefused", int(SkipReason.ACCEPTANCE_OUTSIDE_WINDOW)):
        enforce(world, signed)


def test_enforce_works_after_the_result(world, alice, now):
    market = make_market(starts_at_s=now + 60)
    signed = world.sign(alice, Pick(market, 0), accepted_at_s=now)
    world.travel_to(now + 300)
    published = world.publish(score(1, 0, now + 200))
    number, batch, _ = placed(enforce(world, signed))
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S)
    assert payouts(world.settle(number, batch)) == {0: 2 * UNIT}


@pytest.mark.parametrize("legs", [1, 2])
def test_enforce_counts_acceptance_before_the_publication_alone(world, alice, now, legs):
    """In play a slip could be accepted after the whistle; not once its result is known to all."""
    market = make_market(starts_at_s=now - 7_000, in_play=True)
    picks = (Pick(market, 0), pick_elsewhere(now + 3_600))[:legs]
    world.travel_to(now + 100)
    published_s = world.publish(score(1, 0, now + 90)).timestamp
    late = world.sign(alice, *picks, accepted_at_s=published_s, nonce=1)
    just = world.sign(alice, *picks, accepted_at_s=published_s - 1, nonce=2)
    world.travel_to(published_s + 60)
    with reverts("SlipRefused", int(SkipReason.MARKET_CLOSED)):
        enforce(world, late)
    assert len(placed(enforce(world, just)).batch.records) == 1
    # An operator is no longer believed at all: the result is there.
    other = world.sign(alice, *picks, accepted_at_s=published_s - 1, nonce=3)
    assert [skip.reason for skip in world.place(other).skips] == [SkipReason.MARKET_CLOSED]


def test_enforce_refuses_a_match_that_had_started_whatever_its_result(world, alice, now):
    """A result does not reopen what its start has closed."""
    market = make_market(starts_at_s=now + 60)
    late = world.sign(alice, Pick(market, 0), accepted_at_s=now + 60)
    world.travel_to(now + 300)
    world.publish(score(1, 0, now + 200))
    with reverts("SlipRefused", int(SkipReason.MARKET_CLOSED)):
        enforce(world, late)


def test_enforce_closes_in_play_when_the_match_is_void(world, alice, now):
    market = make_market(starts_at_s=now + 10 - VOID_AFTER_S, in_play=True)
    just, late = (
        world.sign(alice, Pick(market, 0), accepted_at_s=now + after_s, nonce=nonce)
        for nonce, after_s in ((1, 9), (2, 10))
    )
    world.travel_to(now + 20)
    with reverts("SlipRefused", int(SkipReason.MARKET_CLOSED)):
        enforce(world, late)
    number, batch, _ = placed(enforce(world, just))
    assert payouts(world.settle(number, batch)) == {0: UNIT}


def test_enforce_reverts_for_receipt_of_another(world, alice, signed):
    with reverts("ReceiptInvalid", alice.address):
        enforce(world, signed, world.receipt(signed, alice.key))
    for junk in ((bytes(32), bytes(32)), (b"\xff" * 32, b"\xff" * 32)):
        with reverts("ReceiptInvalid", NOBODY):
            enforce(world, signed, junk)


def test_enforce_reverts_for_other_terms(world, alice, match, signed, now):
    better = replace(signed, picks=(Pick(match, 0, 21_001),))
    later = replace(signed, accepted_at_s=now - 1)
    other = world.sign(alice, Pick(match, 0, 21_000), accepted_at_s=now, nonce=2)
    for changed in (better, later, other):
        with reverts("ReceiptInvalid"):
            enforce(world, changed, world.receipt(signed))


def test_enforce_reverts_for_another_domain(world, signed):
    receipt = Receipt(signed.slip.struct_hash(), signed.accepted_at_s, (21_000,)).struct_hash()
    for domain in (Domain(1, world.sportsbook.address), Domain(CHAIN_ID, world.results.address)):
        with reverts("ReceiptInvalid"):
            enforce(world, signed, pair(sign(domain.digest(receipt), key(2))))


def test_enforce_places_what_a_signer_accepted_before_retiring(world, alice, match, now):
    """A key cannot be retired twice, which would move its end; what it signs for later counts no
    more."""
    signer = world.receipt_signer.address
    world.at(now + 10)
    retired = world.retire(signer)
    assert retired.timestamp == now + 10
    world.at(now + 20)
    with reverts("KeyInvalid", signer):
        world.retire(signer)
    before = world.sign(alice, Pick(match, 0), accepted_at_s=now + 10, nonce=1)
    after = world.sign(alice, Pick(match, 0), accepted_at_s=now + 11, nonce=2)
    world.travel_to(now + 30)
    with reverts("ReceiptInvalid", signer):
        enforce(world, after)
    enforce(world, before)


@pytest.mark.parametrize("key_", [key(1), CASH_OUT_SIGNER, WITHDRAWAL_SIGNER, key(0)])
def test_enforce_refuses_the_receipt_of_a_key_of_another_role(world, signed, key_):
    with reverts("ReceiptInvalid", key_address(key_)):
        enforce(world, signed, world.receipt(signed, key_))


def test_enforce_ignores_the_caps(world, alice, match):
    world.set_limits(market_cap_micro=0, fixture_cap_micro=0, accumulator_cap_micro=0)
    now = world.now()
    later = make_market(starts_at_s=now + 3_600)
    picks = (Pick(later, 0), pick_elsewhere(now + 3_600))
    for nonce, legs in ((1, 1), (2, 2)):
        enforce(world, world.sign(alice, *picks[:legs], accepted_at_s=now, nonce=nonce))
    assert world.book()["accumulators_micro"] == 3 * UNIT
    for legs in (1, 2):
        other = world.sign(alice, *picks[:legs], accepted_at_s=now, nonce=3)
        assert [s.reason for s in world.place(other).skips] == [SkipReason.CAP_EXCEEDED]


def test_enforce_uses_what_batches_leave_free(world, alice):
    """A batch may not touch what is kept for receipts; a receipt may use it up."""
    now = world.leave_in_bankroll(10 * UNIT)
    world.set_limits(receipt_reserve_micro=6 * UNIT)
    now = world.now()
    match = make_market(starts_at_s=now + 3_600)

    def bet(stake_micro, nonce):
        return world.sign(
            alice, Pick(match, 0), stake_micro=stake_micro, accepted_at_s=now, nonce=nonce
        )

    assert [s.reason for s in world.place(bet(4 * UNIT + 1, 1)).skips] == [
        SkipReason.EXPOSURE_EXCEEDED
    ]
    assert not world.place(bet(4 * UNIT, 1)).skips
    assert [s.reason for s in world.place(bet(1, 2)).skips] == [SkipReason.EXPOSURE_EXCEEDED]
    with reverts("SlipRefused", int(SkipReason.EXPOSURE_EXCEEDED)):
        enforce(world, bet(6 * UNIT + 1, 2))
    enforce(world, bet(6 * UNIT, 2))
    assert world.sportsbook.houseFree() == 0


def test_enforce_reverts_for_other_counts(world, alice, match, signed, now):
    second = world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=2)
    with reverts("SlipsNotOne", 2):
        enforce(world, signed, data=pack(signed, second))
    data = pack(signed)
    at = 6 + 37 + 1 + 6
    with reverts("SlipsNotOne", 0):
        enforce(world, signed, data=data[:at] + b"\0\0" + data[at + 2 :])
    with reverts("BatchMalformed"):
        enforce(world, signed, data=data + b"\0")


def test_enforce_reverts_when_placed_already(world, signed):
    world.place(signed)
    with reverts("SlipRefused", int(SkipReason.NONCE_USED)):
        enforce(world, signed)


def test_enforce_twice_reverts(world, signed):
    enforce(world, signed)
    with reverts("SlipRefused", int(SkipReason.NONCE_USED)):
        enforce(world, signed)


def test_enforce_survives_a_later_slip_that_went_first(world, alice, match, signed, now):
    world.place(world.sign(alice, Pick(match, 1), accepted_at_s=now, nonce=8))
    enforce(world, signed)
    assert world.sportsbook.accountAt(alice.account)[2] == 8


def test_enforce_reverts_when_accepted_after_deadline(world, alice, match, now):
    late = world.sign(alice, Pick(match, 0), accepted_at_s=now, deadline_s=now - 1)
    with reverts("SlipRefused", int(SkipReason.SLIP_EXPIRED)):
        enforce(world, late, data=pack(late, base_s=now - 10))


def test_enforce_reverts_when_market_had_started(world, alice, now):
    signed = world.sign(alice, Pick(make_market(starts_at_s=now), 0), accepted_at_s=now)
    with reverts("SlipRefused", int(SkipReason.MARKET_CLOSED)):
        enforce(world, signed)


def test_enforce_reverts_without_balance_or_bankroll(world, alice, match, now):
    """More than the bankroll has, whatever the budget of the key is."""
    poor = world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO + 1, accepted_at_s=now)
    with reverts("SlipRefused", int(SkipReason.BALANCE_INSUFFICIENT)):
        enforce(world, poor)
    odds_e4 = 10_000 * (BANKROLL_MICRO // DEPOSIT_MICRO + 2)
    pick = Pick(match, 0, odds_e4)
    large = world.sign(alice, pick, stake_micro=DEPOSIT_MICRO, accepted_at_s=now)
    with reverts("SlipRefused", int(SkipReason.EXPOSURE_EXCEEDED)):
        enforce(world, large)


def test_enforce_reverts_when_bettor_did_not_sign(world, alice, bob, match, now):
    forged = world.sign(alice, Pick(match, 0), accepted_at_s=now, key_=bob.key)
    with reverts("SlipRefused", int(SkipReason.SIGNATURE_INVALID)):
        enforce(world, forged)


@pytest.mark.parametrize(
    ("legs", "reason"),
    [
        ((LegRecord(0, 0, 20_000),) * 13, SkipReason.LEGS_INVALID),
        ((LegRecord(1, 0, 20_000),), SkipReason.MARKET_UNKNOWN),
        ((LegRecord(0, 3, 20_000),), SkipReason.MARKET_UNKNOWN),
    ],
)
def test_enforce_reverts_for_legs_that_make_no_receipt(world, signed, legs, reason):
    names = [(fixture_name_hash(p.name), p.market) for p in signed.picks]
    table = Table.build(signed.accepted_at_s, names)
    whole = entry(signed, table)
    data = pack_batch(table, [replace(whole, record=replace(whole.record, legs=legs))])
    with reverts("SlipRefused", int(reason)):
        enforce(world, signed, data=data)


def test_enforce_reverts_without_legs(world, signed):
    table = Table(signed.accepted_at_s, (), ())
    names = [(fixture_name_hash(p.name), p.market) for p in signed.picks]
    whole = entry(signed, Table.build(signed.accepted_at_s, names))
    data = pack_batch(table, [replace(whole, record=replace(whole.record, legs=()))])
    with reverts("SlipRefused", int(SkipReason.LEGS_INVALID)):
        enforce(world, signed, data=data)


def test_enforce_reverts_for_markets_that_no_leg_uses(world, alice, signed, match):
    other = make_market(starts_at_s=match.starts_at_s, kind=Kind.BOTH_TEAMS_TO_SCORE)
    picks = [(fixture_name_hash(p.name), m) for p in signed.picks for m in (p.market, other)]
    table = Table.build(signed.accepted_at_s, picks)
    batch = pack_batch(table, [entry(signed, table)])
    with reverts("MarketsUnused", 2, 1):
        world.sportsbook.enforce(batch, world.receipt(signed), {"from": alice.address})
