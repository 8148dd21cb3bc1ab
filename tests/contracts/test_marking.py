"""Markets that are decided: what their open bets are owed, in whatever order they are settled.

settle
├── marks a decided market with its first bet: the others are owed what they pay, to the unit, and
│   nothing is locked for them
├── never lowers what is free, whatever the market, the result and the order, bet by bet or in runs
├── owes bets that pay halves no less than they pay, rounded bet by bet
├── does not mark a market that locks its bets one by one
├── marks a market that is void, by a result or because there was none
├── leaves the marks of other markets, of the same fixture too
└── shows no mark in exposureOf, and leaves none when the last bet is settled
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from brownie import network

from protocol.market_id import Kind, Period
from tests.contracts.events import payouts, settlements
from tests.contracts.oracle import Score, market_earns, payout, proposition_earns
from tests.contracts.world import reverts
from tests.support.batches import run
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import UNIT, VOID_AFTER_S

PLAYED, VOID, BEFORE_HALF_TIME, ABANDONED, FRACTION = range(1, 6)
NO_RESULT = 0
BETS = 7


@dataclass(frozen=True)
class Case:
    """A market and its result; `goals` are those of the first half and of the match."""

    kind: Kind
    line_q: int = 0
    goals: tuple[int, int, int, int] = (0, 0, 1, 0)
    status: int = PLAYED
    period: Period = Period.FULL_TIME
    in_play: bool = False
    settled_after_s: int = 7_000
    tags: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        said = f"{self.kind.name.lower()} {self.line_q} {self.status} {self.goals}"
        return f"{said} {self.period.name.lower()}{' in play' if self.in_play else ''} {self.tags}"


CASES = [
    Case(Kind.MATCH_RESULT),
    Case(Kind.MATCH_RESULT, goals=(0, 0, 1, 1)),
    Case(Kind.MATCH_RESULT, goals=(0, 1, 1, 1), period=Period.SECOND_HALF),
    Case(Kind.MATCH_RESULT, status=VOID),
    Case(Kind.MATCH_RESULT, status=ABANDONED),
    Case(Kind.MATCH_RESULT, status=ABANDONED, goals=(1, 0, 1, 0), period=Period.FIRST_HALF),
    Case(Kind.MATCH_RESULT, status=FRACTION, goals=(1, 0, 2, 0)),
    Case(Kind.MATCH_RESULT, status=NO_RESULT),
    Case(Kind.MATCH_RESULT, settled_after_s=-1, tags="another start"),
    Case(Kind.DOUBLE_CHANCE),
    Case(Kind.DOUBLE_CHANCE, goals=(0, 0, 0, 0)),
    Case(Kind.DOUBLE_CHANCE, goals=(0, 0, 0, 2)),
    Case(Kind.DOUBLE_CHANCE, status=VOID),
    Case(Kind.DOUBLE_CHANCE, status=NO_RESULT),
    Case(Kind.DRAW_NO_BET),
    Case(Kind.DRAW_NO_BET, goals=(0, 0, 2, 2)),
    Case(Kind.TOTAL_GOALS, 10, (0, 0, 2, 1)),
    Case(Kind.TOTAL_GOALS, 12, (0, 0, 2, 1)),
    Case(Kind.TOTAL_GOALS, 9, (0, 0, 1, 1)),
    Case(Kind.TOTAL_GOALS, 7, (0, 0, 1, 1)),
    Case(Kind.TOTAL_GOALS, 7, (1, 1, 1, 1), status=BEFORE_HALF_TIME),
    Case(Kind.HOME_TOTAL_GOALS, 3, (0, 0, 1, 1)),
    Case(Kind.AWAY_TOTAL_GOALS, 5, (0, 0, 1, 1)),
    Case(Kind.ASIAN_HANDICAP, 0, (0, 0, 1, 1)),
    Case(Kind.ASIAN_HANDICAP, -1, (0, 0, 1, 1)),
    Case(Kind.ASIAN_HANDICAP, 1, (0, 0, 1, 1)),
    Case(Kind.ASIAN_HANDICAP, -3, (0, 0, 2, 1)),
    Case(Kind.ASIAN_HANDICAP, 5, (0, 0, 0, 1)),
    Case(Kind.EUROPEAN_HANDICAP, -4, (0, 0, 2, 1)),
    Case(Kind.BOTH_TEAMS_TO_SCORE, goals=(0, 0, 1, 1)),
    Case(Kind.BOTH_TEAMS_TO_SCORE, goals=(0, 0, 1, 0), status=ABANDONED),
    Case(Kind.ODD_EVEN_GOALS),
    Case(Kind.CORRECT_SCORE, 8, (0, 0, 2, 1)),
    Case(Kind.CORRECT_SCORE, 8, status=VOID),
    Case(Kind.WINNING_MARGIN, 12, (0, 0, 2, 1)),
    Case(Kind.PROPOSITION, goals=(128, 0, 255, 0), status=FRACTION),
    Case(Kind.PROPOSITION, goals=(85, 86, 255, 0), status=FRACTION),
    Case(Kind.PROPOSITION, status=VOID),
    Case(Kind.MATCH_RESULT, in_play=True),
    Case(Kind.TOTAL_GOALS, 9, (0, 0, 1, 1), in_play=True),
    Case(Kind.ASIAN_HANDICAP, -1, (0, 0, 1, 1), in_play=True),
]
GROSS = (Kind.CORRECT_SCORE, Kind.WINNING_MARGIN, Kind.PROPOSITION)


def earned(case, market):
    """What each outcome earns."""
    goals = Score(*case.goals)
    if case.status == NO_RESULT or case.settled_after_s < 0:
        return market_earns(market, VOID, goals)
    if case.kind is Kind.PROPOSITION and case.status == FRACTION:
        return proposition_earns(*case.goals[:3])
    return market_earns(market, case.status, goals)


def place(world, bettor, market, dice, first=1):
    """Seven bets of odd stakes and odds on the outcomes in turn."""
    outcomes = len(market.outcomes)
    slips = [
        world.sign(
            bettor,
            Pick(market, i % outcomes, dice.randint(10_001, 70_000)),
            stake_micro=dice.choice((1, 3, 101, 1_000_003)),
            accepted_at_s=world.clock(),
            nonce=first + i,
        )
        for i in range(BETS)
    ]
    said = world.place(*slips)
    assert not said.skips
    return said


def decide(world, case, market):
    if case.status == NO_RESULT:
        world.travel_to(market.starts_at_s + VOID_AFTER_S + 1)
        return
    home_half, away_half, home, away = case.goals
    world.travel_to(market.starts_at_s + 7_200)
    world.publish_final(
        score(
            home,
            away,
            market.starts_at_s + case.settled_after_s,
            home_half=home_half,
            away_half=away_half,
            status=case.status,
        )
    )


def pays(case, market, record):
    leg = record.legs[0]
    return payout(record.stake_micro, [(leg.odds_e4, earned(case, market)[leg.outcome])])


def seeds():
    """Ganache runs the same code much slower."""
    return 1 if "ganache" in network.show_active() else 3


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_settling_in_any_order_lowers_nothing_that_is_free(world, alice, match, now, case, seed):
    if seed >= seeds():
        pytest.skip("the same code on both chains")
    dice = random.Random(1_000 * CASES.index(case) + seed)
    market = make_market(
        case.kind,
        case.line_q,
        case.period,
        starts_at_s=match.starts_at_s,
        in_play=case.in_play,
    )
    number, batch, _ = place(world, alice, market, dice)
    is_gross = case.in_play or case.kind in GROSS
    decide(world, case, market)
    # Bet by bet, or several at a time, in an order at random.
    order = list(range(BETS))
    dice.shuffle(order)
    runs = [[bet] for bet in order]
    if seed == 2:
        runs = [order[:3], order[3:5], order[5:]]
    open_ = set(range(BETS))
    free = world.sportsbook.houseFree()
    for bets in runs:
        parts = [run(number, batch, bet, 1) for bet in bets]
        tx = world.sportsbook.settle(parts, {"from": world.owner})
        assert paid(tx) == sum(pays(case, market, batch.records[bet]) for bet in bets)
        open_ -= set(bets)
        after = world.sportsbook.houseFree()
        assert after >= free
        free = after
        check_book(world, case, market, [batch.records[bet] for bet in open_], is_gross)
    assert free == world.sportsbook.house()


def paid(tx):
    """Payouts of all runs of a transaction."""
    return sum(sum(amounts.values()) for _, _, amounts in settlements(tx))


def check_book(world, case, market, records, is_gross):
    """What the open bets of a market, the only one, are owed and lock."""
    book = world.book()
    stakes = sum(record.stake_micro for record in records)
    full = sum(record.payout_max_micro for record in records)
    assert book["pool_micro"] >= book["owed_micro"] + book["locked_micro"]
    if is_gross:
        assert (book["owed_micro"], book["locked_micro"]) == (stakes, full - stakes)
    else:
        owed = sum(pays(case, market, record) for record in records)
        assert book["locked_micro"] == 0
        # Halves are rounded down bet by bet, and what is owed is rounded up once.
        assert owed <= book["owed_micro"] <= owed + (len(records) + 1) // 2 + 1
        if not any(e.win % 1 or e.refund % 1 for e in earned(case, market)):
            assert book["owed_micro"] == owed
    found, found_stakes = world.sportsbook.exposureOf(int.from_bytes(market.pack(), "big"))
    assert (sum(found), found_stakes) == (full, stakes)


@pytest.mark.parametrize("first", ["winner", "loser"])
def test_first_settlement_frees_what_the_worst_case_locked(world, alice, bob, match, now, first):
    """The whole of it, whoever is settled first."""
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0, 20_000), stake_micro=10 * UNIT, accepted_at_s=now),
        world.sign(bob, Pick(match, 2, 50_000), stake_micro=10 * UNIT, accepted_at_s=now),
    )
    house = world.sportsbook.house()
    assert world.book()["locked_micro"] == 30 * UNIT
    world.end_match(match)
    bettor = alice if first == "winner" else bob
    bet = next(i for i, r in enumerate(batch.records) if r.account == bettor.account)
    world.settle(number, batch, bet, 1)
    book = world.book()
    assert (book["owed_micro"], book["locked_micro"]) == (0 if first == "winner" else 20 * UNIT, 0)
    assert world.sportsbook.houseFree() == world.sportsbook.house() == house
    world.settle(number, batch, 1 - bet, 1)
    assert world.sportsbook.houseFree() == house


def test_mark_counts_over_batches_and_markets_of_one_call(world, alice, bob, match, now):
    """Two batches on two markets of one fixture; each market is marked by its own first bet."""
    total = make_market(Kind.TOTAL_GOALS, 9, starts_at_s=match.starts_at_s)
    picks = [Pick(match, 0), Pick(match, 2), Pick(total, 0), Pick(total, 1)]
    made = [
        world.place(
            *(
                world.sign(bettor, pick, stake_micro=7, accepted_at_s=now, nonce=1 + i)
                for i, pick in enumerate(picks)
            )
        )
        for bettor in (alice, bob)
    ]
    assert world.book()["locked_micro"] == 0
    world.end_match(match, 2, 0)
    (one, first, _), (two, second, _) = made
    bet = next(i for i, r in enumerate(first.records) if r.nonce == 1)
    world.settle(one, first, bet, 1)
    # Of the match three bets are open, one of which wins; of the total all four, none marked.
    assert world.book()["owed_micro"] == 14 + 4 * 7
    runs = [run(one, first), run(two, second)]
    tx = world.sportsbook.settle(runs, {"from": world.owner})
    # Two goals under 2.25 are half a win, and half a loss over it.
    assert paid(tx) == 14 + 2 * (7 * 3 // 2) + 2 * (7 // 2)
    assert world.book()["owed_micro"] == 0
    for market in (match, total):
        assert world.sportsbook.exposureOf(int.from_bytes(market.pack(), "big")) == ((0, 0, 0), 0)


def test_market_that_is_gone_leaves_no_mark(world, alice, match, now):
    """A word of zero: or the market would look like one with a bet on it."""
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    world.end_match(match, 0, 1)
    assert payouts(world.settle(number, batch)) == {}
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    assert world.sportsbook.exposureOf(int.from_bytes(match.pack(), "big")) == ((0, 0, 0), 0)
    assert world.book()["owed_micro"] == world.book()["locked_micro"] == 0


def test_deposit_between_settlements_is_priced_without_their_order(world, alice, bob, match, now):
    """What comes in is valued at what the house has if every open bet loses; what decided bets are
    owed is no longer part of that once the first of them is settled."""
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=100 * UNIT, accepted_at_s=now),
        world.sign(bob, Pick(match, 2), stake_micro=100 * UNIT, accepted_at_s=now),
    )
    world.end_match(match)
    bank, owner = world.bankroll, world.owner
    for bet in range(2):
        before = bank.previewRedeem(bank.balanceOf(owner))
        world.settle(number, batch, bet, 1)
        shares = bank.deposit(10 * UNIT, owner, {"from": owner}).events["Deposit"]["shares"]
        assert bank.previewRedeem(shares) <= 10 * UNIT
        assert bank.previewRedeem(bank.balanceOf(owner)) >= before
