"""Placing a batch.

place_batch
├── reverts for anybody but an operator, and while paused
├── debits the stake, uses the nonce, raises pool, stakes and exposure
├── emits markets, placed bets and skipped slips, and commits to the bets
├── goes on behind a slip that is skipped
├── commits to nothing when every slip is skipped
├── keeps a nonce usable when it is at most 8 below the highest, and once
├── lets bets of one market share the worst case, and locks accumulators in full
├── counts two outcomes of a double chance that win together
├── counts every bet of an in-play market alone
├── takes 256 slips, and no more
└── skips bad slips at the beginning, in the middle and at the end of 256, each with its reason
"""

from dataclasses import replace
from itertools import pairwise

import pytest

from protocol.market_id import Kind
from protocol.placed_batch import SkipReason
from protocol.placed_batch import SkipReason as R
from tests.contracts.events import placed
from tests.contracts.world import reverts
from tests.support.batches import pack
from tests.support.people import key
from tests.support.slips import Pick, make_market
from tests.support.terms import BANKROLL_MICRO, DEPOSIT_MICRO, UNIT

NO_COMMITMENT = "0x" + "0" * 64


def test_place_batch_reverts_for_anybody_else(world, alice, match, now):
    data = pack(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    with reverts("NotOperator", world.owner.address):
        world.sportsbook.placeBatch.call(data, {"from": world.owner})


def test_place_batch_reverts_while_paused(world, alice, match, now):
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    with reverts("PlacingIsPaused"):
        world.sportsbook.placeBatch.call(pack(signed), {"from": world.operator})
    world.sportsbook.pausePlacing(False, {"from": world.owner})
    assert len(world.place(signed)[1].records) == 1


def test_place_batch_moves_stake_into_the_book(world, alice, match, now):
    signed = world.sign(alice, Pick(match, 2, 35_001), stake_micro=3, accepted_at_s=now)
    before = world.book()
    number, batch, _ = world.place(signed)
    assert number == before["batch_count"] + 1
    after = world.book()
    assert after["pool_micro"] == before["pool_micro"] + 3
    assert after["owed_micro"] == 3
    assert after["locked_micro"] == 10 - 3  # 3 x 3.5001 rounded down
    owner, balance, nonce, window, _ = world.sportsbook.accountAt(alice.account)
    assert (owner, balance, nonce) == (alice.address, DEPOSIT_MICRO - 3, 1)
    assert window & 1  # nonce 0 counts as used
    assert world.sportsbook.exposureOf(int.from_bytes(match.pack(), "big")) == ((0, 0, 10), 3)
    assert batch.markets == (match.pack(),)
    assert batch.base_s == now
    assert world.sportsbook.lockedOf(match.fixture) == 10 - 3
    assert batch.records[0].legs[0].odds_e4 == 35_001


def test_place_batch_continues_after_skipped_slips(world, alice, bob, match, now):
    other = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    slips = [
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=1),
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=1),
        world.sign(bob, Pick(match, 0), Pick(other, 1, 19_000), accepted_at_s=now, nonce=1),
        world.sign(bob, Pick(match, 0), accepted_at_s=now, nonce=2, key_=alice.key),
        world.sign(bob, Pick(other, 0), accepted_at_s=now, nonce=3),
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=2, min_odds_e4=20_001),
    ]
    number, batch, skips = world.place(*slips)
    assert [(r.account, r.nonce) for r in batch.records] == [
        (alice.account, 1),
        (bob.account, 1),
        (bob.account, 3),
    ]
    assert [(s.account, s.nonce, s.reason) for s in skips] == [
        (alice.account, 1, SkipReason.NONCE_USED),
        (bob.account, 2, SkipReason.SIGNATURE_INVALID),
        (alice.account, 2, SkipReason.ODDS_BELOW_MINIMUM),
    ]
    assert bytes(world.sportsbook.batches(number)) == batch.commitment
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT
    assert world.balance(bob) == DEPOSIT_MICRO - 2 * UNIT


def test_place_batch_commits_to_nothing_when_all_are_skipped(world, alice, match, now):
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), accepted_at_s=now, min_odds_e4=30_000)
    )
    assert not batch.records
    assert str(world.sportsbook.batches(number)) == NO_COMMITMENT
    assert world.book()["batch_count"] == number
    assert world.balance(alice) == DEPOSIT_MICRO


