"""Placing a batch.

place_batch
├── reverts for anybody but an operator, and while paused
├── debits the stake, uses the nonce, raises pool, stakes and exposure
├── emits markets, placed bets and skipped slips, and commits to the bets
├── goes on behind a slip that is skipped
├── commits to nothing when every slip is skipped
├── takes a nonce when it is at most 8 below the highest, and once
├── takes none above the highest that would push an unused nonce out of these 8
├── gives an account that is new no nonces below the first
├── lets bets of one market share the worst case, and locks accumulators in full
├── counts two outcomes of a double chance that win together
├── counts every bet of an in-play market alone, and of a proposition
├── takes 256 slips, and no more
├── takes 255 slips on as many new markets with the gas that a transaction may have
└── skips bad slips at the beginning, in the middle and at the end of 256, each with its reason
"""

from dataclasses import replace
from itertools import pairwise

import pytest
from brownie import chain

from protocol.limits import MARKET_LIST_MAX, TRANSACTION_GAS_MAX
from protocol.market_id import Kind, Period
from protocol.placed_event import SkipReason
from protocol.placed_event import SkipReason as R
from tests.contracts.events import placed
from tests.contracts.world import reverts
from tests.support.batches import pack
from tests.support.people import key
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import BANKROLL_MICRO, BATCH_WINDOW_S, DEPOSIT_MICRO, UNIT

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
    assert window == 255  # nonce 0 and those before it count as used
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
        world.sign(
            bob, Pick(match, 0), pick_elsewhere(now + 3_600, 1, 19_000), accepted_at_s=now, nonce=1
        ),
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


@pytest.fixture
def place_nonces(world, alice, match, now):
    """Places slips of Alice's with these nonces, each in one of two forms; those that were placed,
    and why the others were not."""

    def place(*nonces, legs=1):
        picks = (Pick(match, 0), pick_elsewhere(now + 3_600))[:legs]
        slips = [world.sign(alice, *picks, accepted_at_s=now, nonce=n) for n in nonces]
        _, batch, skips = world.place(*slips)
        return [r.nonce for r in batch.records], [(s.nonce, s.reason) for s in skips]

    return place


def usable(world, bettor, up_to):
    return [n for n in range(up_to) if world.sportsbook.isUsable(bettor.account, n)]


@pytest.mark.parametrize("legs", [1, 2], ids=["plain", "accumulators"])
def test_place_batch_takes_nonces_from_the_window_once(world, alice, place_nonces, legs):
    """In any order, as long as none has to be given up."""
    assert usable(world, alice, 20) == list(range(1, 10))
    assert place_nonces(10, 9, 9, legs=legs) == ([9], [(10, R.NONCE_TOO_FAR), (9, R.NONCE_USED)])
    assert usable(world, alice, 20) == list(range(1, 9))
    placed_, skips = place_nonces(10, 2, 10, 1, 10, 11, 12, 11, legs=legs)
    assert placed_ == [2, 1, 10, 11]
    assert skips == [
        (10, R.NONCE_TOO_FAR),
        (10, R.NONCE_TOO_FAR),
        (12, R.NONCE_TOO_FAR),
        (11, R.NONCE_USED),
    ]
    assert usable(world, alice, 30) == [3, 4, 5, 6, 7, 8]
    assert place_nonces(8, 7, 6, 5, 4, 3, legs=legs)[0] == [8, 7, 6, 5, 4, 3]
    assert usable(world, alice, 30) == list(range(12, 21))


@pytest.mark.parametrize("legs", [1, 2], ids=["plain", "accumulators"])
@pytest.mark.parametrize("first", range(1, 10))
def test_nonce_ahead_is_taken_as_long_as_none_is_lost(world, alice, place_nonces, first, legs):
    """With one nonce used far ahead, each that follows shows where the window ends."""
    assert place_nonces(first, legs=legs)[0] == [first]
    # The lowest that is still open is 1, unless it is the one that was used.
    lowest = 2 if first == 1 else 1
    assert usable(world, alice, 30) == [n for n in range(1, lowest + 9) if n != first]
    for ahead in range(lowest + 9, lowest + 12):
        assert place_nonces(ahead, legs=legs) == ([], [(ahead, R.NONCE_TOO_FAR)])
    if lowest + 8 != first:
        assert place_nonces(lowest + 8, legs=legs)[0] == [lowest + 8]
    assert place_nonces(lowest, legs=legs)[0] == [lowest]


def test_nonce_zero_is_never_usable(world, alice, place_nonces):
    assert not world.sportsbook.isUsable(alice.account, 0)
    for highest in range(1, 11):
        assert place_nonces(highest)[0] == [highest]
        assert not world.sportsbook.isUsable(alice.account, 0)
    assert place_nonces(0) == ([], [(0, R.NONCE_USED)])


