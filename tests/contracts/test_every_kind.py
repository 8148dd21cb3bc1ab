"""The full lifecycle of a bet, for every kind of market.

placeBatch and settle, given every outcome of every kind of market in every period
├── take the signature over their names
└── pay what the oracle says, when the match was played, abandoned, or void
"""

import pytest

from protocol.market_id import KIND_NAMES, TOTAL_KINDS, WIDE_KINDS, Kind, Period
from tests.contracts.events import payouts, settled_bets
from tests.contracts.oracle import (
    ABANDONED,
    BEFORE_HALF_TIME,
    PLAYED,
    VOID_STATUS,
    Score,
    market_earns,
    payout,
)
from tests.support.signing import score
from tests.support.slips import Pick, make_market

STAKE_MICRO = 10_007
ODDS_E4 = 23_457
# A whole line, a half and a quarter; for names of goals the most that there are.
TOTALS = {Period.FULL_TIME: 8, Period.FIRST_HALF: 6, Period.SECOND_HALF: 5}
HANDICAPS = {Period.FULL_TIME: -4, Period.FIRST_HALF: 2, Period.SECOND_HALF: -1}
WIDE = {Period.FULL_TIME: 12, Period.FIRST_HALF: 4, Period.SECOND_HALF: 8}


def line_of(kind, period):
    if kind in TOTAL_KINDS:
        return TOTALS[period]
    if kind is Kind.ASIAN_HANDICAP:
        return HANDICAPS[period]
    if kind is Kind.EUROPEAN_HANDICAP:
        return {-4: -4, 2: 8, -1: -8}[HANDICAPS[period]]
    return WIDE[period] if kind in WIDE_KINDS else 0


@pytest.mark.parametrize(
    ("status", "goals"),
    [
        (PLAYED, Score(0, 0, 0, 0)),
        (PLAYED, Score(1, 0, 2, 1)),
        (PLAYED, Score(0, 2, 1, 5)),
        (PLAYED, Score(0, 1, 0, 1)),
        (PLAYED, Score(4, 4, 9, 9)),
        (BEFORE_HALF_TIME, Score(1, 2, 1, 2)),
        (ABANDONED, Score(2, 0, 2, 2)),
        (VOID_STATUS, Score(0, 0, 0, 0)),
    ],
)
@pytest.mark.parametrize("legs", [1, 2], ids=["singles", "doubles"])
def test_every_outcome_is_bet_on_and_paid(world, alice, match, now, status, goals, legs):
    starts_at_s = match.starts_at_s
    other = Pick(
        make_market(starts_at_s=starts_at_s, name="Sure v Thing"), 0, ODDS_E4, "Sure v Thing"
    )
    markets = [
        make_market(kind, line_of(kind, period), period, starts_at_s=starts_at_s)
        for kind in KIND_NAMES
        for period in Period
        if kind is not Kind.PROPOSITION
    ]
    picks = [Pick(m, outcome, ODDS_E4) for m in markets for outcome in range(len(m.outcomes))]
    assert 100 < len(picks) <= 256
    signed = [
        world.sign(
            alice,
            pick,
            *[other][: legs - 1],
            stake_micro=STAKE_MICRO,
            accepted_at_s=now,
            nonce=number,
        )
        for number, pick in enumerate(picks, 1)
    ]
    number, batch, skips = world.place(*signed)
    assert skips == ()

    world.travel_to(starts_at_s + 7_200)
    halves = {"home_half": goals.home_half, "away_half": goals.away_half}
    world.publish_final(
        score(goals.home_full, goals.away_full, world.now(), status=status, **halves),
        score(1, 0, world.now(), name="Sure v Thing"),
    )
    tx = world.settle(number, batch)
    assert settled_bets(tx) == list(range(len(picks)))
    earned = [market_earns(pick.market, status, goals)[pick.outcome] for pick in picks]
    won = market_earns(other.market, PLAYED, Score(0, 0, 1, 0))[0]
    expected = {
        index: paid
        for index, e in enumerate(earned)
        if (paid := payout(STAKE_MICRO, [(ODDS_E4, e), (ODDS_E4, won)][:legs]))
    }
    assert payouts(tx) == expected
    assert world.book()["owed_micro"] == world.book()["locked_micro"] == 0