def test_place_batch_takes_nonces_from_the_window_once(world, alice, match, now):
    """The highest is 20: 12 to 19 may follow in any order, 11 and 20 may not."""

    def place(*nonces):
        slips = [world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=n) for n in nonces]
        _, batch, skips = world.place(*slips)
        assert {s.reason for s in skips} <= {SkipReason.NONCE_USED}
        return [r.nonce for r in batch.records]

    assert place(20) == [20]
    assert not world.sportsbook.isUsable(alice.account, 11)
    assert place(11, 20, 12, 12, 19, 15, 19) == [12, 19, 15]
    assert place(22, 14, 13, 21, 20, 15) == [22, 14, 21]
    assert [n for n in range(24) if world.sportsbook.isUsable(alice.account, n)] == [
        16,
        17,
        18,
        23,
    ]
    assert place(31) == [31]
    assert [n for n in range(33) if world.sportsbook.isUsable(alice.account, n)] == [
        *range(23, 31),
        32,
    ]


def test_nonce_zero_is_never_usable(world, alice, match, now):
    for highest in (0, 1, 8, 9):
        if highest:
            world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=highest))
        assert not world.sportsbook.isUsable(alice.account, 0)


@pytest.mark.parametrize(
    ("kind", "line_q", "in_play", "locked"),
    [
        # stakes 10, 10, 10 at 2, 3 and 4: payouts 20, 30, 40
        (Kind.MATCH_RESULT, 0, False, 40 - 30),
        (Kind.MATCH_RESULT, 0, True, 90 - 30),
        (Kind.EUROPEAN_HANDICAP, -4, False, 40 - 30),
        (Kind.DOUBLE_CHANCE, 0, False, 70 - 30),
        (Kind.DOUBLE_CHANCE, 0, True, 90 - 30),
    ],
)
def test_place_batch_locks_worst_case_of_market(world, alice, now, kind, line_q, in_play, locked):
    market = make_market(kind, line_q, starts_at_s=now + 3_600, in_play=in_play)
    for outcome in range(3):
        pick = Pick(market, outcome, 20_000 + 10_000 * outcome)
        world.place(world.sign(alice, pick, stake_micro=10, accepted_at_s=now, nonce=1 + outcome))
    assert world.book()["locked_micro"] == locked
    payouts, stakes = world.sportsbook.exposureOf(int.from_bytes(market.pack(), "big"))
    assert (payouts, stakes) == ((20, 30, 40), 30)


def test_place_batch_locks_nothing_when_stakes_cover_all(world, alice, match, now):
    slips = [
        world.sign(alice, Pick(match, o, 25_000), stake_micro=10, accepted_at_s=now, nonce=1 + o)
        for o in range(3)
    ]
    world.place(*slips)
    assert world.book()["locked_micro"] == 0


def test_place_batch_locks_accumulators_in_full(world, alice, match, now):
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    picks = (Pick(match, 0, 30_000), Pick(total, 0, 25_000))
    slips = [
        world.sign(alice, *picks, stake_micro=10, accepted_at_s=now, nonce=1),
        world.sign(alice, Pick(match, 0, 40_000), stake_micro=10, accepted_at_s=now, nonce=2),
    ]
    world.place(*slips)
    assert world.book()["locked_micro"] == (75 - 10) + (40 - 10)
    market = int.from_bytes(match.pack(), "big")
    assert world.sportsbook.exposureOf(market) == ((40, 0, 0), 10)


def test_place_batch_adds_exposure_across_batches(world, alice, match, now):
    market = int.from_bytes(match.pack(), "big")
    for nonce in (1, 2, 3):
        world.place(
            world.sign(alice, Pick(match, 1), stake_micro=nonce, accepted_at_s=now, nonce=nonce)
        )
    assert world.sportsbook.exposureOf(market) == ((0, 12, 0), 6)
    assert world.book()["locked_micro"] == 6
    assert world.sportsbook.houseFree() == BANKROLL_MICRO - 6
    assert world.sportsbook.house() == BANKROLL_MICRO


