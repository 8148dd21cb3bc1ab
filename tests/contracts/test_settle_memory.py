"""Memory that settling reads beside what it means to read.

settle
├── of an outcome whose word would lie behind the markets' own, pays what the result says: nothing
│   for a lost bet, nothing for one whose match has not begun
└── of the widest market, pays the one outcome that happened, behind winners and before them
"""

import pytest

from indexer.market_id import Kind
from tests.contracts.world import NAME, UNIT, Pick, payouts, score, settled_bets

# Ends in three bytes of zero; with what stands behind the newest payout they make 26.
ROUND_PAYOUT_MICRO = 2**24
# Two more, then 01 01 00 08: what settling knows of an outcome from 8 to 11 that won for all bets.
CARRIER_MICRO = 0x01_01_00_08_00
WINNERS = 11
CARRIER = 2
OUTCOME = 10
LATER = "Leeds v Hull, 2025-05-26"


@pytest.fixture
def five(world, match):
    """Five markets of the match; what is bet on them here wins with a 1:0."""
    starts_at_s = match.starts_at_s
    return [
        match,
        world.market(Kind.DOUBLE_CHANCE, starts_at_s=starts_at_s),
        world.market(Kind.DRAW_NO_BET, starts_at_s=starts_at_s),
        world.market(Kind.TOTAL_GOALS, 2, starts_at_s=starts_at_s),
        world.market(Kind.HOME_TOTAL_GOALS, 2, starts_at_s=starts_at_s),
    ]


@pytest.mark.parametrize(
    ("name", "days", "settled"), [(NAME, 0, True), (LATER, 1, False)], ids=["lost", "not-begun"]
)
def test_settle_pays_nobody_for_bytes_behind_the_markets(
    world, alice, match, five, now, name, days, settled
):
    """The word of outcome 10 of the last of six markets would lie among the payouts. There the
    zeros of the eleventh payout meet the third bet's stake, left over from hashing the batch."""
    world.sportsbook.depositFor(alice.address, 10_000 * UNIT, {"from": world.owner})
    before = world.balance(alice)
    stakes = [UNIT] * WINNERS
    stakes[CARRIER] = CARRIER_MICRO
    stakes[-1] = ROUND_PAYOUT_MICRO // 2
    slips = [
        world.sign(alice, Pick(five[i % 5], 0), stake_micro=stake, accepted_at_s=now, nonce=1 + i)
        for i, stake in enumerate(stakes)
    ]
    starts_at_s = match.starts_at_s + days * 24 * 3_600
    scores = world.market(Kind.CORRECT_SCORE, 16, starts_at_s=starts_at_s, name=name)
    bad = Pick(scores, OUTCOME, 500_000, name)
    slips.append(world.sign(alice, bad, accepted_at_s=now, nonce=1 + WINNERS))
    number, batch, skips = world.place(*slips)
    assert not skips
    assert batch.markets[5] == scores.pack()
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(1, 0, match.starts_at_s + 7_000))
    tx = world.settle(number, batch)
    assert payouts(tx) == {i: 2 * stake for i, stake in enumerate(stakes)}
    assert settled_bets(tx) == list(range(WINNERS + settled))
    assert world.balance(alice) == before + sum(stakes) - UNIT


@pytest.mark.parametrize("winners_first", [True, False])
@pytest.mark.parametrize("parts", [(123,), (20, 103), (103, 20), (61, 62)])
def test_settle_pays_one_outcome_of_the_widest_market(
    world, match, five, now, winners_first, parts
):
    """Correct scores to 9:9 have 103 outcomes. 4:2 is the 43rd of them."""
    bettor = world.stranger(1)
    scores = world.market(Kind.CORRECT_SCORE, 36, starts_at_s=match.starts_at_s)
    happened = 4 * 10 + 2
    picks = [Pick(scores, outcome) for outcome in range(103)]
    winners = [Pick(five[i % 5], 0) for i in range(20)]
    picks = winners + picks if winners_first else picks + winners
    slips = [
        world.sign(bettor, pick, accepted_at_s=now, nonce=1 + i) for i, pick in enumerate(picks)
    ]
    number, batch, skips = world.place(*slips)
    assert not skips
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(4, 2, match.starts_at_s + 7_000))
    before, first = world.balance(bettor), 0
    for bets in parts:
        expected = {
            i: 2 * UNIT
            for i in range(first, first + bets)
            if picks[i].market != scores or picks[i].outcome == happened
        }
        assert payouts(world.settle(number, batch, first, bets)) == expected
        first += bets
    assert world.balance(bettor) == before + 21 * 2 * UNIT
    assert world.book()["locked_micro"] == world.book()["open_stakes_micro"] == 0
