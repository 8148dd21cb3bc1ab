"""Tests that prices agree with each other and with settlement, and keep the house's margin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.odds.goal_rates import GoalRates
from backend.odds.lines import balanced_handicap_q
from backend.odds.margin import MarginMethod, implied_probabilities
from backend.odds.movement import Liability, moved, payout_by_cell
from backend.odds.pricing import (
    MAX_ODDS_E4,
    Margin,
    fair_price,
    fair_probabilities,
    market_bids_e6,
    market_odds_e4,
    round_down_to_step,
)
from backend.odds.pricing_units import BID_ONE_E6
from backend.odds.score_grid import GOALS_PER_HALF, ScoreGrid, score_grid
from protocol.market_id import Kind, MarketId, Period
from protocol.outcomes import Score, fraction

RATES = GoalRates(home=1.7, away=1.1, rho=-0.05, first_half_share=0.45)
GRID = score_grid(RATES)
NO_MARGIN = Margin(0.0, MarginMethod.MULTIPLICATIVE)
POWER = Margin(0.05, MarginMethod.POWER)
TOTALS_Q = range(2, 27, 4)
HOME_1, AWAY_1, HOME_2, AWAY_2 = (axis.ravel() for axis in np.indices((GOALS_PER_HALF,) * 4))


def market(kind: Kind, line_q: int = 0, period: Period = Period.FULL_TIME) -> MarketId:
    return MarketId(bytes(16), 1_748_185_200, kind, period, line_q)


def score_probability(grid: ScoreGrid, home: int, away: int) -> float:
    """Probability that the match ends with this score."""
    cells = (HOME_1 + HOME_2 == home) & (AWAY_1 + AWAY_2 == away)
    return float(grid.probability[cells].sum())


def balanced_total_q(space: ScoreGrid) -> int:
    """The line of total goals, in quarter goals, that is closest to even."""

    def distance(line_q: int) -> float:
        return abs(float(fair_probabilities(space, market(Kind.TOTAL_GOALS, line_q))[0]) - 0.5)

    return min(TOTALS_Q, key=distance)


EVERY_KIND = [
    market(Kind.MATCH_RESULT),
    market(Kind.DOUBLE_CHANCE),
    market(Kind.DRAW_NO_BET),
    *(market(Kind.TOTAL_GOALS, line) for line in (6, 8, 9, 10, 11, 14)),
    market(Kind.HOME_TOTAL_GOALS, 6),
    market(Kind.AWAY_TOTAL_GOALS, 5),
    *(market(Kind.ASIAN_HANDICAP, line) for line in (-5, -3, -2, -1, 0, 1, 4)),
    market(Kind.EUROPEAN_HANDICAP, -4),
    market(Kind.BOTH_TEAMS_TO_SCORE),
    market(Kind.ODD_EVEN_GOALS),
    market(Kind.MATCH_RESULT, period=Period.FIRST_HALF),
    market(Kind.TOTAL_GOALS, 4, Period.SECOND_HALF),
]

rates = st.builds(
    GoalRates,
    home=st.floats(0.2, 4.0),
    away=st.floats(0.2, 4.0),
    rho=st.floats(-0.15, 0.1),
    first_half_share=st.floats(0.35, 0.55),
)
margins = st.builds(Margin, st.floats(0, 0.2), st.sampled_from(MarginMethod))


@given(rates)
@settings(max_examples=25, deadline=None)
def test_grid_is_a_distribution_with_the_models_goals(of: GoalRates) -> None:
    grid = score_grid(of)
    assert grid.probability.min() >= 0
    assert grid.probability.sum() == pytest.approx(1)
    home = sum(
        goals * score_probability(grid, goals, away)
        for goals in range(2 * GOALS_PER_HALF - 1)
        for away in range(2 * GOALS_PER_HALF - 1)
    )
    assert home == pytest.approx(of.home, rel=0.01)


def test_low_scores_carry_the_correction() -> None:
    plain = score_grid(GoalRates(RATES.home, RATES.away, 0.0, RATES.first_half_share))
    ratio = score_probability(GRID, 1, 1) / score_probability(plain, 1, 1)
    assert ratio == pytest.approx(1 - RATES.rho, rel=1e-4)
    assert score_probability(GRID, 2, 1) == pytest.approx(score_probability(plain, 2, 1), rel=1e-4)


def cell_score(cell: int) -> Score:
    home_1, away_1, home_2, away_2 = np.unravel_index(cell, (GOALS_PER_HALF,) * 4)
    return Score(int(home_1), int(away_1), int(home_1 + home_2), int(away_1 + away_2))


@pytest.mark.parametrize("of", EVERY_KIND, ids=lambda of: f"{of.kind.name}{of.line_q}")
def test_cell_fractions_are_those_of_settlement(of: MarketId) -> None:
    cells = np.random.default_rng(1).choice(GOALS_PER_HALF**4, 300, replace=False)
    for outcome in range(len(of.outcomes)):
        win, refund = GRID.fractions(of, outcome)
        for cell in cells:
            earned = fraction(of, outcome, cell_score(int(cell)))
            assert (win[cell], refund[cell]) == (earned.win / 2, earned.refund / 2)


@given(st.sampled_from(EVERY_KIND), rates)
@settings(max_examples=60, deadline=None)
def test_fair_probabilities_fill_the_market(of: MarketId, by: GoalRates) -> None:
    total = fair_probabilities(score_grid(by), of).sum()
    assert total == pytest.approx(2 if of.kind is Kind.DOUBLE_CHANCE else 1)


@pytest.mark.parametrize("of", EVERY_KIND, ids=lambda of: f"{of.kind.name}{of.line_q}")
def test_bet_at_fair_odds_returns_the_stake(of: MarketId) -> None:
    odds = market_odds_e4(GRID, of, NO_MARGIN)
    assert odds is not None
    for outcome, odds_e4 in enumerate(odds):
        price = fair_price(GRID, of, outcome)
        fair_e4 = 10_000 * (1 - price.refund) / price.win
        assert odds_e4 == round_down_to_step(int(fair_e4))


def test_quarter_line_lies_between_its_half_lines() -> None:
    over = [
        fair_probabilities(GRID, market(Kind.TOTAL_GOALS, line))[0] for line in (8, 9, 10, 11, 12)
    ]
    assert over == sorted(over, reverse=True)
    quarter = fair_price(GRID, market(Kind.TOTAL_GOALS, 9), 0)
    low = fair_price(GRID, market(Kind.TOTAL_GOALS, 8), 0)
    high = fair_price(GRID, market(Kind.TOTAL_GOALS, 10), 0)
    assert quarter.win == pytest.approx((low.win + high.win) / 2)
    assert quarter.refund == pytest.approx((low.refund + high.refund) / 2)


def test_draw_no_bet_equals_the_handicap_of_zero() -> None:
    dnb = market_odds_e4(GRID, market(Kind.DRAW_NO_BET), POWER)
    assert dnb == market_odds_e4(GRID, market(Kind.ASIAN_HANDICAP, 0), POWER)


@given(st.sampled_from(EVERY_KIND), rates, margins)
@settings(max_examples=150, deadline=None)
def test_offered_odds_never_favour_the_bettor(of: MarketId, by: GoalRates, with_: Margin) -> None:
    space = score_grid(by)
    odds = market_odds_e4(space, of, with_)
    if odds is None:
        return
    fair = fair_probabilities(space, of)
    whole = 2 if of.kind is Kind.DOUBLE_CHANCE else 1
    assert all(10_000 < odds_e4 <= MAX_ODDS_E4 for odds_e4 in odds)
    assert all(o * p <= 10_000 * (1 + 1e-9) for o, p in zip(odds, fair, strict=True))
    assert sum(10_000 / odds_e4 for odds_e4 in odds) >= whole - 1e-9


@given(
    st.lists(st.floats(0.02, 1), min_size=2, max_size=6),
    st.floats(0.001, 0.3),
    st.sampled_from(MarginMethod),
)
def test_margin_sums_to_the_book_and_keeps_the_order(
    weights: list[float], share: float, method: MarginMethod
) -> None:
    fair = np.array(weights) / sum(weights)
    implied = implied_probabilities(fair, share, method)
    assert implied.sum() == pytest.approx(1 + share)
    assert np.all(implied >= fair - 1e-9)
    assert np.all(np.diff(implied[np.argsort(fair)]) >= -1e-9)


def test_longshots_pay_more_of_the_margin() -> None:
    fair = np.array([0.7, 0.2, 0.1])
    even = implied_probabilities(fair, 0.06, MarginMethod.MULTIPLICATIVE) / fair
    assert even == pytest.approx(1.06)
    for method in (MarginMethod.POWER, MarginMethod.SHIN, MarginMethod.ODDS_RATIO):
        loading = implied_probabilities(fair, 0.06, method) / fair
        assert loading[0] < loading[1] < loading[2]


def test_shin_recovers_the_share_of_insiders() -> None:
    """The formula with z = 2 % insiders, evaluated separately, gives these probabilities."""
    fair = np.array([0.5, 0.3, 0.2])
    roots = np.sqrt(0.02 * fair + 0.98 * fair**2)
    expected = roots * roots.sum()
    found = implied_probabilities(fair, float(expected.sum()) - 1, MarginMethod.SHIN)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("fair", [[0.5, 0.6], [1.0], [1.0, 0.0], [1.2, -0.2]])
def test_margin_refuses_invalid_distributions(fair: list[float]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        implied_probabilities(np.array(fair), 0.05, MarginMethod.POWER)


def test_decided_market_is_not_offered() -> None:
    one_sided = score_grid(GoalRates(5.5, 0.02, 0.0, 0.45))
    assert market_odds_e4(one_sided, market(Kind.HOME_TOTAL_GOALS, 2), POWER) is None
    assert market_odds_e4(GRID, market(Kind.HOME_TOTAL_GOALS, 2), POWER) is not None


def test_double_chance_costs_what_its_two_results_cost() -> None:
    result = market_odds_e4(GRID, market(Kind.MATCH_RESULT), POWER)
    double = market_odds_e4(GRID, market(Kind.DOUBLE_CHANCE), POWER)
    assert result
    assert double
    home_or_draw = 10_000 / result[0] + 10_000 / result[1]
    assert 10_000 / double[0] == pytest.approx(home_or_draw, abs=5e-3)


def test_odds_are_multiples_of_the_step() -> None:
    for odds_e4, stepped in (
        (10_199, 10_100),
        (99_999, 99_900),
        (100_999, 100_000),
        (999_999, 999_000),
        (1_019_999, 1_010_000),
    ):
        assert round_down_to_step(odds_e4) == stepped


HOME = (market(Kind.MATCH_RESULT), 0)
DEPTH_MICRO = 50_000_000_000


def after(*bets: tuple[tuple[MarketId, int], int, int]) -> ScoreGrid:
    liabilities: dict[tuple[MarketId, int], Liability] = {}
    for key, stake_micro, odds_e4 in bets:
        liabilities[key] = liabilities.get(key, Liability()).plus(stake_micro, odds_e4)
    return moved(GRID, payout_by_cell(GRID, liabilities), DEPTH_MICRO)


def odds(space: ScoreGrid, of: MarketId) -> tuple[int, ...]:
    found = market_odds_e4(space, of, POWER)
    assert found is not None
    return found


def test_odds_do_not_move_without_bets() -> None:
    assert odds(after(), HOME[0]) == odds(GRID, HOME[0])


def test_bet_shortens_its_outcome_on_every_related_market() -> None:
    space = after((HOME, 5_000_000_000, 18_000))
    before, now = odds(GRID, HOME[0]), odds(space, HOME[0])
    assert now[0] < before[0]
    assert now[1] > before[1]
    assert now[2] > before[2]
    for kind in (Kind.DRAW_NO_BET, Kind.ASIAN_HANDICAP):
        before, now = odds(GRID, market(kind)), odds(space, market(kind))
        assert now[0] < before[0]
        assert now[1] > before[1]


def test_larger_bet_moves_further_and_never_beyond_the_bound() -> None:
    home = [
        odds(after((HOME, stake, 18_000)), HOME[0])[0]
        for stake in (0, 10**9, 10**10, 10**12, 10**15)
    ]
    assert home[0] > home[1] > home[2] > home[3]
    assert home[4] > 11_000


def test_balanced_bets_move_nothing() -> None:
    of = market(Kind.BOTH_TEAMS_TO_SCORE)
    space = after(((of, 0), 10**10, 20_000), ((of, 1), 10**10, 20_000))
    assert odds(space, of) == odds(GRID, of)


def test_order_of_bets_does_not_matter() -> None:
    over = (market(Kind.TOTAL_GOALS, 10), 0)
    bets = ((HOME, 10**9, 18_000), (over, 3 * 10**9, 19_500), (HOME, 10**9, 17_500))
    assert odds(after(*bets), over[0]) == odds(after(*reversed(bets)), over[0])


def test_balanced_lines_follow_the_strengths() -> None:
    strong, even = score_grid(GoalRates(2.6, 0.6, 0.0, 0.45)), score_grid(GoalRates(1, 1, 0, 0.45))
    assert balanced_handicap_q(strong) == -7
    assert abs(balanced_handicap_q(even)) == 1
    assert balanced_handicap_q(score_grid(GoalRates(0.6, 2.6, 0.0, 0.45))) == 7
    assert balanced_total_q(even) < balanced_total_q(score_grid(GoalRates(2.2, 2.0, 0.0, 0.45)))
    for space in (strong, even):
        of = market(Kind.ASIAN_HANDICAP, balanced_handicap_q(space))
        assert abs(fair_probabilities(space, of)[0] - 0.5) < 0.1


@pytest.mark.parametrize("of", EVERY_KIND, ids=str)
@pytest.mark.parametrize("method", MarginMethod)
def test_bet_that_is_bought_back_at_once_costs_the_margin(
    of: MarketId, method: MarginMethod
) -> None:
    margin = Margin(0.05, method)
    offered = market_odds_e4(GRID, of, margin)
    assert offered is not None
    bids = market_bids_e6(GRID, GRID, of, offered)
    for odds_e4, (win, refund), outcome in zip(offered, bids, range(len(offered)), strict=True):
        fair = fair_price(GRID, of, outcome)
        assert odds_e4 * win + 10_000 * refund < 10_000 * BID_ONE_E6
        assert win <= fair.win * BID_ONE_E6
        assert win >= 0


def test_nobody_gains_by_moving_the_odds_and_selling_back() -> None:
    """Bets on one outcome until its odds have moved as far as they go, then all are sold at once;
    each is bought at the odds of its moment."""
    market_id, outcome = HOME
    stake_micro = 2_000_000_000
    for other in (False, True):
        bets: list[tuple[tuple[MarketId, int], int, int]] = []
        paid = 0
        for _ in range(60):
            space = after(*bets)
            offered = odds(space, market_id)
            side = 2 if other else outcome
            bets.append(((market_id, side), stake_micro, offered[side]))
            paid += stake_micro
        space = after(*bets)
        offered = odds(space, market_id)
        bids = market_bids_e6(space, GRID, market_id, offered)
        back = sum(
            stake * odds_e4 * bids[side][0] // (10_000 * BID_ONE_E6)
            for (_, side), stake, odds_e4 in bets
        )
        assert back < paid
        # The other side, bought now that it is cheap, cannot be sold at a gain either.
        cheap = outcome if other else 2
        assert offered[cheap] * bids[cheap][0] < 10_000 * BID_ONE_E6
