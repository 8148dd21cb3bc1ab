"""What makes a bet void, and when a market is decided.

settle, given a market before the match
├── and no result: undecided for 7 days after the start, void after them
├── and a result published later than that: void, also when it says who won
├── and a result published in time: as it says, however late it becomes final
├── and a void result: void
├── and a result whose bets count only up to a time before the start: void for all
└── and a result from the start on: as it says, also for a bet placed by receipt after it
settle, given an in-play market
├── a bet accepted up to the time to which bets count: as the score says
└── a bet accepted later: void, next to others that are not
settle, given an accumulator
├── a void leg counts as odds of 1
├── a lost leg loses all, at once, whatever the others are waiting for
├── a half-win and a half-loss multiply, rounded down once
└── a leg without a result keeps it open otherwise
settle agrees with backend.settlement.payout for each of these
"""

import pytest

from protocol.market_id import Kind, fixture_id
from protocol.outcomes import ResultStatus, Score
from tests.contracts.events import payouts, settled_bets
from tests.contracts.world import reverts
from tests.support.leg_fraction import PublishedResult, leg_fraction, payout_down
from tests.support.signing import score
from tests.support.slips import NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import BANKROLL_MICRO, DISPUTE_WINDOW_S, UNIT, VOID_AFTER_S

OTHER = "Leeds v Hull, 2025-05-25"


def settle_one(world, number, batch):
    tx = world.settle(number, batch)
    assert settled_bets(tx) == list(range(len(batch.records)))
    return payouts(tx)


def expected(world, pick, stake, accepted_at_s, result=None):
    """What the backend's rules pay for a single."""
    published = None
    if result is not None:
        held = world.sportsbook.resultOf(result.fixture)
        goals = Score(result.home_half, result.away_half, result.home_full, result.away_full)
        published = PublishedResult(ResultStatus(result.status), goals, held[5], held[6], held[7])
    earned = leg_fraction(
        pick.market, pick.outcome, accepted_at_s, published, world.now(), VOID_AFTER_S
    )
    return None if earned is None else payout_down(stake, [(pick.odds_e4, earned)])


def test_market_without_result_is_void_after_seven_days(world, alice, match, now):
    pick = Pick(match, 0)
    number, batch, _ = world.place(world.sign(alice, pick, accepted_at_s=now))
    world.travel_to(match.starts_at_s + VOID_AFTER_S - 5)
    assert expected(world, pick, UNIT, now) is None
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.travel_to(match.starts_at_s + VOID_AFTER_S + 1)
    assert expected(world, pick, UNIT, now) == UNIT
    assert settle_one(world, number, batch) == {0: UNIT}
    assert world.book()["locked_micro"] == 0


def test_result_published_after_seven_days_comes_too_late(world, alice, match, now):
    pick = Pick(match, 0)
    number, batch, _ = world.place(world.sign(alice, pick, accepted_at_s=now))
    world.travel_to(match.starts_at_s + VOID_AFTER_S + 1)
    result = score(3, 0, match.starts_at_s + 7_000)
    world.publish(result)
    assert expected(world, pick, UNIT, now, result) == UNIT
    assert settle_one(world, number, batch) == {0: UNIT}


def test_result_published_in_time_counts_when_final_later(world, alice, match, now):
    pick = Pick(match, 0)
    number, batch, _ = world.place(world.sign(alice, pick, accepted_at_s=now))
    result = score(3, 0, match.starts_at_s + 7_000)
    world.at(match.starts_at_s + VOID_AFTER_S)
    final_at = world.publish(result).events["ResultsPublished"]["finalAt"]
    world.travel_to(final_at - 5)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.travel_to(final_at)
    assert expected(world, pick, UNIT, now, result) == 2 * UNIT
    assert settle_one(world, number, batch) == {0: 2 * UNIT}


def test_correction_late_in_the_window_counts(world, alice, match, now):
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    world.at(match.starts_at_s + VOID_AFTER_S)
    world.publish(score(0, 3, match.starts_at_s + 7_000))
    corrected = world.rule(score(3, 0, match.starts_at_s + 7_000))
    world.travel_to(corrected.events["ResultCorrected"]["finalAt"])
    assert settle_one(world, number, batch) == {0: 2 * UNIT}


@pytest.mark.parametrize(("status", "settled_after_s"), [(2, 7_000), (2, 0), (1, -1)])
def test_fixture_that_was_not_played_is_void(world, alice, match, now, status, settled_after_s):
    pick = Pick(match, 0)
    number, batch, _ = world.place(world.sign(alice, pick, accepted_at_s=now))
    world.travel_to(match.starts_at_s + 7_200)
    result = score(1, 0, match.starts_at_s + settled_after_s, status=status)
    world.publish_final(result)
    assert expected(world, pick, UNIT, now, result) == UNIT
    assert settle_one(world, number, batch) == {0: UNIT}


def test_result_that_counts_from_the_start_holds(world, alice, match, now):
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(1, 0, match.starts_at_s))
    assert settle_one(world, number, batch) == {0: 2 * UNIT}


