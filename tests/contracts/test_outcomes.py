"""What results make of outcomes, and what bets then pay: the contract against rational numbers.

Outcomes equals tests.contracts.oracle
├── for every kind of market, line, period and outcome
├── at every score from 0:0 to 9:9, with half-time scores
├── when the match was played, abandoned before half-time, or after it
├── for no market when the fixture was void, or was a proposition
└── for propositions of every fraction up to 255 parts
settle pays what the oracle says, rounded down once
├── for accumulators of 1 to 12 legs at any fractions and odds
└── for the largest payouts and the smallest fractions that there can be
Markets.outcomes
└── counts the outcomes that the market id's names have

A market of the second half counts what lies between half-time and the end: there all 3,025 pairs of
a half-time score and a score up to 9:9 are tried. Elsewhere the goals of the other half do not
count, and three scores of it beside each one stand for all; so they do for the widest markets
(correct score, winning margin) of the second half.
"""

import random
from fractions import Fraction
from functools import cache
from itertools import product

import pytest
from brownie import OutcomeGrid, network

from protocol.market_id import (
    TOTAL_KINDS,
    WIDE_KINDS,
    Kind,
    MarketId,
    Period,
    fixture_id,
)
from tests.contracts.events import payouts, settled_bets
from tests.contracts.oracle import (
    ABANDONED,
    BEFORE_HALF_TIME,
    FRACTION,
    PLAYED,
    VOID_STATUS,
    Earned,
    Score,
    earns,
    market_earns,
    payout,
    proposition_earns,
)
from tests.support.signing import score
from tests.support.slips import NAME, Pick, make_market
from tests.support.terms import MAX_MICRO

MOST = 9
TOTAL_LINES = (*range(1, 22), 30, 35, 36, 37, 69, 70, 71, 72, 73)
HANDICAPS = (*range(-13, 14), -36, -35, 35, 36)
EUROPEAN = (-36, -12, -8, -4, 0, 4, 8, 12, 36)
WIDE_LINES = tuple(4 * most for most in range(1, 10))
# Fractions per call: its gas stays below 30 million.
EVALUATIONS = 5_000
NOT_DECIDED = 0xFF


def lines(kind):
    if kind in TOTAL_KINDS:
        return TOTAL_LINES
    if kind is Kind.ASIAN_HANDICAP:
        return HANDICAPS
    if kind is Kind.EUROPEAN_HANDICAP:
        return EUROPEAN
    return WIDE_LINES if kind in WIDE_KINDS else (0,)


@cache
def scores(period, wide, status):
    """Scores up to 9:9 that a market of this period can see."""
    pairs = list(product(range(MOST + 1), repeat=2))
    if status == BEFORE_HALF_TIME:
        found = {Score(h, a, h, a) for h, a in pairs}
    elif period is Period.FIRST_HALF:
        found = {Score(h, a, x, y) for h, a in pairs for x, y in between(h, a, MOST, MOST)}
    elif period is Period.FULL_TIME:
        found = {Score(x, y, h, a) for h, a in pairs for x, y in between(0, 0, h, a)}
    elif wide:
        found = {
            Score(x, y, x + h, y + a)
            for h, a in pairs
            for x, y in between(0, 0, MOST - h, MOST - a)
        }
    else:
        found = {Score(x, y, h, a) for h, a in pairs for x in range(h + 1) for y in range(a + 1)}
    every = sorted(found)
    # The rules are the same code on both chains; Ganache takes a hundred times as long for it.
    return every[::41] if "ganache" in network.show_active() else every