@pytest.mark.parametrize(
    ("kind", "line_q", "in_play", "locked"),
    [
        # stakes 10, 10, 10 at 2, 3 and 4: payouts 20, 30, 40
        (Kind.MATCH_RESULT, 0, False, 40 - 30),
        (Kind.MATCH_RESULT, 0, True, 90 - 30),
        (Kind.EUROPEAN_HANDICAP, -4, False, 40 - 30),
        (Kind.DOUBLE_CHANCE, 0, False, 70 - 30),
        (Kind.DOUBLE_CHANCE, 0, True, 90 - 30),
        (Kind.CORRECT_SCORE, 8, False, 90 - 30),
        (Kind.WINNING_MARGIN, 12, False, 90 - 30),
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


@pytest.mark.parametrize("in_play", [False, True])
def test_place_batch_locks_every_bet_on_a_proposition(world, alice, now, in_play):
    """Its result may pay any part of either outcome, rounded bet by bet."""
    market = make_market(Kind.PROPOSITION, starts_at_s=now + 3_600, in_play=in_play)
    for outcome in range(2):
        pick = Pick(market, outcome, 20_000 + 10_000 * outcome)
        world.place(world.sign(alice, pick, stake_micro=10, accepted_at_s=now, nonce=1 + outcome))
    assert world.book()["locked_micro"] == 50 - 20


def test_place_batch_locks_nothing_when_stakes_cover_all(world, alice, match, now):
    slips = [
        world.sign(alice, Pick(match, o, 25_000), stake_micro=10, accepted_at_s=now, nonce=1 + o)
        for o in range(3)
    ]
    world.place(*slips)
    assert world.book()["locked_micro"] == 0


def test_place_batch_locks_accumulators_in_full(world, alice, match, now):
    picks = (Pick(match, 0, 30_000), pick_elsewhere(now + 3_600, 0, 25_000))
    slips = [
        world.sign(alice, *picks, stake_micro=10, accepted_at_s=now, nonce=1),
        world.sign(alice, Pick(match, 0, 40_000), stake_micro=10, accepted_at_s=now, nonce=2),
    ]
    world.place(*slips)
    assert world.book()["locked_micro"] == (75 - 10) + (40 - 10)
    assert world.book()["accumulators_micro"] == 75 - 10
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


def test_place_batch_with_255_new_markets_fits_a_transaction(world):
    """Each slip is its bettor's first and writes the slots of a market and a fixture that are new.
    Accumulators write neither; 255 markets are all that a batch can refer to."""
    names = [f"Home {i} v Away {i}, 2025-05-25" for i in range(MARKET_LIST_MAX)]
    bettors = [world.stranger(number) for number in range(MARKET_LIST_MAX)]
    now = chain[-1].timestamp
    signed = [
        world.sign(
            bettor,
            Pick(make_market(starts_at_s=now + 3_600, name=name), 0, 10_100, name),
            accepted_at_s=now,
            stake_micro=100,
        )
        for bettor, name in zip(bettors, names, strict=True)
    ]
    tx = world.sportsbook.placeBatch(pack(*signed), {"from": world.operator})
    assert not placed(tx).skips
    assert tx.gas_used <= TRANSACTION_GAS_MAX


def broken(world, bettor, market, now, nonce):
    """One slip for each reason that a slip may be left out for by its own fault."""
    closed = make_market(starts_at_s=now, name="A v B, 2025-05-25")
    pick, half = Pick(market, 0), Pick(replace(market, period=Period.FIRST_HALF), 0)
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
            world.sign(bettor, pick, accepted_at_s=now - BATCH_WINDOW_S - 1, nonce=nonce),
        ),
        (R.STAKE_INVALID, world.sign(bettor, pick, **common, stake_micro=0)),
        (R.EXPOSURE_EXCEEDED, world.sign(bettor, large, **common, stake_micro=10 * UNIT)),
        (R.PAYOUT_TOO_LARGE, world.sign(bettor, large, **common, stake_micro=800 * UNIT * 210)),
        (R.ODDS_INVALID, world.sign(bettor, Pick(market, 0, 10_000), **common, min_odds_e4=0)),
        (R.LEGS_INVALID, world.sign(bettor, pick, half, **common)),
        (R.NONCE_TOO_FAR, world.sign(bettor, pick, accepted_at_s=now, nonce=nonce + 9)),
    ]


@pytest.mark.parametrize("legs", [1, 2], ids=["plain", "accumulators"])
def test_place_batch_skips_bad_slips_anywhere_in_256(world, match, now, legs):
    """The good slips around them are placed as if they were not there."""
    elsewhere = pick_elsewhere(match.starts_at_s, kind=Kind.TOTAL_GOALS, line_q=11)
    bettors = [world.stranger(i) for i in range(5)]
    size = len(broken(world, bettors[0], match, now, 1))
    starts = (0, 128, 256 - size)
    nonces = dict.fromkeys(bettors, 1)
    slips, reasons = [], {}
    for i in range(256):
        if i in starts:
            bad = broken(world, bettors[0], match, now, nonces[bettors[0]])
            reasons |= {i + n: one for n, one in enumerate(bad)}
        if i in reasons:
            slips.append(reasons[i][1])
            continue
        picks = (Pick(match, i % 3), replace(elsewhere, outcome=i % 2))[:legs]
        bettor = bettors[i % 5]
        slips.append(world.sign(bettor, *picks, accepted_at_s=now, nonce=nonces[bettor]))
        nonces[bettor] += 1
    number, batch, skips = world.place(*slips)
    assert [skip.reason for skip in skips] == [reasons[i][0] for i in sorted(reasons)]
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