def test_in_play_bets_are_void_one_by_one(world, alice, now):
    market = make_market(starts_at_s=now - 1_000, in_play=True)
    at = [now - 20, now - 10, now - 9]
    slips = [
        world.sign(alice, Pick(market, 0), accepted_at_s=when, nonce=1 + i)
        for i, when in enumerate(at)
    ]
    number, batch, _ = world.place(*slips)
    result = score(1, 0, now - 10)
    world.publish_final(result)
    found = settle_one(world, number, batch)
    assert found == {0: 2 * UNIT, 1: 2 * UNIT, 2: UNIT}
    assert [expected(world, Pick(market, 0), UNIT, when, result) for when in at] == [
        *found.values()
    ]
    assert world.book()["locked_micro"] == world.book()["owed_micro"] == 0


@pytest.mark.parametrize(
    ("home", "away", "paid"),
    [
        # Legs: home -0.25 at 1.9, under 2.25 at 2.1; stake 1,001.
        (1, 0, 1_001 * 19 * 21 // 100),  # win, win
        (1, 1, 1_001 * 1 * 31 // (2 * 20)),  # half-loss, half-win
        (2, 1, 0),  # win, loss
        (0, 1, 0),  # loss, win
        (2, 0, 1_001 * 19 * 31 // (10 * 20)),  # win, half-win
    ],
)
def test_accumulator_multiplies_fractions(world, alice, match, now, home, away, paid):
    """Both matches end alike."""
    handicap = make_market(Kind.ASIAN_HANDICAP, -1, starts_at_s=match.starts_at_s)
    total = make_market(Kind.TOTAL_GOALS, 9, starts_at_s=match.starts_at_s, name=OTHER)
    number, batch, _ = world.place(
        world.sign(
            alice,
            Pick(handicap, 0, 19_000),
            Pick(total, 1, 21_000, OTHER),
            stake_micro=1_001,
            accepted_at_s=now,
        )
    )
    world.travel_to(match.starts_at_s + 7_200)
    settled_at_s = match.starts_at_s + 7_000
    world.publish_final(
        score(home, away, settled_at_s), score(home, away, settled_at_s, name=OTHER)
    )
    tx = world.settle(number, batch)
    assert payouts(tx).get(0, 0) == paid
    assert world.book()["locked_micro"] == 0


def test_accumulator_counts_void_leg_as_one(world, alice, match, now):
    other = make_market(starts_at_s=match.starts_at_s, name=OTHER)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), Pick(other, 0, 30_000, OTHER), accepted_at_s=now)
    )
    world.travel_to(match.starts_at_s + 7_200)
    settled_at_s = match.starts_at_s + 7_000
    world.publish_final(score(1, 0, settled_at_s))
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.publish_final(score(0, 0, settled_at_s, name=OTHER, status=2))
    assert settle_one(world, number, batch) == {0: 2 * UNIT}


@pytest.mark.parametrize("lost", [0, 1], ids=["first leg", "last leg"])
def test_accumulator_with_a_lost_leg_is_settled_at_once(world, alice, now, lost):
    """Whatever becomes of the other legs, it pays nothing: it must not stay locked for them."""
    names = sorted((NAME, OTHER), key=fixture_id)
    starts = [now + 3_600 if i == lost else now + 300 * 86_400 for i in range(2)]
    picks = [
        Pick(make_market(starts_at_s=start_s, name=name), 0, 40_000, name)
        for start_s, name in zip(starts, names, strict=True)
    ]
    number, batch, _ = world.place(world.sign(alice, *picks, accepted_at_s=now))
    assert world.book()["locked_micro"] == world.book()["accumulators_micro"] == 15 * UNIT
    world.travel_to(now + 3_600 + 7_200)
    published = world.publish(score(0, 1, now + 3_600 + 7_000, name=names[lost]))
    # Not before its result is final, which the arbiter may still replace.
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S)
    assert settle_one(world, number, batch) == {}
    book = world.book()
    assert (book["locked_micro"], book["accumulators_micro"], book["owed_micro"]) == (0, 0, 0)
    assert world.sportsbook.house() == BANKROLL_MICRO + UNIT
    with reverts("NothingToSettle"):
        world.settle(number, batch)


@pytest.mark.parametrize(("home", "away"), [(1, 1), (1, 0)], ids=["half lost", "won"])
def test_accumulator_waits_for_the_others_while_it_could_still_pay(
    world, alice, match, now, home, away
):
    """A half-lost leg leaves something, and so does any but a lost one."""
    handicap = Pick(make_market(Kind.ASIAN_HANDICAP, -1, starts_at_s=match.starts_at_s), 0)
    later = pick_elsewhere(now + 86_400)
    number, batch, _ = world.place(world.sign(alice, handicap, later, accepted_at_s=now))
    world.end_match(match, home, away)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    assert world.book()["accumulators_micro"] == 3 * UNIT
