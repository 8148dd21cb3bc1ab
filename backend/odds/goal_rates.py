"""Describes the football model: expected goals from team strengths; pure, independent of markets.

Dixon and Coles, "Modelling Association Football Scores and Inefficiencies in the Football Betting
Market", Journal of the Royal Statistical Society C 46 (1997): Poisson goals with an attack and a
defence for each team, a home advantage, and a correction of the four lowest scores (rho).
`fitting.py` estimates it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class GoalRates:
    """The model's expectation of one fixture: mean goals at full time, the low-score correction
    rho, and the share of goals scored in the first half."""

    home: float
    away: float
    rho: float
    first_half_share: float


@dataclass(frozen=True, slots=True)
class FootballModel:
    """A fitted model. Strengths are logarithms: a higher attack means more goals scored, a higher
    defence fewer conceded."""

    fitted_to_s: int
    matches: int
    base: float
    home_advantage: float
    rho: float
    first_half_share: float
    attack: dict[str, float]
    defence: dict[str, float]
    newcomer_attack: float
    newcomer_defence: float

    def rates(self, home: str, away: str) -> GoalRates:
        """Expected goals of a fixture. A team without matches counts as promoted."""
        home_attack = self.attack.get(home, self.newcomer_attack)
        away_attack = self.attack.get(away, self.newcomer_attack)
        home_defence = self.defence.get(home, self.newcomer_defence)
        away_defence = self.defence.get(away, self.newcomer_defence)
        return GoalRates(
            home=float(np.exp(self.base + self.home_advantage + home_attack - away_defence)),
            away=float(np.exp(self.base + away_attack - home_defence)),
            rho=self.rho,
            first_half_share=self.first_half_share,
        )


def low_score_factor(home_goals: int, away_goals: int, rates: GoalRates) -> float:
    """Dixon and Coles' tau: the correction of a full-time score's probability."""
    factor = 1.0
    match (home_goals, away_goals):
        case (0, 0):
            factor = 1 - rates.home * rates.away * rates.rho
        case (0, 1):
            factor = 1 + rates.home * rates.rho
        case (1, 0):
            factor = 1 + rates.away * rates.rho
        case (1, 1):
            factor = 1 - rates.rho
    return max(factor, 0.0)
