"""Fits the football model to past scores; pure.

The likelihood is that of Dixon and Coles (see `goal_rates.py`), with weights that decay with time.
Two additions: strengths are shrunk to the league's mean, and promoted teams have a mean of their
own that is estimated with the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from backend.feed.facts import MATCH_LENGTH_S, FixtureFacts
from backend.odds.goal_rates import FootballModel
from backend.odds.sport import DAY_S, Floats

MIN_MATCHES = 100
RHO_BOUND = 0.2
DEFAULT_FIRST_HALF_SHARE = 0.45
"""The share in data/epl_2022_2025.csv, for facts without half-time scores."""

_BASE, _HOME, _RHO, _PROMOTED_ATTACK, _PROMOTED_DEFENCE = range(5)
_TEAMS_FROM = 5


class ModelError(ValueError):
    """The model cannot be fitted from the facts given."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`half_life_days` of a match's weight; precision of the prior on team strengths
    (`shrinkage`); how far promoted teams are expected to be below the mean, in attack and in
    defence (`promoted_mean`), and the precision of that (`promoted_shrinkage`, by judgement).

    The first three are the best of 36 combinations by walk-forward log loss of the match result in
    2023-24 (0.9307; the worst has 0.9383, so they matter little). Half-life, shrinkage and mean are
    at the edge of the range that was tried. `python -m bench.odds` measures 2024-25.
    """

    half_life_days: float = 800.0
    shrinkage: float = 16.0
    promoted_mean: float = 0.4
    promoted_shrinkage: float = 60.0


@dataclass(frozen=True, slots=True)
class _Sample:
    """Matches as columns; teams are numbers, weights decay with age."""

    home: NDArray[np.intp]
    away: NDArray[np.intp]
    home_goals: Floats
    away_goals: Floats
    weight: Floats
    promoted: Floats


def fit(
    facts: Iterable[FixtureFacts], before_s: int, settings: ModelSettings | None = None
) -> FootballModel:
    """The model fitted to all matches that ended before `before_s` (unix seconds), and to no
    others. Raises ModelError when there are fewer than MIN_MATCHES."""
    settings = settings or ModelSettings()
    played = [
        fixture
        for fixture in facts
        if fixture.played_goals is not None and fixture.starts_at_s + MATCH_LENGTH_S <= before_s
    ]
    if len(played) < MIN_MATCHES:
        raise ModelError(
            f"the facts file has {len(played)} matches before the requested time; the model needs"
            f" {MIN_MATCHES}: use a facts file with earlier matches"
        )
    teams = sorted({team for fixture in played for team in (fixture.home, fixture.away)})
    sample = _sample(played, teams, before_s, settings)
    start = np.zeros(_TEAMS_FROM + 2 * len(teams))
    start[_BASE], start[_HOME] = np.log(1.3), 0.2
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(start)
    bounds[_RHO] = (-RHO_BOUND, RHO_BOUND)
    found = minimize(
        _negative_log_posterior,
        start,
        args=(sample, settings),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 500},
    )
    if not np.all(np.isfinite(found.x)):
        raise ModelError("the fit did not converge; check the scores in the facts file")
    return _model(found.x, sample, teams, played, before_s)


def _sample(
    played: Sequence[FixtureFacts], teams: Sequence[str], before_s: int, settings: ModelSettings
) -> _Sample:
    number = {team: at for at, team in enumerate(teams)}
    goals = [fixture.played_goals for fixture in played if fixture.played_goals is not None]
    age_days = np.array([(before_s - fixture.starts_at_s) / DAY_S for fixture in played])
    promoted = promoted_teams(played)
    return _Sample(
        home=np.array([number[fixture.home] for fixture in played]),
        away=np.array([number[fixture.away] for fixture in played]),
        home_goals=np.array([home for home, _ in goals], dtype=np.float64),
        away_goals=np.array([away for _, away in goals], dtype=np.float64),
        weight=np.exp2(-age_days / settings.half_life_days),
        promoted=np.array([float(team in promoted) for team in teams]),
    )


def promoted_teams(played: Iterable[FixtureFacts]) -> frozenset[str]:
    """Teams that, in the latest season in which they played, were new to the competition. In the
    first season of the facts no team counts as promoted."""
    present: dict[tuple[str, str], set[str]] = {}
    for fixture in played:
        present.setdefault((fixture.competition, fixture.season), set()).update(
            (fixture.home, fixture.away)
        )
    promoted: set[str] = set()
    for competition, season in sorted(present):
        earlier = [s for c, s in present if c == competition and s < season]
        if not earlier:
            continue
        before = present[competition, max(earlier)]
        promoted -= present[competition, season]
        promoted |= present[competition, season] - before
    return frozenset(promoted)


def _negative_log_posterior(
    x: Floats, sample: _Sample, settings: ModelSettings
) -> tuple[float, Floats]:
    """Minus the weighted log likelihood and log prior, and its gradient."""
    count = len(sample.promoted)
    own_attack, own_defence = x[_TEAMS_FROM : _TEAMS_FROM + count], x[_TEAMS_FROM + count :]
    offset = x[_PROMOTED_ATTACK : _PROMOTED_DEFENCE + 1] + settings.promoted_mean
    penalty = 0.5 * settings.shrinkage * (own_attack @ own_attack + own_defence @ own_defence)
    penalty += 0.5 * settings.promoted_shrinkage * (offset @ offset)

    log_likelihood, slope_home, slope_away, slope_rho = _likelihood(x, sample)
    to_attack = np.bincount(sample.home, slope_home, count)
    to_attack += np.bincount(sample.away, slope_away, count)
    to_defence = -np.bincount(sample.away, slope_home, count)
    to_defence -= np.bincount(sample.home, slope_away, count)
    gradient = np.empty_like(x)
    gradient[_BASE] = -(slope_home.sum() + slope_away.sum())
    gradient[_HOME] = -slope_home.sum()
    gradient[_RHO] = -slope_rho
    gradient[_PROMOTED_ATTACK] = -(to_attack @ sample.promoted)
    gradient[_PROMOTED_DEFENCE] = -(to_defence @ sample.promoted)
    gradient[_PROMOTED_ATTACK : _PROMOTED_DEFENCE + 1] += settings.promoted_shrinkage * offset
    gradient[_TEAMS_FROM : _TEAMS_FROM + count] = -to_attack + settings.shrinkage * own_attack
    gradient[_TEAMS_FROM + count :] = -to_defence + settings.shrinkage * own_defence
    return float(penalty) - log_likelihood, gradient


def _strengths(x: Floats, promoted: Floats) -> tuple[Floats, Floats]:
    """Attack and defence of each team, the promoted teams' mean included."""
    count = len(promoted)
    return (
        x[_TEAMS_FROM : _TEAMS_FROM + count] + x[_PROMOTED_ATTACK] * promoted,
        x[_TEAMS_FROM + count :] + x[_PROMOTED_DEFENCE] * promoted,
    )


