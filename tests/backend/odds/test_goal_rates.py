"""Tests that the model uses past matches only, and recovers known strengths."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from backend.feed.facts import FixtureFacts
from backend.feed.reading import load_facts
from backend.feed.status import FactStatus
from backend.odds import fitting as subject
from backend.odds.fitting import ModelError, ModelSettings, fit, promoted_teams
from backend.odds.football import Football
from backend.odds.goal_rates import FootballModel
from protocol.outcomes import Score

SAMPLE = Path(__file__).parents[3] / "data" / "epl_2022_2025.csv"
LAST_DAY_S = 1_748_131_200  # 2025-05-25
DAY_S = 86_400


@cache
def facts() -> tuple[FixtureFacts, ...]:
    return load_facts(SAMPLE)


@cache
def last_day_model() -> FootballModel:
    return fit(facts(), LAST_DAY_S)


def test_fit_of_three_seasons_is_quick() -> None:
    began = time.perf_counter()
    fit(facts(), LAST_DAY_S)
    assert time.perf_counter() - began < 3


def test_strengths_are_those_of_the_table() -> None:
    model = last_day_model()
    assert 0.05 < model.home_advantage < 0.4
    assert 0.4 < model.first_half_share < 0.5
    strong = model.rates("Liverpool FC", "Southampton FC")
    weak = model.rates("Southampton FC", "Liverpool FC")
    assert strong.home > 2.2 > 1 > strong.away
    assert weak.away > weak.home


def test_matches_after_the_requested_time_do_not_count() -> None:
    before_s = LAST_DAY_S - 100 * DAY_S
    changed = [
        fixture if fixture.starts_at_s < before_s else replace(fixture, score=Score(9, 0, 9, 0))
        for fixture in facts()
    ]
    assert fit(changed, before_s) == fit(facts(), before_s)


def test_match_still_running_does_not_count() -> None:
    last = facts()[-1]
    assert fit(facts(), last.starts_at_s + 3_600).matches < len(facts())
    assert fit(facts(), last.starts_at_s + 2 * 3_600).matches == len(facts())


def test_recent_matches_weigh_more() -> None:
    season = [fixture for fixture in facts() if fixture.season == "2024-25"]
    early, late = season[:190], season[190:]
    thrashing = Score(0, 0, 6, 0)

    def swing(part: list[FixtureFacts]) -> float:
        changed = [
            replace(fixture, score=thrashing) if fixture in part[:20] else fixture
            for fixture in season
        ]
        model = fit(changed, LAST_DAY_S + DAY_S, ModelSettings(half_life_days=60))
        return model.home_advantage

    assert swing(late[-20:]) > swing(early[:20])


def test_promoted_teams_of_the_sample() -> None:
    until = [fixture for fixture in facts() if fixture.season <= "2023-24"]
    assert promoted_teams(until) == {"Burnley FC", "Luton Town FC", "Sheffield United FC"}
    newest = promoted_teams(facts())
    assert {"Ipswich Town FC", "Leicester City FC", "Southampton FC"} <= newest
    assert "Arsenal FC" not in newest


def test_unknown_team_is_rated_as_promoted() -> None:
    model = last_day_model()
    unknown = model.rates("Newcomer FC", "Arsenal FC")
    known = model.rates("Chelsea FC", "Arsenal FC")
    assert model.newcomer_attack < 0
    assert model.newcomer_defence < 0
    assert unknown.home < known.home
    assert unknown.away > known.away


def test_fit_recovers_the_strengths_behind_simulated_scores() -> None:
    random = np.random.default_rng(7)
    teams = [f"Team {number}" for number in range(12)]
    attack = dict(zip(teams, random.normal(0, 0.25, 12), strict=True))
    made = []
    for at in range(3_000):
        home, away = random.choice(teams, 2, replace=False)
        goals = (
            int(random.poisson(np.exp(0.3 + 0.2 + attack[home]))),
            int(random.poisson(np.exp(0.3 + attack[away]))),
        )
        made.append(
            FixtureFacts("Made", "2024-25", "1", at * 3_600, home, away, Score(0, 0, *goals))
        )
    model = fit(made, 3_001 * 3_600, ModelSettings(half_life_days=10_000, shrinkage=0.1))
    assert model.home_advantage == pytest.approx(0.2, abs=0.05)
    assert [model.attack[team] for team in teams] == pytest.approx(
        [attack[team] - np.mean(list(attack.values())) for team in teams], abs=0.12
    )
    assert abs(model.rho) < 0.05
    assert max(map(abs, model.defence.values())) < 0.12


def test_gradient_is_that_of_the_value() -> None:
    played = facts()[:500]
    teams = sorted({team for fixture in played for team in (fixture.home, fixture.away)})
    settings = ModelSettings()
    sample = subject._sample(played, teams, LAST_DAY_S, settings)
    x = np.random.default_rng(3).normal(0, 0.1, 5 + 2 * len(teams))
    _, gradient = subject._negative_log_posterior(x, sample, settings)
    for at, slope in enumerate(gradient):
        step = np.zeros_like(x)
        step[at] = 1e-6
        above, _ = subject._negative_log_posterior(x + step, sample, settings)
        below, _ = subject._negative_log_posterior(x - step, sample, settings)
        assert slope == pytest.approx((above - below) / 2e-6, abs=1e-4)


def test_too_few_matches_are_refused() -> None:
    with pytest.raises(ModelError, match=r"the model needs 100: use a facts file"):
        fit(facts(), facts()[50].starts_at_s)


def test_model_learns_results_that_arrive_later() -> None:
    known = facts()
    day_s = known[-1].starts_at_s // DAY_S * DAY_S
    early = [fixture for fixture in known if fixture.starts_at_s < day_s - 60 * DAY_S]
    football = Football(early)
    before, edition = football.model(day_s), football.edition(day_s)
    assert football.learn(known, day_s)
    assert football.edition(day_s) != edition
    assert football.model(day_s).matches > before.matches
    assert football.model(day_s) == Football(known).model(day_s)
    assert not football.learn(tuple(known), day_s), "nothing new before this day"


def test_corrected_score_is_learnt_and_todays_is_not() -> None:
    known = facts()
    day_s = known[-1].starts_at_s // DAY_S * DAY_S
    football = Football(known)
    first, last = known[0], known[-1]
    assert not football.learn((*known[:-1], replace(last, score=Score(0, 0, 9, 9))), day_s)
    assert football.learn((replace(first, score=Score(0, 0, 9, 9)), *known[1:]), day_s)


def test_matches_that_were_not_played_to_their_end_teach_nothing() -> None:
    known = facts()
    day_s = known[-1].starts_at_s + 2 * DAY_S
    model = Football(known[1:]).model(day_s)
    for status in (FactStatus.AWARDED, FactStatus.ABANDONED):
        not_played = replace(known[0], stated=status, minute=63)
        assert Football((not_played, *known[1:])).model(day_s) == model


def test_unknown_half_time_score_is_no_obstacle() -> None:
    known = facts()
    day_s = known[-1].starts_at_s + 2 * DAY_S
    bare = [replace(fixture, score=None, full_time=fixture.goals) for fixture in known]
    model, full = Football(bare).model(day_s), Football(known).model(day_s)
    assert (model.attack, model.rho) == (full.attack, full.rho)
    assert model.first_half_share == pytest.approx(full.first_half_share, abs=0.02)


def test_club_without_a_match_is_unknown() -> None:
    known = facts()
    football = Football(known)
    day_s = known[-1].starts_at_s + 2 * DAY_S
    assert football.unknown("Arsenal FC", "Brazil", day_s) == ["Brazil"]
