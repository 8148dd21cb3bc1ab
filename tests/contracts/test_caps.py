"""The most that the house lets one market, one fixture or one accumulator lock.

setCaps
├── belongs to the owner
├── is no limit after deployment
├── leaves out a bet that locks one unit more, and takes one that locks as much
├── counts a fixture's markets together, and not those of another fixture
├── counts what bets on the other side take away, and what was cashed out
├── counts an accumulator by itself
├── lowered below what is locked, lets in only what lowers it
└── is asked by placeBatch and placeQuoted, not by enforce
lockedOf
└── is the sum over the fixture's markets while there is no result
"""

from __future__ import annotations

import pytest

from protocol.market_id import Kind
from protocol.placed_batch import SkipReason
from tests.contracts.world import reverts
from tests.support.batches import pack_unsigned
from tests.support.signing import quote_of
from tests.support.slips import Pick, make_market
from tests.support.terms import NO_CAP, UNIT

LEEDS = "Leeds v Hull, 2025-05-25"


@pytest.fixture
def bet(world, alice, now):
    """Places a bet of Alice's at even odds; the reason when it is left out."""
    nonces = iter(range(1, 100))

    def place(*picks, stake_micro=UNIT, bettor=alice):
        signed = world.sign(
            bettor, *picks, stake_micro=stake_micro, accepted_at_s=now, nonce=next(nonces)
        )
        skips = world.place(signed).skips
        return skips[0].reason if skips else None

    return place


def caps(world, market_micro, fixture_micro):
    world.sportsbook.setCaps(market_micro, fixture_micro, {"from": world.owner})


def test_caps_belong_to_the_owner(world):
    with reverts("OwnableUnauthorizedAccount", world.operator.address):
        world.sportsbook.setCaps(1, 1, {"from": world.operator})
    assert world.sportsbook.caps() == (NO_CAP, NO_CAP)
    tx = world.sportsbook.setCaps(5, 7, {"from": world.owner})
    assert dict(tx.events["CapsSet"]) == {"market": 5, "fixture": 7}
    assert world.sportsbook.caps() == (5, 7)


def test_market_is_capped_to_the_unit(world, match, bet):
    caps(world, 2 * UNIT, NO_CAP)
    assert bet(Pick(match, 0), stake_micro=2 * UNIT + 1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0)) is None
    assert bet(Pick(match, 0), stake_micro=UNIT + 1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0)) is None
    # The other side takes from what the market locks.
    assert bet(Pick(match, 2), stake_micro=3 * UNIT) is None
    assert bet(Pick(match, 0), stake_micro=3 * UNIT) is None


def test_plain_slips_of_one_batch_fill_a_cap_together(world, alice, match, now):
    caps(world, 2 * UNIT, NO_CAP)
    signed = [
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=nonce) for nonce in range(1, 5)
    ]
    _, batch, skips = world.place(*signed)
    assert [record.nonce for record in batch.records] == [1, 2]
    assert [(s.nonce, s.reason) for s in skips] == [
        (nonce, SkipReason.CAP_EXCEEDED) for nonce in (3, 4)
    ]


def test_fixture_is_capped_over_its_markets(world, match, now, bet):
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    elsewhere = Pick(make_market(starts_at_s=now + 3_600, name=LEEDS), 0, name=LEEDS)
    caps(world, NO_CAP, 2 * UNIT)
    assert bet(Pick(match, 0)) is None
    assert bet(Pick(total, 0)) is None
    assert world.sportsbook.lockedOf(match.fixture) == 2 * UNIT
    assert bet(Pick(total, 0), stake_micro=1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0), stake_micro=1) is SkipReason.CAP_EXCEEDED
    assert bet(elsewhere, stake_micro=2 * UNIT) is None
    assert bet(Pick(total, 1)) is None
    assert world.sportsbook.lockedOf(match.fixture) == UNIT
    assert bet(Pick(match, 0)) is None


def test_accumulator_is_capped_by_itself(world, match, now, bet):
    other = Pick(make_market(starts_at_s=now + 3_600, name=LEEDS), 0, name=LEEDS)
    caps(world, 3 * UNIT, NO_CAP)
    assert bet(Pick(match, 0), other, stake_micro=UNIT + 1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0), other) is None
    assert bet(Pick(match, 0), other) is None
    assert world.sportsbook.lockedOf(match.fixture) == 0


def test_cap_below_what_is_locked_lets_in_what_lowers_it(world, match, bet):
    assert bet(Pick(match, 0), stake_micro=10 * UNIT) is None
    caps(world, 5 * UNIT, NO_CAP)
    assert bet(Pick(match, 0), stake_micro=1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 2), stake_micro=2 * UNIT) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 2), stake_micro=5 * UNIT) is None
    assert world.book()["locked_micro"] == 5 * UNIT


def test_cashed_out_bet_frees_capacity(world, alice, match, now, bet):
    caps(world, 2 * UNIT, 2 * UNIT)
    signed = world.sign(alice, Pick(match, 0), stake_micro=2 * UNIT, accepted_at_s=now, nonce=50)
    number, batch, _ = world.place(signed)
    assert bet(Pick(match, 0), stake_micro=1) is not None
    world.cash_out(alice, number, batch, stake_micro=UNIT, price_micro=UNIT)
    assert world.sportsbook.lockedOf(match.fixture) == UNIT
    late = world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=51)
    assert not world.place(late).skips


def test_receipt_passes_every_cap(world, alice, match, now):
    caps(world, 0, 0)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    assert [skip.reason for skip in world.place(signed).skips] == [SkipReason.CAP_EXCEEDED]
    assert len(world.enforce(signed).batch.records) == 1
    quote = quote_of(Pick(match, 0), deadline_s=2**40 - 1)
    with reverts("SlipRefused", int(SkipReason.CAP_EXCEEDED)):
        world.place_quoted(alice, quote, pack_unsigned(alice, Pick(match, 0), nonce=2))