def between(x, y, home, away):
    return {(x, y), ((x + home) // 2, (y + away) // 2), (home, away)}


def number(kind, line_q, period):
    market = MarketId(fixture_id(NAME), 2**31, kind, period, line_q)
    return market, int.from_bytes(market.pack(), "big")


def fractions_of(grid, packed, count, status, every):
    """What the contract says at each score: for each outcome what it earns, None when undecided."""
    step = EVALUATIONS // count
    for start in range(0, len(every), step):
        part = every[start : start + step]
        held = bytes(grid.fractions(packed, b"".join(bytes((status, *one)) for one in part)))
        assert len(held) == len(part) * count
        for at, one in enumerate(part):
            yield one, held[at * count : (at + 1) * count]


@cache
def as_byte(earned):
    """As the grid writes it."""
    win, refund = earned.win * 2, earned.refund * 2
    assert win.denominator == refund.denominator == 1
    return int(win) | int(refund) << 4


@pytest.mark.parametrize("status", [PLAYED, BEFORE_HALF_TIME, ABANDONED])
@pytest.mark.parametrize(
    "kind", [k for k in Kind if k is not Kind.PROPOSITION], ids=lambda kind: kind.name.lower()
)
def test_outcomes_equal_oracle_at_every_score(world, kind, status):
    if "ganache" in network.show_active() and status != PLAYED:
        pytest.skip("the same code on both chains, and four minutes of it")
    grid = OutcomeGrid.deploy({"from": world.owner})
    decided = set()
    for period, line_q in product(Period, lines(kind)):
        market, packed = number(kind, line_q, period)
        count = len(market.outcomes)
        assert world.harness.outcomes(packed) == count
        every = scores(period, kind in WIDE_KINDS, status)
        for one, held in fractions_of(grid, packed, count, status, every):
            expected = market_earns(market, status, one)
            if held == bytes((NOT_DECIDED,)) * count:
                assert all(earned == Earned(0, 1) for earned in expected), (market, one)
                decided.add(False)
            else:
                assert held == bytes(as_byte(earned) for earned in expected), (market, one)
                decided.add(True)
    # Every status has been seen to decide what it can.
    never = status == BEFORE_HALF_TIME and kind not in (TOTAL_KINDS | {Kind.BOTH_TEAMS_TO_SCORE})
    assert decided == ({True} if status == PLAYED else {False} if never else {True, False})


@pytest.mark.parametrize("status", [VOID_STATUS, FRACTION])
def test_market_of_a_score_is_not_decided_without_a_score(world, status):
    grid = OutcomeGrid.deploy({"from": world.owner})
    for kind, period in product(Kind, Period):
        if kind is Kind.PROPOSITION:
            continue
        market, packed = number(kind, lines(kind)[-1], period)
        held = bytes(grid.fractions(packed, bytes((status, 1, 0, 1, 0))))
        assert held == bytes((NOT_DECIDED,)) * len(market.outcomes)


def test_proposition_is_not_decided_by_a_score(world):
    grid = OutcomeGrid.deploy({"from": world.owner})
    _, packed = number(Kind.PROPOSITION, 0, Period.FULL_TIME)
    for status in (PLAYED, VOID_STATUS, BEFORE_HALF_TIME, ABANDONED):
        assert set(bytes(grid.fractions(packed, bytes((status, 1, 0, 1, 0))))) == {NOT_DECIDED}


def fractions_up_to(most):
    """Dead heats of n for one place and for several, and refunds of what is left."""
    for parts in range(1, most + 1):
        for win in sorted({0, 1, 2, parts // 3, parts // 2, parts - 1, parts}):
            for refund in sorted({0, 1, (parts - win) // 2, parts - win}):
                if refund >= 0 and win + refund <= parts:
                    yield win, refund, parts


def test_propositions_equal_oracle(world):
    """A full win and a full loss are given in halves, whatever the parts."""
    _, packed = number(Kind.PROPOSITION, 0, Period.FULL_TIME)
    every = list(fractions_up_to(12)) + [f for f in fractions_up_to(255) if f[2] in (13, 100, 255)]
    if "ganache" in network.show_active():
        every = every[::7]
    for win, refund, parts in every:
        for outcome, earned in enumerate(proposition_earns(win, refund, parts)):
            held = world.harness.proposition(packed, outcome, win, refund, parts)
            assert Fraction(held[0], held[2]) == earned.win
            assert Fraction(held[1], held[2]) == earned.refund
            assert held[2] == (2 if earned.win == 1 or earned == (0, 0) else parts)


def test_lines_cover_every_kind_that_has_one():
    lined = TOTAL_KINDS | WIDE_KINDS | {Kind.ASIAN_HANDICAP, Kind.EUROPEAN_HANDICAP}
    assert {kind for kind in Kind if len(lines(kind)) > 1} == lined
    assert {line % 4 for line in TOTAL_LINES} == {line % 4 for line in HANDICAPS} == {0, 1, 2, 3}


# -- Through settle itself


def fixture_name(index):
    return f"A{index} v B{index}, 2025-05-25"


class Card:
    """24 fixtures: half of them propositions of all sorts of fractions, half of them 2:1, whose
    markets are won, lost, void, half won or half lost."""

    FRACTIONS = (
        (1, 0, 1),
        (0, 0, 1),
        (0, 1, 1),
        (1, 0, 2),
        (1, 1, 3),
        (2, 0, 7),
        (1, 0, 255),
        (254, 0, 255),
        (254, 1, 255),
        (127, 128, 255),
        (0, 254, 255),
        (85, 85, 251),
    )
    SCORED = (
        (Kind.TOTAL_GOALS, 11),
        (Kind.TOTAL_GOALS, 13),
        (Kind.TOTAL_GOALS, 12),
        (Kind.ASIAN_HANDICAP, -3),
        (Kind.ASIAN_HANDICAP, -5),
        (Kind.MATCH_RESULT, 0),
        (Kind.CORRECT_SCORE, 12),
        (Kind.WINNING_MARGIN, 12),
        (Kind.DOUBLE_CHANCE, 0),
        (Kind.EUROPEAN_HANDICAP, -4),
        (Kind.DRAW_NO_BET, 0),
        (Kind.ODD_EVEN_GOALS, 0),
    )

    def __init__(self, world, starts_at_s):
        self.markets = [
            make_market(
                *(self.SCORED[i - 12] if i >= 12 else (Kind.PROPOSITION, 0)),
                starts_at_s=starts_at_s,
                name=fixture_name(i),
            )
            for i in range(24)
        ]
        self.starts_at_s = starts_at_s

    def results(self):
        at = self.starts_at_s + 7_000
        for i, (win, refund, parts) in enumerate(self.FRACTIONS):
            name = fixture_name(i)
            yield score(parts, 0, at, home_half=win, away_half=refund, name=name, status=FRACTION)
        for i in range(12, 24):
            yield score(2, 1, at, home_half=1, name=fixture_name(i))

    def pick(self, index, outcome, odds_e4):
        return Pick(self.markets[index], outcome, odds_e4, fixture_name(index))

    def earned(self, pick):
        index = self.markets.index(pick.market)
        if index < 12:
            return proposition_earns(*self.FRACTIONS[index])[pick.outcome]
        return earns(pick.market.kind, pick.market.line_q, 2, 1)[pick.outcome]


@pytest.fixture
def card(world, now):
    """With a house that holds half of all money that fits."""
    world.token.mint(world.owner, MAX_MICRO, {"from": world.owner})
    world.bankroll.deposit(MAX_MICRO // 2, world.owner, {"from": world.owner})
    return Card(world, now + 3_600)


def check_settles_as_oracle(world, card, signed):
    number, batch, skips = world.place(*signed)
    assert not skips
    world.travel_to(card.starts_at_s + 7_200)
    world.publish_final(*card.results())
    tx = world.settle(number, batch)
    assert settled_bets(tx) == list(range(len(signed)))
    expected = [
        payout(one.slip.stake_micro, [(p.odds_e4, card.earned(p)) for p in one.picks])
        for one in signed
    ]
    paid = payouts(tx)
    assert [paid.get(i, 0) for i in range(len(signed))] == expected
    assert world.book()["locked_micro"] == world.book()["owed_micro"] == 0
    return expected


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_accumulators_pay_as_oracle(world, card, now, seed):
    dice = random.Random(seed)
    bettor = world.stranger(seed, MAX_MICRO // 8)
    signed = []
    for nonce in range(1, 121):
        most = 2 ** dice.randint(1, 46)
        legs = 1 + nonce % 12
        stake = dice.choice((1, 2, 3, dice.randint(1, most)))
        picks, product_ = [], Fraction(stake)
        for index in dice.sample(range(24), legs):
            capacity = min(2**32 - 1, int(most * 10_000 / product_))
            odds_e4 = max(10_001, min(capacity, int(10_001 * 2 ** dice.uniform(0, 18.7))))
            product_ *= Fraction(odds_e4, 10_000)
            outcome = dice.randrange(len(card.markets[index].outcomes))
            picks.append(card.pick(index, outcome, odds_e4))
        signed.append(world.sign(bettor, *picks, stake_micro=stake, accepted_at_s=now, nonce=nonce))
    expected = check_settles_as_oracle(world, card, signed)
    assert any(expected)
    assert not all(expected)


@pytest.mark.parametrize("largest_first", [True, False])
@pytest.mark.parametrize(
    ("stake", "odds"),
    [
        (1, (2**32 - 1, 2**32 - 1, *(10_001,) * 10)),
        (1, (2**32 - 1, *(45_000,) * 11)),
        (1, (215_000,) * 12),
        (2**51, (10_001,) * 12),
        (2**37, (25_000,) * 12),
    ],
)
def test_largest_payouts_are_exact(world, card, now, stake, odds, largest_first):
    """Twelve propositions of 255 parts, whose product fills 256 bits: nothing overflows."""
    bettor = world.stranger(1, MAX_MICRO // 3)
    odds = sorted(odds, reverse=largest_first)
    names = [f"C{i} v D{i}, 2025-05-25" for i in range(12)]
    for win, refund in ((1, 0), (1, 254), (0, 255), (254, 1), (254, 0), (255, 0)):
        world_now = world.now()
        start = world_now + 600
        unique = [f"{name} {win} {refund}" for name in names]
        picks = [
            Pick(make_market(Kind.PROPOSITION, starts_at_s=start, name=n), 0, o, n)
            for n, o in zip(unique, odds, strict=True)
        ]
        nonce = 1 + world.sportsbook.accountAt(bettor.account)[2]
        signed = world.sign(bettor, *picks, stake_micro=stake, accepted_at_s=world_now, nonce=nonce)
        number_, batch, skips = world.place(signed)
        assert not skips
        world.travel_to(start)
        world.publish_final(
            *(
                score(255, 0, start, home_half=win, away_half=refund, name=n, status=FRACTION)
                for n in unique
            )
        )
        earned = proposition_earns(win, refund, 255)[0]
        paid = payouts(world.settle(number_, batch)).get(0, 0)
        assert paid == payout(stake, [(o, earned) for o in odds])
