"""Attacks with the dust that is left when payouts are rounded (F1 of docs/attacks.md).

what is locked
├── is every bet of a proposition in full, so that no fraction pays more
└── never makes the pool smaller than what is owed and locked, whatever the market
"""

from __future__ import annotations

import pytest

from protocol.market_id import Kind
from protocol.placed_event import SkipReason
from tests.contracts.attack_checks import holds, reasons
from tests.support.signing import score
from tests.support.slips import Pick, make_market

DAY_S = 86_400
FRACTION = 5


@pytest.fixture
def proposition(now):
    return make_market(Kind.PROPOSITION, starts_at_s=now + 2 * DAY_S)


def dust(world, bettor, market, at_s, base=0):
    """Four micro-units on Yes at 1.9999 and one on No at 5: netted, they would lock nothing."""
    picks = [Pick(market, 0, 19_999)] * 4 + [Pick(market, 1, 50_000)]
    return [
        world.sign(bettor, pick, stake_micro=1, accepted_at_s=at_s, nonce=base + 1 + i)
        for i, pick in enumerate(picks)
    ]


def test_dust_on_a_proposition_finds_no_bankroll_of_nothing(world, alice, proposition):
    """F1. Five bets of one micro-unit locked nothing; a result of 128/255 paid six, since each bet
    was rounded by itself. The pool fell below zero, which made it 2^64 - 1, and a shareholder then
    withdrew every token in the contract. Now a proposition locks each bet in full."""
    at_s = world.leave_in_bankroll(0)
    said = world.place(*dust(world, alice, proposition, at_s))
    # Yes pays 1 for 1, at whatever fraction. No would have to be paid from stakes on Yes.
    assert [record.nonce for record in said.batch.records] == [1, 2, 3, 4]
    assert reasons(said) == [SkipReason.EXPOSURE_EXCEEDED]


@pytest.mark.parametrize("parts", [(128, 0, 255), (1, 1, 255), (254, 1, 255), (1, 0, 3), (0, 1, 7)])
def test_dust_on_a_proposition_is_covered_to_the_unit(world, alice, proposition, parts):
    """F1, with just as much bankroll as the bets lock: whatever the fraction, it is enough. Settled
    one by one, the pool covers what is owed and locked after each."""
    at_s = world.leave_in_bankroll(4)
    said = world.place(*dust(world, alice, proposition, at_s))
    # Yes pays 1 for 1 four times and locks nothing; No locks 4.
    assert len(said.batch.records) == 5
    assert holds(world)["locked_micro"] == 4
    world.travel_to(proposition.starts_at_s + 7_200)
    win, refund, of = parts
    world.publish_final(
        score(of, 0, proposition.starts_at_s, home_half=win, away_half=refund, status=FRACTION)
    )
    for bet in range(5):
        world.settle(said.number, said.batch, bet, 1)
        holds(world)
    held = world.token.balanceOf(world.sportsbook)
    assert held == world.balance(alice) + world.book()["pool_micro"]


@pytest.mark.parametrize(
    ("kind", "line_q", "outcomes"),
    [
        (Kind.MATCH_RESULT, 0, 3),
        (Kind.DOUBLE_CHANCE, 0, 3),
        (Kind.DRAW_NO_BET, 0, 2),
        (Kind.TOTAL_GOALS, 5, 2),
        (Kind.TOTAL_GOALS, 3, 2),
        (Kind.ASIAN_HANDICAP, -3, 2),
        (Kind.ASIAN_HANDICAP, -4, 2),
        (Kind.EUROPEAN_HANDICAP, -4, 3),
        (Kind.BOTH_TEAMS_TO_SCORE, 0, 2),
        (Kind.ODD_EVEN_GOALS, 0, 2),
        (Kind.CORRECT_SCORE, 8, 12),
        (Kind.WINNING_MARGIN, 12, 7),
        (Kind.PROPOSITION, 0, 2),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Kind) else str(value),
)
@pytest.mark.parametrize("in_play", [False, True], ids=["before", "in play"])
def test_dust_on_any_market_is_covered_to_the_unit(
    world, alice, now, kind, line_q, outcomes, in_play
):
    """F1, for every kind: one micro-unit on each outcome at odds that round badly, in a house that
    has just what they lock, settled by every part of a score that pays halves."""
    market = make_market(kind, line_q, starts_at_s=now + 2 * DAY_S, in_play=in_play)
    # What the bets lock is what the house is left with.
    at_s = world.now()
    slips = [
        world.sign(
            alice,
            Pick(market, i % outcomes, 19_999 + 10_000 * (i % 5)),
            stake_micro=1 + i % 3,
            accepted_at_s=at_s,
            nonce=1 + i,
        )
        for i in range(2 * outcomes)
    ]
    number, batch, skips = world.place(*slips)
    assert not skips
    locked = holds(world)["locked_micro"]
    world.leave_in_bankroll(0)
    assert world.sportsbook.house() == locked
    world.travel_to(market.starts_at_s + 7_200)
    status = FRACTION if kind is Kind.PROPOSITION else 1
    goals = {"home_half": 128, "away_half": 0} if status == FRACTION else {}
    home = 255 if status == FRACTION else 1
    world.publish_final(score(home, 0, market.starts_at_s + 7_000, status=status, **goals))
    for bet in range(len(batch.records)):
        free = world.sportsbook.houseFree()
        world.settle(number, batch, bet, 1)
        holds(world)
        assert world.sportsbook.houseFree() >= free
    assert world.book()["owed_micro"] == world.book()["locked_micro"] == 0
