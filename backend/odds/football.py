"""Prices football: fits a model of the facts once per day, and derives score grids from it."""

from __future__ import annotations

from collections.abc import Sequence

from backend.feed.facts import FixtureFacts
from backend.odds.fitting import ModelSettings, fit
from backend.odds.grid import ScoreGrid, score_grid
from backend.odds.model import FootballModel
from backend.odds.sport import DAY_S


class Football:
    """Prices fixtures from the facts known before the day; a Sport.

    A model is fitted once per day (UTC) from matches before that day only.
    """

    def __init__(
        self, facts: Sequence[FixtureFacts], settings: ModelSettings | None = None
    ) -> None:
        self._facts = facts
        self._settings = settings
        self._models: dict[int, FootballModel] = {}

    def model(self, as_of_s: int) -> FootballModel:
        """The model for the day of `as_of_s`. Raises ModelError when there are too few matches."""
        day = as_of_s // DAY_S
        if day not in self._models:
            self._models[day] = fit(self._facts, day * DAY_S, self._settings)
        return self._models[day]

    def space(self, home: str, away: str, as_of_s: int) -> ScoreGrid:
        """The score grid of a fixture, from matches before the day of `as_of_s`."""
        return score_grid(self.model(as_of_s).rates(home, away))