def test_place_batch_takes_256_slips(world, match, now):
    total = make_market(Kind.TOTAL_GOALS, 11, starts_at_s=match.starts_at_s)
    bettors = [world.stranger(i) for i in range(8)]
    slips = [
        world.sign(
            bettors[i % 8],
            Pick((match, total)[i % 2], i % 2, 20_000 + i),
            accepted_at_s=now,
            nonce=1 + i // 8,
        )
        for i in range(256)
    ]
    data = pack(*slips)
    tx = world.sportsbook.placeBatch(data, {"from": world.operator})
    number, batch, skips = placed(tx)
    assert len(batch.records) == 256
    assert not skips
    assert bytes(world.sportsbook.batches(number))[-1] == 255
    assert bytes(world.sportsbook.batches(number)) == batch.commitment
    assert all(a.legs[0].odds_e4 + 1 == b.legs[0].odds_e4 for a, b in pairwise(batch.records))


def broken(world, bettor, market, now, nonce):
    """One slip for each reason that a slip may be left out for by its own fault."""
    closed = make_market(starts_at_s=now, name="A v B, 2025-05-25")
    pick = Pick(market, 0)
    large = Pick(market, 0, 2**32 - 1)
    common = {"accepted_at_s": now, "nonce": nonce}
    return [
        (R.ACCOUNT_UNKNOWN, world.sign(replace(bettor, account=2**32 - 1), pick, **common)),
        (R.SIGNATURE_INVALID, world.sign(bettor, pick, **common, key_=key(0))),
        (R.NONCE_USED, world.sign(bettor, pick, accepted_at_s=now, nonce=0)),
        (R.SLIP_EXPIRED, world.sign(bettor, pick, **common, deadline_s=now - 1)),
        (R.BALANCE_INSUFFICIENT, world.sign(bettor, pick, **common, stake_micro=DEPOSIT_MICRO + 1)),
        (R.ODDS_BELOW_MINIMUM, world.sign(bettor, pick, **common, min_odds_e4=20_001)),
        (R.MARKET_CLOSED, world.sign(bettor, Pick(closed, 0, name="A v B, 2025-05-25"), **common)),
        (
            R.ACCEPTANCE_OUTSIDE_WINDOW,
            world.sign(bettor, pick, accepted_at_s=now - 601, nonce=nonce),
        ),
        (R.STAKE_INVALID, world.sign(bettor, pick, **common, stake_micro=0)),
        (R.EXPOSURE_EXCEEDED, world.sign(bettor, large, **common, stake_micro=10 * UNIT)),
        (R.PAYOUT_TOO_LARGE, world.sign(bettor, large, **common, stake_micro=800 * UNIT * 210)),
        (R.ODDS_INVALID, world.sign(bettor, Pick(market, 0, 10_000), **common, min_odds_e4=0)),
    ]


@pytest.mark.parametrize("legs", [1, 2], ids=["plain", "accumulators"])
def test_place_batch_skips_bad_slips_anywhere_in_256(world, match, now, legs):
    """The good slips around them are placed as if they were not there."""
    total = make_market(Kind.TOTAL_GOALS, 11, starts_at_s=match.starts_at_s)
    bettors = [world.stranger(i) for i in range(5)]
    bad = broken(world, bettors[0], match, now, 200)
    size = len(bad)
    places = [*range(size), *range(128, 128 + size), *range(256 - size, 256)]
    reasons = dict(zip(places, bad * 3, strict=True))
    slips = []
    for i in range(256):
        picks = (Pick(match, i % 3), Pick(total, i % 2))[:legs]
        good = world.sign(bettors[i % 5], *picks, accepted_at_s=now, nonce=1 + i // 5)
        slips.append(reasons[i][1] if i in reasons else good)
    number, batch, skips = world.place(*slips)
    assert [skip.reason for skip in skips] == [reasons[i][0] for i in places]
    kept = [s.slip for i, s in enumerate(slips) if i not in reasons]
    assert [(r.account, r.nonce) for r in batch.records] == [(s.account, s.nonce) for s in kept]
    assert bytes(world.sportsbook.batches(number)) == batch.commitment
    assert world.book()["owed_micro"] == UNIT * len(kept)


@pytest.mark.parametrize("count", [0, 257])
def test_place_batch_reverts_for_other_counts(world, alice, match, now, count):
    data = pack(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    at = len(data) - (24 + 9 + 64) - 2
    assert data[at : at + 2] == b"\0\1"
    data = data[:at] + count.to_bytes(2, "big") + data[at + 2 :]
    with reverts("BatchTooLarge", count):
        world.sportsbook.placeBatch.call(data, {"from": world.operator})