def _likelihood(x: Floats, sample: _Sample) -> tuple[float, Floats, Floats, float]:
    """Weighted log likelihood (without the constant factorials), its slopes by each match's log
    rates (home, away) and by rho."""
    attack, defence = _strengths(x, sample.promoted)
    log_home = x[_BASE] + x[_HOME] + attack[sample.home] - defence[sample.away]
    log_away = x[_BASE] + attack[sample.away] - defence[sample.home]
    home, away = np.exp(log_home), np.exp(log_away)
    log_tau, by_home, by_away, by_rho = _low_score_terms(sample, home, away, float(x[_RHO]))
    of_match = sample.home_goals * log_home - home + sample.away_goals * log_away - away
    return (
        float(sample.weight @ (of_match + log_tau)),
        sample.weight * (sample.home_goals - home + home * by_home),
        sample.weight * (sample.away_goals - away + away * by_away),
        float(sample.weight @ by_rho),
    )


def _low_score_terms(
    sample: _Sample, home: Floats, away: Floats, rho: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """log tau of each match and its derivatives by the home rate, the away rate and rho."""
    tau = np.ones_like(home)
    by_home, by_away, by_rho = np.zeros_like(home), np.zeros_like(home), np.zeros_like(home)
    low_home = [sample.home_goals == goals for goals in (0, 1)]
    low_away = [sample.away_goals == goals for goals in (0, 1)]
    nil_nil, nil_one = low_home[0] & low_away[0], low_home[0] & low_away[1]
    one_nil, one_one = low_home[1] & low_away[0], low_home[1] & low_away[1]
    tau[nil_nil] = (1 - home * away * rho)[nil_nil]
    by_home[nil_nil] = (-away * rho)[nil_nil]
    by_away[nil_nil] = (-home * rho)[nil_nil]
    by_rho[nil_nil] = (-home * away)[nil_nil]
    tau[nil_one] = (1 + home * rho)[nil_one]
    by_home[nil_one] = rho
    by_rho[nil_one] = home[nil_one]
    tau[one_nil] = (1 + away * rho)[one_nil]
    by_away[one_nil] = rho
    by_rho[one_nil] = away[one_nil]
    tau[one_one] = 1 - rho
    by_rho[one_one] = -1
    tau = np.maximum(tau, 1e-6)
    return np.log(tau), by_home / tau, by_away / tau, by_rho / tau


def _model(
    x: Floats,
    sample: _Sample,
    teams: Sequence[str],
    played: Sequence[FixtureFacts],
    before_s: int,
) -> FootballModel:
    attack, defence = _strengths(x, sample.promoted)
    return FootballModel(
        fitted_to_s=before_s,
        matches=len(played),
        base=float(x[_BASE]),
        home_advantage=float(x[_HOME]),
        rho=float(x[_RHO]),
        first_half_share=_first_half_share(sample, played),
        attack=dict(zip(teams, attack.tolist(), strict=True)),
        defence=dict(zip(teams, defence.tolist(), strict=True)),
        newcomer_attack=float(x[_PROMOTED_ATTACK]),
        newcomer_defence=float(x[_PROMOTED_DEFENCE]),
    )


def _first_half_share(sample: _Sample, played: Sequence[FixtureFacts]) -> float:
    """The weighted share of goals before half-time, from matches whose half-time score is known;
    DEFAULT_FIRST_HALF_SHARE without any."""
    half, full = 0.0, 0.0
    for weight, fixture in zip(sample.weight.tolist(), played, strict=True):
        if (score := fixture.score) is not None:
            half += weight * (score.home_half + score.away_half)
            full += weight * (score.home_full + score.away_full)
    return half / full if full else DEFAULT_FIRST_HALF_SHARE
